"""Effort: what is asked of the engine, what is refused, and what is reported."""

import pytest
from triphase_server.core.effort import EffortMethod, EffortPolicy, UnsupportedPolicy, plan
from triphase_server.core.errors import InvalidRequest
from triphase_server.core.events import AppliedReasoning, Control, Source
from triphase_server.core.request import Effort, Reasoning

TEMPLATE = Control.TEMPLATE_VARIABLE
SOME = (Effort.LOW, Effort.HIGH)


@pytest.mark.parametrize(
    ("method", "effort", "body", "control"),
    [
        (EffortMethod.FIELD, Effort.LOW, {"reasoning_effort": "low"}, Control.ENGINE_FIELD),
        (EffortMethod.TEMPLATE, Effort.LOW, {"chat_template_kwargs": {"reasoning_effort": "low"}}, TEMPLATE),
        (EffortMethod.TOGGLE, Effort.LOW, {"chat_template_kwargs": {"enable_thinking": True}}, TEMPLATE),
        (EffortMethod.TOGGLE, Effort.NONE, {"chat_template_kwargs": {"enable_thinking": False}}, TEMPLATE),
    ],
)
def test_the_effort_is_written_where_the_engine_looks(
    method: EffortMethod, effort: Effort, body: dict[str, object], control: Control
) -> None:
    planned = plan(Reasoning(effort=effort), policy=EffortPolicy(method=method))
    assert planned.body == body
    assert planned.applied == AppliedReasoning(
        requested_effort=effort, applied_effort=effort, method=method.value, control=control, source=Source.REQUEST
    )


def test_nothing_is_said_where_nothing_was_asked() -> None:
    planned = plan(Reasoning(), policy=EffortPolicy())
    assert (planned.body, planned.applied) == ({}, AppliedReasoning())


def test_the_default_stands_in_for_a_request_without_effort() -> None:
    planned = plan(Reasoning(), policy=EffortPolicy(default=Effort.LOW))
    assert planned.body == {"reasoning_effort": "low"}
    assert (planned.applied.requested_effort, planned.applied.applied_effort) == (None, Effort.LOW)
    assert planned.applied.source is Source.DEFAULT


def test_an_unsupported_effort_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidRequest, match="this model supports: low, high"):
        plan(Reasoning(effort=Effort.MAX), policy=EffortPolicy(supported=SOME))
    with pytest.raises(InvalidRequest, match="this model supports: none at all"):
        plan(Reasoning(effort=Effort.MAX), policy=EffortPolicy(supported=(), unsupported=UnsupportedPolicy.CLAMP))


@pytest.mark.parametrize(
    ("effort", "nearest"), [(Effort.NONE, Effort.LOW), (Effort.MEDIUM, Effort.LOW), (Effort.MAX, Effort.HIGH)]
)
def test_clamp_takes_the_nearest_and_the_lower_of_two(effort: Effort, nearest: Effort) -> None:
    policy = EffortPolicy(supported=SOME, unsupported=UnsupportedPolicy.CLAMP)
    planned = plan(Reasoning(effort=effort), policy=policy)
    assert (planned.applied.requested_effort, planned.applied.applied_effort) == (effort, nearest)
    assert planned.applied.source is Source.CLAMP


def test_omit_says_nothing_to_the_engine_and_reports_so() -> None:
    policy = EffortPolicy(supported=SOME, unsupported=UnsupportedPolicy.OMIT)
    planned = plan(Reasoning(effort=Effort.MAX), policy=policy)
    assert planned.body == {}
    assert planned.applied == AppliedReasoning(requested_effort=Effort.MAX)


def test_a_budget_needs_a_field_of_the_engine() -> None:
    planned = plan(Reasoning(max_tokens=99), policy=EffortPolicy(budget_field="thinking_token_budget"))
    assert planned.body == {"thinking_token_budget": 99}
    assert (planned.applied.max_tokens, planned.applied.max_tokens_control) == (99, Control.ENGINE_BUDGET)
    with pytest.raises(InvalidRequest, match=r"reasoning\.max_tokens"):
        plan(Reasoning(max_tokens=99), policy=EffortPolicy())


def test_a_least_amount_of_thought_is_refused_where_it_is_not_offered() -> None:
    with pytest.raises(InvalidRequest, match=r"reasoning\.minimum_tokens"):
        plan(Reasoning(minimum_tokens=5), policy=EffortPolicy())
