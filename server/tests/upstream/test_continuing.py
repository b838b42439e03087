"""The body that has an engine go on with an answer."""

import json
from dataclasses import replace
from typing import Any

import pytest
from triphase_server.core.enforcement import Continuation, Enforcement, Template, Way
from triphase_server.core.request import GenerationRequest, Message, Role, Sampling, TextPart, Tool
from triphase_server.core.route import Deployment
from triphase_server.upstream.continuing import continuation_of
from triphase_server.upstream.pool import Endpoint

ENFORCEMENT = Enforcement(template=Template(source=""), controls=(), body={"add_special_tokens": False})
DEPLOYMENT = Deployment(
    name="a",
    upstream="u",
    model="tiny",
    enforcement=ENFORCEMENT,
    extra_body={"top_k": 20, "chat_template_kwargs": {"a": 1}, "separate_reasoning": True},
)
REQUEST = GenerationRequest(
    model="public",
    messages=(Message(role=Role.USER, content=(TextPart("Hello"),)),),
    sampling=Sampling(temperature=0.5, seed=7),
    stop=("END",),
    max_output_tokens=900,
    extra_body={"top_k": 5, "min_tokens": 1, "logprobs": True, "top_logprobs": 3},
)
CONTINUATION = Continuation(prompt="P<think>\na\n</think>\n\n", written="<think>\na\n</think>\n\n", max_tokens=400)


def body(deployment: Deployment = DEPLOYMENT, **fields: Any) -> tuple[Endpoint, dict[str, Any]]:
    endpoint, encoded = continuation_of(
        fields.pop("request", REQUEST),
        deployment=deployment,
        reasoning_body={"reasoning_effort": "low", "thinking_budget": 8},
        continuation=fields.pop("continuation", CONTINUATION),
        max_tokens_field="max_completion_tokens",
    )
    return endpoint, json.loads(encoded)


def test_a_prompt_of_text_has_what_shapes_the_text_and_nothing_of_chats() -> None:
    endpoint, sent = body()
    assert endpoint is Endpoint.COMPLETIONS
    assert sent == {
        "model": "tiny",
        "prompt": CONTINUATION.prompt,
        "max_tokens": 400,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "seed": 7,
        "stop": ["END"],
        "top_k": 5,
        "min_tokens": 1,
        "add_special_tokens": False,
    }


def test_the_operators_fields_win_over_the_callers_but_never_over_ours() -> None:
    own = replace(ENFORCEMENT, body={"top_k": 1, "prompt": "x", "max_tokens": 1, "model": "y"})
    _, sent = body(replace(DEPLOYMENT, enforcement=own))
    assert (sent["top_k"], sent["prompt"], sent["max_tokens"], sent["model"]) == (1, CONTINUATION.prompt, 400, "tiny")


def test_a_message_that_is_not_finished_is_the_last_of_the_chat() -> None:
    tools = (Tool(name="f"),)
    prefills = replace(DEPLOYMENT, enforcement=replace(ENFORCEMENT, way=Way.PREFILL, body={}))
    endpoint, sent = body(prefills, request=replace(REQUEST, tools=tools))
    assert endpoint is Endpoint.CHAT
    assert sent["messages"] == [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": CONTINUATION.written},
    ]
    assert (sent["add_generation_prompt"], sent["continue_final_message"]) == (False, True)
    assert sent["max_completion_tokens"] == 400
    assert (sent["reasoning_effort"], sent["thinking_budget"]) == ("low", 8)
    assert sent["tools"][0]["function"]["name"] == "f"
    assert "prompt" not in sent


@pytest.mark.parametrize(
    ("least", "delivered", "sent"),
    [(1, 0, 1), (200, 150, 50), (200, 300, 0), (900, 150, 400), ("many", 150, "many")],
)
@pytest.mark.parametrize("way", Way)
def test_a_least_number_of_tokens_is_less_what_came_and_never_more_than_the_most(
    way: Way, least: object, delivered: int, sent: object
) -> None:
    one = replace(DEPLOYMENT, enforcement=replace(ENFORCEMENT, way=way))
    asked = replace(REQUEST, extra_body={"min_tokens": least})
    _, encoded = body(one, request=asked, continuation=replace(CONTINUATION, delivered=delivered))
    assert encoded["min_tokens"] == sent
