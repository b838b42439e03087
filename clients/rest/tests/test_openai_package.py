"""Chat completions and models, by the official `openai` package, unmodified, before the real gateway.

Responses are in `test_responses.py`, the doors in `conftest.py`.
"""

from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion
from pydantic import BaseModel
from rest_fakes.frames import chunks

ASK: Any = [{"role": "user", "content": "What is 47 + 38?"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


class Sum(BaseModel):
    sum: int


def test_a_whole_answer_with_its_thoughts_and_usage(client: Any) -> None:
    answer = client.chat.completions.create(model="reference", messages=ASK, reasoning_effort="low")
    assert answer.choices[0].message.content == "47 + 38 = 85"
    assert answer.choices[0].message.reasoning_content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens > answer.usage.completion_tokens_details.reasoning_tokens > 0


def test_a_stream_says_the_same(client: Any) -> None:
    usage = {"include_usage": True}
    with client.chat.completions.create(model="reference", messages=ASK, stream=True, stream_options=usage) as stream:
        chunks = list(stream)
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == "47 + 38 = 85"
    assert "".join(getattr(delta, "reasoning", None) or "" for delta in deltas)
    assert chunks[-1].usage.total_tokens == chunks[-1].usage.prompt_tokens + chunks[-1].usage.completion_tokens


def test_summaries_where_they_are_asked_for(client: Any) -> None:
    wish = {"triphase": {"summaries": "auto"}}
    answer = client.chat.completions.create(model="reference", messages=ASK, extra_body=wish)
    assert answer.choices[0].message.triphase["prompt_summary"] == "What is 47 + 38?"
    assert answer.choices[0].message.triphase["reasoning_summary"]


def test_models(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["reference"]
    assert client.models.retrieve("reference").owned_by == "triphase"


def test_errors_are_the_packages_own(client: Any) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="nope", messages=ASK)
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="reference", messages=ASK, n=2)
    assert refused.value.param == "n"


def test_a_stream_that_is_left_early_leaves_the_gateway_well(client: Any) -> None:
    with client.chat.completions.create(model="reference", messages=ASK, stream=True) as stream:
        next(iter(stream))
    assert client.chat.completions.create(model="reference", messages=ASK).choices[0].message.content == "47 + 38 = 85"


def test_every_frame_is_of_the_packages_types(url: str, scripted_url: str) -> None:
    asked = {"messages": ASK, "stream_options": {"include_usage": True}}
    of_numbers = chunks(url, {"model": "reference", "triphase": {"summaries": "auto"}, **asked})
    assert of_numbers[-1].usage is not None
    of_tools = chunks(scripted_url, {"model": "tools", "tools": [WEATHER], **asked})
    assert of_tools[-2].choices[0].finish_reason == "tool_calls"


def test_tools_there_and_back(scripted: Any, engine: Any) -> None:
    first = scripted.chat.completions.create(model="tools", messages=ASK, tools=[WEATHER], tool_choice="auto")
    ChatCompletion.model_validate(first.to_dict(), strict=True)
    message = first.choices[0].message
    assert [call.function.arguments for call in message.tool_calls] == ['{"city": "Oslo"}', '{"city": "Rome"}']
    results = [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in message.tool_calls]
    scripted.chat.completions.create(model="json", messages=[*ASK, message.to_dict(), *results], tools=[WEATHER])
    assert [said["role"] for said in engine.asked[-1]["messages"]] == ["user", "assistant", "tool", "tool"]


def test_the_packages_stream_puts_tool_calls_together(scripted: Any) -> None:
    with scripted.chat.completions.stream(model="tools", messages=ASK, tools=[WEATHER]) as stream:
        stream.until_done()
        final = stream.get_final_completion()
    assert [call.id for call in final.choices[0].message.tool_calls] == ["call_a", "call_b"]


def test_structured_output_and_images_reach_the_engine(scripted: Any, engine: Any) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}}
    content: Any = [{"type": "text", "text": "How many?"}, picture]
    parsed = scripted.chat.completions.parse(
        model="json", messages=[{"role": "user", "content": content}], response_format=Sum
    )
    assert parsed.choices[0].message.parsed == Sum(sum=85)
    assert parsed.usage.prompt_tokens_details.cached_tokens == 4
    assert engine.asked[-1]["messages"][-1]["content"][1] == picture
    assert engine.asked[-1]["response_format"]["json_schema"]["name"] == "Sum"


def test_a_stream_that_breaks_raises_and_an_engine_that_is_full_is_told_by_status(scripted: Any) -> None:
    with pytest.raises(openai.APIError) as broken:
        list(scripted.chat.completions.create(model="broken", messages=ASK, stream=True))
    assert broken.value.code.startswith("UPSTREAM_")
    with pytest.raises(openai.APIStatusError) as full:
        scripted.chat.completions.create(model="busy", messages=ASK, stream=True)
    assert full.value.status_code in {429, 503}


def test_who_leaves_ends_the_engines_work(scripted: Any, engine: Any) -> None:
    engine.left.clear()
    with scripted.chat.completions.create(model="endless", messages=ASK, stream=True) as stream:
        next(iter(stream))
    assert engine.left.wait(30)


def test_a_bound_on_thinking_reaches_the_gateway_which_may_refuse_it_by_that_name(scripted: Any) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        scripted.chat.completions.create(model="json", messages=ASK, extra_body={"thinking_token_budget": 64})
    assert refused.value.param == "thinking_token_budget"
