"""The Responses API, by the official `openai` package, unmodified, and by the types that it has for each frame."""

from typing import Any

import openai
import pytest
from openai.types.responses import Response
from pydantic import BaseModel
from rest_fakes.frames import response_events

ASK = "What is 47 + 38?"
WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


class Sum(BaseModel):
    sum: int


def texts(events: list[Any], kind: str) -> str:
    return "".join(event.delta for event in events if event.type == kind)


def test_a_stream_shows_the_summary_then_the_output(url: str) -> None:
    events = response_events(url, {"model": "reference", "input": ASK, "reasoning": {"summary": "auto"}})
    kinds = [event.type for event in events]
    assert kinds[:3] == ["response.created", "response.in_progress", "response.output_item.added"]
    assert kinds[-1] == "response.completed"
    assert kinds.index("response.reasoning_summary_part.added") < kinds.index("response.output_text.delta")
    assert "response.reasoning_text.delta" not in kinds
    thoughts, message = events[-1].response.output
    assert texts(events, "response.reasoning_summary_text.delta") == "".join(part.text for part in thoughts.summary)
    assert len(thoughts.summary) == kinds.count("response.reasoning_summary_part.added") > 0
    assert texts(events, "response.output_text.delta") == message.content[0].text == "47 + 38 = 85"
    assert events[-1].response.usage.output_tokens_details.reasoning_tokens > 0
    assert events[0].response.id == events[-1].response.id
    assert events[-1].response.triphase["prompt_summary"] == ASK


def test_every_part_and_item_that_begins_is_closed(url: str) -> None:
    events = response_events(url, {"model": "reference", "input": ASK, "include_reasoning": True})
    for begun, closed in [
        ("response.output_item.added", "response.output_item.done"),
        ("response.content_part.added", "response.content_part.done"),
        ("response.reasoning_summary_part.added", "response.reasoning_summary_part.done"),
        ("response.reasoning_summary_part.added", "response.reasoning_summary_text.done"),
    ]:
        assert sum(event.type == begun for event in events) == sum(event.type == closed for event in events) > 0
    raw = next(event.text for event in events if event.type == "response.reasoning_text.done")
    assert raw == texts(events, "response.reasoning_text.delta") != ""


def test_the_package_makes_the_same_response_of_a_stream_and_of_a_whole_answer(client: Any) -> None:
    with client.responses.stream(model="reference", input=ASK, reasoning={"summary": "auto"}, temperature=0) as stream:
        seen = [event.type for event in stream]
        final = stream.get_final_response()
    whole = client.responses.create(model="reference", input=ASK, reasoning={"summary": "auto"}, temperature=0)
    Response.model_validate(whole.to_dict(), strict=True)
    assert "response.reasoning_summary_text.delta" in seen
    assert final.output_text == whole.output_text == "47 + 38 = 85"
    assert [part.text for part in final.output[0].summary] == [part.text for part in whole.output[0].summary]
    assert whole.status == "completed"
    assert whole.usage.total_tokens == whole.usage.input_tokens + whole.usage.output_tokens


def test_no_summary_where_none_is_wanted(client: Any) -> None:
    whole = client.responses.create(model="reference", input=ASK, reasoning={"summary": None})
    assert [item.type for item in whole.output] == ["message"]


def test_a_bound_that_is_reached_leaves_it_incomplete(url: str) -> None:
    asked = {"model": "reference", "input": ASK, "max_output_tokens": 8, "reasoning": {"effort": "none"}}
    events = response_events(url, asked)
    assert events[-1].type == "response.incomplete"
    assert events[-1].response.incomplete_details.reason == "max_output_tokens"
    assert events[-1].response.status == events[-1].response.output[-1].status == "incomplete"


def test_tools_there_and_back(scripted: Any, scripted_url: str, engine: Any) -> None:
    first = scripted.responses.create(model="tools", input="Weather in Oslo and Rome?", tools=[WEATHER])
    calls = [item for item in first.output if item.type == "function_call"]
    assert [(call.call_id, call.name, call.arguments) for call in calls] == [
        ("call_a", "weather", '{"city": "Oslo"}'),
        ("call_b", "weather", '{"city": "Rome"}'),
    ]
    events = response_events(scripted_url, {"model": "tools", "input": "Weather?", "tools": [WEATHER]})
    assert [event.arguments for event in events if event.type == "response.function_call_arguments.done"] == [
        '{"city": "Oslo"}',
        '{"city": "Rome"}',
    ]
    conversation: Any = [{"role": "user", "content": "Weather in Oslo and Rome?"}, *first.output]
    conversation += [{"type": "function_call_output", "call_id": call.call_id, "output": "rain"} for call in calls]
    second = scripted.responses.create(
        model="json", input=conversation, tools=[WEATHER], instructions="Be brief.", tool_choice="auto"
    )
    assert second.output_text == '{"sum": 85}'
    sent = engine.asked[-1]["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "tool", "tool"]
    assert [call["id"] for call in sent[2]["tool_calls"]] == ["call_a", "call_b"]
    assert sent[2]["content"] == "I look."


def test_structured_output_and_images_reach_the_engine(scripted: Any, engine: Any) -> None:
    picture = "data:image/png;base64,iVBORw0KGgo="
    content: Any = [{"type": "input_text", "text": ASK}, {"type": "input_image", "image_url": picture, "detail": "low"}]
    parsed = scripted.responses.parse(model="json", input=[{"role": "user", "content": content}], text_format=Sum)
    assert parsed.output_parsed == Sum(sum=85)
    assert engine.asked[-1]["response_format"]["json_schema"]["name"] == "Sum"
    image = engine.asked[-1]["messages"][-1]["content"][1]
    assert image["image_url"] == {"url": picture, "detail": "low"}


def test_a_stream_that_breaks_ends_failed_and_an_engine_that_is_full_is_told_by_status(
    scripted: Any, scripted_url: str
) -> None:
    events = response_events(scripted_url, {"model": "broken", "input": ASK})
    assert events[-1].type == "response.failed"
    assert events[-1].response.status == "failed"
    assert events[-1].response.error.code == "server_error"
    assert events[-1].response.error.reason.startswith("UPSTREAM_")
    with pytest.raises(openai.APIStatusError) as full:
        scripted.responses.create(model="busy", input=ASK, stream=True)
    assert full.value.status_code in {429, 503}


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"truncation": "auto"}, "truncation"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"reasoning": {"effort": "furious"}}, "reasoning.effort"),
        ({"include": ["file_search_call.results"]}, "include"),
        ({"temperature": 9}, "temperature"),
        ({"extra_body": {"modle": "x"}}, "modle"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_honoured_is_refused_by_name(client: Any, asked: dict[str, Any], parameter: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model="reference", input=ASK, **asked)
    assert refused.value.param == parameter


def test_who_leaves_ends_the_engines_work(scripted: Any, engine: Any) -> None:
    engine.left.clear()
    with scripted.responses.create(model="endless", input=ASK, stream=True) as stream:
        assert any(event.type == "response.reasoning_summary_text.delta" for event in stream)
    assert engine.left.wait(30)
