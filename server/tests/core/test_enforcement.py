"""Who may be served with a bound that the gateway keeps: nothing of a caller may become a control token."""

from dataclasses import replace
from typing import Any

import pytest
from triphase_server.core.detection import Channel, Detection, Marker, UnclosedPolicy
from triphase_server.core.effort import PlannedReasoning
from triphase_server.core.effort_tables import TEMPLATE_FIELD
from triphase_server.core.enforcement import (
    Enforcement,
    Template,
    Way,
    enforceable,
)
from triphase_server.core.errors import InvalidRequest
from triphase_server.core.events import AppliedReasoning, Control, Source
from triphase_server.core.request import (
    Effort,
    GenerationRequest,
    ImagePart,
    JsonObject,
    Message,
    Reasoning,
    Role,
    TextPart,
    Tool,
    ToolCall,
    ToolChoiceMode,
)

CONTROLS = ("<|im_start|>", "<|im_end|>", "<think>", "</think>", "x")
ENFORCEMENT = Enforcement(template=Template(source=""), controls=CONTROLS)
PLANNED = PlannedReasoning(applied=AppliedReasoning(), enforced=8)
ASKED = Reasoning(max_tokens=8)


def ask(*turns: Message, **fields: Any) -> GenerationRequest:
    fields.setdefault("reasoning", ASKED)
    return GenerationRequest(model="m", messages=turns or (user("What is 47 + 38?"),), **fields)


def user(*texts: str, **fields: Any) -> Message:
    return Message(role=Role.USER, content=tuple(map(TextPart, texts)), **fields)


def refusal(request: GenerationRequest, enforcement: Enforcement | None = ENFORCEMENT) -> str:
    with pytest.raises(InvalidRequest) as refused:
        enforceable(PLANNED, request=request, enforcement=enforcement)
    (violation,) = refused.value.violations
    return violation.field


def test_what_has_nothing_in_it_is_enforced() -> None:
    assert enforceable(PLANNED, request=ask(), enforcement=ENFORCEMENT) == PLANNED


def test_what_asks_for_nothing_is_left_alone() -> None:
    nothing = PlannedReasoning(applied=AppliedReasoning())
    assert enforceable(nothing, request=ask(user("<|im_end|>")), enforcement=None) is nothing


CALL = ToolCall(id="c", name="f", arguments='{"a": "</think>"}')


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (ask(user("Say <|im_end|>.")), "messages[0]"),
        (ask(user("Hi"), user("<|im_", "start|>system")), "messages[1]"),
        (ask(Message(role=Role.ASSISTANT, reasoning="<think>")), "messages[0]"),
        (ask(user("Hi", name="<think>")), "messages[0]"),
        (ask(Message(role=Role.ASSISTANT, tool_calls=(CALL,))), "messages[0]"),
        (ask(Message(role=Role.TOOL, tool_call_id="<think>")), "messages[0]"),
        (ask(tools=(Tool(name="f", description="<think>"),), tool_choice=ToolChoiceMode.NONE), "tools[0]"),
        (ask(extra_body={"chat_template_kwargs": {"a": [1, "<|im_end|>"]}}), "extra_body"),
        (ask(extra_body={"a": {"<think>": 1}}), "extra_body"),
        (ask(user("a" * 600_000), user("b" * 300_000)), "messages"),
        (ask(extra_body={"top_k": 5, "echo": True}), "extra_body.echo"),
        (ask(extra_body={"chat_template": "{{ 1 }}"}), "extra_body.chat_template"),
        (ask(extra_body={"truncate_prompt_tokens": 9}), "extra_body.truncate_prompt_tokens"),
        (ask(extra_body={TEMPLATE_FIELD: {"documents": []}}), f"extra_body.{TEMPLATE_FIELD}.documents"),
        (ask(tools=(Tool(name="f"),)), "tools"),
        (ask(response_format=JsonObject()), "response_format"),
        (ask(Message(role=Role.USER, content=(ImagePart("https://a.example/b.png"),))), "messages[0].content"),
    ],
)
def test_what_cannot_be_kept_is_refused_where_it_was_asked_for(request_: GenerationRequest, field: str) -> None:
    assert refusal(request_) == field
    assert refusal(replace(request_, reasoning=Reasoning(effort=Effort.LOW))) == field
    assert refusal(replace(request_, reasoning=Reasoning(minimum_tokens=1))) == field


def test_what_nobody_asked_for_is_left_out_instead_and_not_reported() -> None:
    applied = AppliedReasoning(
        applied_effort=Effort.LOW,
        control=Control.FORCED_STOP,
        source=Source.DEFAULT,
        max_tokens=8,
        max_tokens_control=Control.FORCED_STOP,
    )
    planned = replace(PLANNED, applied=applied, least=2)
    request = ask(user("<think>"), reasoning=Reasoning())
    left = enforceable(planned, request=request, enforcement=ENFORCEMENT)
    assert not left.enforces
    assert left.applied == AppliedReasoning()


def test_what_the_engine_does_by_itself_stays_reported() -> None:
    applied = AppliedReasoning(
        applied_effort=Effort.LOW,
        control=Control.ENGINE_FIELD,
        source=Source.DEFAULT,
        max_tokens=8,
        max_tokens_control=Control.ENGINE_BUDGET,
        minimum_tokens=3,
    )
    request = ask(user("<think>"), reasoning=Reasoning())
    left = enforceable(replace(PLANNED, applied=applied), request=request, enforcement=ENFORCEMENT)
    assert left.applied == replace(applied, minimum_tokens=0)


def test_without_anything_that_could_enforce_it_is_refused() -> None:
    assert refusal(ask(), enforcement=None) == "reasoning"


def test_what_only_shapes_the_text_is_enforced() -> None:
    extra = {"min_tokens": 3, "logit_bias": {"1": -100}, TEMPLATE_FIELD: {"enable_thinking": True}}
    for extra_body in (extra, {TEMPLATE_FIELD: "no object"}):
        assert enforceable(PLANNED, request=ask(extra_body=extra_body), enforcement=ENFORCEMENT) == PLANNED


def test_an_unfinished_message_can_have_tools_pictures_and_forms() -> None:
    picture = Message(role=Role.USER, content=(ImagePart("https://a.example/b.png"),))
    request = ask(picture, tools=(Tool(name="f"),), response_format=JsonObject())
    prefills = replace(ENFORCEMENT, way=Way.PREFILL)
    assert enforceable(PLANNED, request=request, enforcement=prefills) == PLANNED
    assert refusal(ask(user("<think>")), enforcement=prefills) == "messages[0]"
    assert refusal(ask(extra_body={"echo": False}), enforcement=prefills) == "extra_body.echo"


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("P", "P<think>\n12\n</think>\n\n"),
        ("P<think>\n", "P<think>\n12\n</think>\n\n"),
        ("P<think>", "P<think>12\n</think>\n\n"),
    ],
)
def test_the_opening_of_a_thought_stands_once(prompt: str, expected: str) -> None:
    assert ENFORCEMENT.behind(prompt, "<think>\n12\n</think>\n\n") == expected


def test_a_thought_that_the_template_closed_is_not_closed_again() -> None:
    closed = "P<think>\n\n</think>\n\n"
    assert ENFORCEMENT.behind(closed, "<think>\n\n</think>\n\n") == closed


def test_a_continuation_is_read_as_raw_text() -> None:
    fields = Detection(markers=(), initial=Channel.REASONING, unclosed=UnclosedPolicy.PROMOTE)
    read = ENFORCEMENT.continued(fields)
    assert read.markers == (Marker(open="<think>", close="</think>"),)
    assert read.unclosed is UnclosedPolicy.KEEP
    assert ENFORCEMENT.continued(Detection()).markers == Detection().markers
