"""The JSON body, byte for byte."""

import json
from dataclasses import replace

import pytest
from triphase_server.core.detection import Detection
from triphase_server.core.errors import InternalError
from triphase_server.core.normalization import Normalization
from triphase_server.core.request import (
    GenerationRequest,
    ImagePart,
    JsonObject,
    JsonSchema,
    Message,
    NamedTool,
    Role,
    Sampling,
    TextPart,
    Tool,
    ToolCall,
    ToolChoiceMode,
)
from triphase_server.core.route import Deployment
from triphase_server.upstream.body import RESERVED_FIELDS, encode_body
from triphase_server.upstream.settings import MaxTokensField

DEPLOYMENT = Deployment(name="main", upstream="engine", model="tiny")
HELLO = Message(role=Role.USER, content=(TextPart("Hello"),))
REQUEST = GenerationRequest(model="public", messages=(HELLO,))
START = b'{"model":"tiny","messages":[{"role":"user","content":"Hello"}],"stream":true,'
END = b'"stream_options":{"include_usage":true}}'


def encode(
    request: GenerationRequest = REQUEST,
    deployment: Deployment = DEPLOYMENT,
    reasoning: dict[str, object] | None = None,
    max_tokens_field: MaxTokensField = "max_tokens",
) -> bytes:
    return encode_body(
        request, deployment=deployment, reasoning_body=reasoning or {}, max_tokens_field=max_tokens_field
    )


def messages(*given: Message, deployment: Deployment = DEPLOYMENT) -> str:
    body = encode(replace(REQUEST, messages=given), deployment)
    return body.decode().partition('"messages":')[2].partition(',"stream":')[0]


def test_a_plain_request() -> None:
    assert encode() == START + END


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"sampling": Sampling(temperature=0.0, top_p=0.5, top_k=-1, min_p=0.1, seed=2**53 + 1)},
            b'"temperature":0.0,"top_p":0.5,"top_k":-1,"min_p":0.1,"seed":9007199254740993,',
        ),
        (
            {"sampling": Sampling(frequency_penalty=-2.0, presence_penalty=1.5, repetition_penalty=1.1)},
            b'"frequency_penalty":-2.0,"presence_penalty":1.5,"repetition_penalty":1.1,',
        ),
        ({"sampling": Sampling(temperature=float("nan"), top_p=float("inf"))}, b'"temperature":null,"top_p":null,'),
        ({"stop": ("END", "\n\n")}, b'"stop":["END","\\n\\n"],'),
        ({"max_output_tokens": 7}, b'"max_tokens":7,'),
        ({"tool_choice": ToolChoiceMode.REQUIRED}, b'"tool_choice":"required",'),
        ({"tool_choice": NamedTool("look")}, b'"tool_choice":{"type":"function","function":{"name":"look"}},'),
        ({"response_format": JsonObject()}, b'"response_format":{"type":"json_object"},'),
        (
            {"response_format": JsonSchema(name="sum", schema='{"type": "object"}')},
            b'"response_format":{"type":"json_schema","json_schema":{"name":"sum","schema":{"type": "object"}}},',
        ),
        (
            {"response_format": JsonSchema(name="sum", schema="{}", description="A sum.", strict=True)},
            (
                b'"response_format":{"type":"json_schema","json_schema":'
                b'{"name":"sum","description":"A sum.","schema":{},"strict":true}},'
            ),
        ),
        (
            {"tools": (Tool(name="now"),)},
            b'"tools":[{"type":"function","function":{"name":"now"}}],',
        ),
        (
            {
                "tools": (
                    Tool(name="look", description="Looks.", parameters_schema='{"b": 1, "a": {"z":2}}', strict=False),
                )
            },
            (
                b'"tools":[{"type":"function","function":'
                b'{"name":"look","description":"Looks.","parameters":{"b": 1, "a": {"z":2}},"strict":false}}],'
            ),
        ),
        ({"extra_body": {"guided_regex": "a+", "min_tokens": 3}}, b'"guided_regex":"a+","min_tokens":3,'),
    ],
)
def test_the_fields_of_a_request(changes: dict[str, object], expected: bytes) -> None:
    assert encode(replace(REQUEST, **changes)) == START + expected + END  # type: ignore[arg-type]


def test_the_bound_on_tokens_has_the_name_that_the_upstream_knows() -> None:
    body = encode(replace(REQUEST, max_output_tokens=7), max_tokens_field="max_completion_tokens")
    assert body == START + b'"max_completion_tokens":7,' + END


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            Message(role=Role.SYSTEM, content=(TextPart("One"), TextPart("Two"))),
            '[{"role":"system","content":[{"type":"text","text":"One"},{"type":"text","text":"Two"}]}]',
        ),
        (
            Message(
                role=Role.USER,
                name="ann",
                content=(TextPart("See"), ImagePart("https://h/i.png"), ImagePart("data:image/png;base64,AA", "low")),
            ),
            (
                '[{"role":"user","name":"ann","content":[{"type":"text","text":"See"},'
                '{"type":"image_url","image_url":{"url":"https://h/i.png"}},'
                '{"type":"image_url","image_url":{"url":"data:image/png;base64,AA","detail":"low"}}]}]'
            ),
        ),
        (
            Message(role=Role.USER, content=(ImagePart("https://h/i.png"),)),
            '[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://h/i.png"}}]}]',
        ),
        (
            Message(role=Role.ASSISTANT, tool_calls=(ToolCall(id="c1", name="look", arguments='{"a": 1'),)),
            (
                '[{"role":"assistant","content":null,"tool_calls":'
                '[{"id":"c1","type":"function","function":{"name":"look","arguments":"{\\"a\\": 1"}}]}]'
            ),
        ),
        (
            Message(role=Role.TOOL, tool_call_id="c1", content=(TextPart("42"),)),
            '[{"role":"tool","content":"42","tool_call_id":"c1"}]',
        ),
        (
            Message(role=Role.ASSISTANT, content=(TextPart("Yes \u2603"),), reasoning="Hm."),
            '[{"role":"assistant","content":"Yes \u2603","reasoning":"Hm."}]',
        ),
        (
            Message(role=Role.DEVELOPER, content=(TextPart('"\x00\\'),)),
            '[{"role":"developer","content":"\\"\\u0000\\\\"}]',
        ),
    ],
)
def test_the_turns(message: Message, expected: str) -> None:
    assert messages(message) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"b": 1.50, "a": [1e2]}', '{"b": 1.50, "a": [1e2]}'),  # as it was written
        ("", "{}"),
        ('{"a": 1', '"{\\"a\\": 1"'),
        ('{"a": NaN}', '"{\\"a\\": NaN}"'),
        ("[1]", '"[1]"'),
        ('"{}"', '"\\"{}\\""'),
        ('{}, "model": "other"', '"{}, \\"model\\": \\"other\\""'),
    ],
)
def test_arguments_that_are_an_object_leave_as_one_where_the_template_wants_it(arguments: str, expected: str) -> None:
    turn = Message(role=Role.ASSISTANT, tool_calls=(ToolCall(id="c1", name="look", arguments=arguments),))
    strict = replace(DEPLOYMENT, messages=Normalization(tool_arguments="object", null_content="empty"))
    assert messages(turn, deployment=strict) == (
        '[{"role":"assistant","content":"","tool_calls":'
        f'[{{"id":"c1","type":"function","function":{{"name":"look","arguments":{expected}}}}}]}}]'
    )


def test_arguments_too_deep_to_be_read_stay_text() -> None:
    deep = '{"a":' + "[" * 100_000 + "]" * 100_000 + "}"
    turn = Message(role=Role.ASSISTANT, tool_calls=(ToolCall(id="c1", name="look", arguments=deep),))
    body = encode(
        replace(REQUEST, messages=(turn,)), replace(DEPLOYMENT, messages=Normalization(tool_arguments="object"))
    )
    (sent,) = json.loads(body)["messages"]
    assert sent["tool_calls"][0]["function"]["arguments"] == deep


def test_thoughts_go_back_under_a_name_that_engines_know_where_none_is_configured() -> None:
    bare = replace(DEPLOYMENT, detection=Detection(fields=()))
    turn = Message(role=Role.ASSISTANT, content=(TextPart("Yes"),), reasoning="Hm.")
    assert messages(turn, deployment=bare) == '[{"role":"assistant","content":"Yes","reasoning_content":"Hm."}]'


def test_who_wins_key_by_key() -> None:
    deployment = replace(
        DEPLOYMENT, extra_body={"temperature": 1.0, "chat_template_kwargs": {"x": 1, "reasoning_effort": "low"}, "k": 1}
    )
    request = replace(
        REQUEST,
        sampling=Sampling(temperature=0.5),
        extra_body={"chat_template_kwargs": {"enable_thinking": True, "deep": {"b": 2}, "y": 2}},
    )
    reasoning: dict[str, object] = {
        "chat_template_kwargs": {"reasoning_effort": "high", "enable_thinking": False, "deep": {"a": 1, "b": 1}}
    }
    body = json.loads(encode(request, deployment, reasoning))
    assert body["temperature"] == 0.5
    assert body["k"] == 1
    assert body["chat_template_kwargs"] == {
        "x": 1,
        "reasoning_effort": "high",
        "enable_thinking": False,
        "deep": {"a": 1, "b": 1},
        "y": 2,
    }


def test_merging_leaves_what_was_given_as_it_was() -> None:
    inner: dict[str, object] = {"x": 1}
    deployment = replace(DEPLOYMENT, extra_body={"chat_template_kwargs": inner})
    encode(replace(REQUEST, extra_body={"chat_template_kwargs": {"y": 2}}), deployment)
    assert inner == {"x": 1}


@pytest.mark.parametrize("name", sorted(RESERVED_FIELDS))
def test_nobody_else_sets_the_fields_that_the_gateway_lives_by(name: str) -> None:
    evil: dict[str, object] = {name: "evil", "kind": "good"}
    for body in (
        encode(replace(REQUEST, extra_body=evil)),
        encode(deployment=replace(DEPLOYMENT, extra_body=evil)),
        encode(reasoning=evil),
    ):
        assert body == START + b'"kind":"good",' + END


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"include_usage": False}, {"include_usage": True}),
        ({"continuous_usage_stats": True}, {"continuous_usage_stats": True, "include_usage": True}),
        (None, {"include_usage": True}),
    ],
)
def test_usage_is_always_asked_for(given: object, expected: dict[str, bool]) -> None:
    body = json.loads(encode(replace(REQUEST, extra_body={"stream_options": given})))
    assert body["stream_options"] == expected


@pytest.mark.parametrize("schema", ['{}},"model":"x","y":{"a":{', "[]", '{"a":NaN}', "", '{"a":1', "{} {}"])
def test_a_schema_that_is_not_one_object_never_leaves(schema: str) -> None:
    with pytest.raises(InternalError):
        encode(replace(REQUEST, response_format=JsonSchema(name="s", schema=schema)))


def test_whole_numbers_stay_whole() -> None:
    body = encode(replace(REQUEST, extra_body={"n_probs": 3, "nested": {"big": 2**60, "half": 0.5}}))
    assert body == START + b'"n_probs":3,"nested":{"big":1152921504606846976,"half":0.5},' + END
