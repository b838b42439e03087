"""Effort: what is asked of the engine, who is heard first, what is refused, and what is reported."""

from dataclasses import replace

import pytest
from core.planning import ALWAYS, BUDGETED, ENFORCED, NO_THINKING, SOME, TEMPLATE, THINKING, TOGGLE, asked, refused
from triphase_server.core.effort import PlannedReasoning, is_about_effort, unsupported
from triphase_server.core.effort_policy import EffortMethod, EffortPolicy, UnsupportedPolicy
from triphase_server.core.errors import InvalidRequest, Violation
from triphase_server.core.events import AppliedReasoning, Control, Source
from triphase_server.core.request import Effort


@pytest.mark.parametrize(
    ("method", "effort", "body", "control"),
    [
        (EffortMethod.FIELD, Effort.LOW, {"reasoning_effort": "low"}, Control.ENGINE_FIELD),
        (EffortMethod.TEMPLATE, Effort.LOW, {"chat_template_kwargs": {"reasoning_effort": "low"}}, TEMPLATE),
        (EffortMethod.TOGGLE, Effort.LOW, THINKING, TEMPLATE),
        (EffortMethod.TOGGLE, Effort.NONE, NO_THINKING, TEMPLATE),
    ],
)
def test_the_effort_is_written_where_the_engine_looks(
    method: EffortMethod, effort: Effort, body: dict[str, object], control: Control
) -> None:
    planned = asked(EffortPolicy(method=method), effort)
    assert (planned.body, planned.enforced) == (body, None)
    assert planned.applied == AppliedReasoning(
        requested_effort=effort, applied_effort=effort, method=method.value, control=control, source=Source.REQUEST
    )


def test_a_level_has_fields_of_its_own() -> None:
    kwargs = {"chat_template_kwargs": {"thinking": True, "thinking_effort": "max"}}
    planned = asked(EffortPolicy(supported=(), levels={Effort.MAX: kwargs}), Effort.MAX)
    assert planned.body == kwargs
    assert planned.applied.method == "chat_template_kwargs.thinking, chat_template_kwargs.thinking_effort"
    assert planned.applied.control is TEMPLATE
    # A level may be what the model does unasked.
    assert asked(EffortPolicy(supported=(), levels={Effort.NONE: {}}), Effort.NONE) == PlannedReasoning(
        applied=AppliedReasoning(requested_effort=Effort.NONE, applied_effort=Effort.NONE, source=Source.REQUEST)
    )


def test_nothing_is_said_where_nothing_was_asked() -> None:
    for policy in (EffortPolicy(), BUDGETED, ENFORCED):
        assert asked(policy) == PlannedReasoning(applied=AppliedReasoning())


def test_the_default_stands_in_for_a_request_without_effort() -> None:
    planned = asked(EffortPolicy(default=Effort.LOW))
    assert planned.body == {"reasoning_effort": "low"}
    assert (planned.applied.requested_effort, planned.applied.applied_effort) == (None, Effort.LOW)
    assert planned.applied.source is Source.DEFAULT


def test_an_unsupported_effort_is_refused_with_the_known_ones() -> None:
    assert refused(EffortPolicy(supported=SOME), Effort.MAX) == [("reasoning.effort", "this model supports: low, high")]
    nothing = EffortPolicy(supported=(), unsupported=UnsupportedPolicy.CLAMP)
    assert refused(nothing, Effort.MAX) == [("reasoning.effort", "this model supports: none at all")]


def test_a_refusal_is_about_effort_where_nothing_else_is_wrong() -> None:
    assert is_about_effort(unsupported([Effort.LOW]))
    both = (Violation(field="reasoning.effort", description="x"), Violation(field="stop", description="x"))
    assert not is_about_effort(InvalidRequest(both))


@pytest.mark.parametrize(
    ("effort", "nearest"), [(Effort.NONE, Effort.LOW), (Effort.MEDIUM, Effort.LOW), (Effort.MAX, Effort.HIGH)]
)
def test_clamp_takes_the_nearest_and_the_lower_of_two(effort: Effort, nearest: Effort) -> None:
    planned = asked(EffortPolicy(supported=SOME, unsupported=UnsupportedPolicy.CLAMP), effort)
    assert (planned.applied.requested_effort, planned.applied.applied_effort) == (effort, nearest)
    assert (planned.body, planned.applied.source) == ({"reasoning_effort": nearest.value}, Source.CLAMP)


def test_omit_says_nothing_to_the_engine_and_reports_so() -> None:
    for default in (None, Effort.LOW):
        policy = EffortPolicy(supported=SOME, default=default, unsupported=UnsupportedPolicy.OMIT)
        planned = asked(policy, Effort.MAX)
        assert planned == PlannedReasoning(applied=AppliedReasoning(requested_effort=Effort.MAX))


# Effort by bounds: what models that only think or do not can be given.


@pytest.mark.parametrize(
    ("effort", "tokens"),
    [(Effort.MINIMAL, 512), (Effort.LOW, 1024), (Effort.MEDIUM, 8192), (Effort.HIGH, 24576), (Effort.XHIGH, 32768)],
)
def test_an_effort_becomes_a_bound_of_the_engine_where_prompts_tell_no_degrees_apart(
    effort: Effort, tokens: int
) -> None:
    planned = asked(BUDGETED, effort)
    assert planned.body == {**THINKING, "thinking_token_budget": tokens}
    assert planned.enforced is None
    assert planned.applied == AppliedReasoning(
        requested_effort=effort,
        applied_effort=effort,
        method="chat_template_kwargs.enable_thinking, thinking_token_budget",
        max_tokens=tokens,
        control=Control.ENGINE_BUDGET,
        source=Source.REQUEST,
        max_tokens_control=Control.ENGINE_BUDGET,
    )


def test_the_gateway_stops_thoughts_where_the_engine_cannot() -> None:
    planned = asked(ENFORCED, Effort.LOW)
    assert (planned.body, planned.enforced) == (THINKING, 1024)
    assert (planned.applied.control, planned.applied.max_tokens_control) == (Control.FORCED_STOP,) * 2
    assert (planned.applied.max_tokens, planned.applied.method) == (1024, "chat_template_kwargs.enable_thinking")
    # The engine's own way comes first.
    assert asked(replace(BUDGETED, enforces=True), Effort.LOW).enforced is None


def test_as_long_as_the_model_can_is_no_bound() -> None:
    planned = asked(BUDGETED, Effort.MAX)
    assert (planned.body, planned.applied.max_tokens, planned.applied.control) == (THINKING, 0, TEMPLATE)
    alone = asked(ALWAYS, Effort.MAX)
    assert (alone.body, alone.enforced, alone.applied.control) == ({}, None, None)
    assert (alone.applied.applied_effort, alone.applied.source) == (Effort.MAX, Source.REQUEST)


def test_degrees_of_the_template_need_no_bound() -> None:
    graded = EffortPolicy(supported=SOME, budget_field="reasoning_budget", enforces=True)
    planned = asked(graded, Effort.LOW)
    assert (planned.body, planned.enforced) == ({"reasoning_effort": "low"}, None)
    configured = asked(replace(graded, budgets={Effort.LOW: 7}), Effort.LOW)
    assert configured.body == {"reasoning_effort": "low", "reasoning_budget": 7}
    assert configured.applied.control is Control.ENGINE_BUDGET


@pytest.mark.parametrize(
    ("policy", "body", "enforced", "control"),
    [
        (BUDGETED, NO_THINKING, None, TEMPLATE),
        (ENFORCED, NO_THINKING, None, TEMPLATE),
        (ALWAYS, {}, 0, Control.PREFILL),
        (replace(BUDGETED, supported=()), {"thinking_token_budget": 0}, None, Control.ENGINE_BUDGET),
        (replace(ALWAYS, budget_field="reasoning_budget"), {}, 0, Control.PREFILL),
    ],
)
def test_none_is_a_switch_of_the_template_or_else_a_thought_that_is_closed_already(
    policy: EffortPolicy, body: dict[str, object], enforced: int | None, control: Control
) -> None:
    planned = asked(policy, Effort.NONE)
    assert (planned.body, planned.enforced, planned.applied.control) == (body, enforced, control)
    assert (planned.applied.applied_effort, planned.applied.max_tokens_control) == (Effort.NONE, None)


def test_none_cannot_be_had_where_nothing_closes_a_thought() -> None:
    policy = EffortPolicy(supported=(), budget_field="reasoning_budget")
    assert refused(policy, Effort.NONE) == [
        ("reasoning.effort", "this model supports: minimal, low, medium, high, xhigh, max")
    ]


# The request's own bound.


def test_a_bound_of_the_request_is_held_by_the_engine_or_the_gateway() -> None:
    planned = asked(BUDGETED, most=99)
    assert (planned.body, planned.enforced) == ({"thinking_token_budget": 99}, None)
    assert planned.applied == AppliedReasoning(
        method="thinking_token_budget",
        max_tokens=99,
        source=Source.REQUEST,
        max_tokens_control=Control.ENGINE_BUDGET,
    )
    enforced = asked(ENFORCED, most=99)
    assert (enforced.body, enforced.enforced) == ({}, 99)
    assert enforced.applied.max_tokens_control is Control.FORCED_STOP
    message = "this model has no way to bound reasoning tokens"
    assert refused(EffortPolicy(), most=99) == [("reasoning.max_tokens", message)]
    never = replace(BUDGETED, thinks=False)
    assert refused(never, most=99) == [("reasoning.max_tokens", message)]


def test_a_bound_of_the_request_stands_for_that_of_its_effort() -> None:
    planned = asked(BUDGETED, Effort.LOW, most=77)
    assert planned.body == {**THINKING, "thinking_token_budget": 77}
    assert planned.applied.control is Control.ENGINE_BUDGET
    told = asked(EffortPolicy(budget_field="b"), Effort.LOW, most=77)
    assert told.body == {"reasoning_effort": "low", "b": 77}
    assert (told.applied.control, told.applied.max_tokens_control) == (Control.ENGINE_FIELD, Control.ENGINE_BUDGET)
    assert told.applied.method == "reasoning_effort, b"


def test_a_bound_may_stand_deep_in_the_body_and_be_a_variable_of_the_template() -> None:
    planned = asked(EffortPolicy(budget_field="custom_params.thinking_budget"), most=5)
    assert planned.body == {"custom_params": {"thinking_budget": 5}}
    template = asked(replace(TOGGLE, budget_field="chat_template_kwargs.thinking_budget"), Effort.LOW)
    assert template.body == {"chat_template_kwargs": {"enable_thinking": True, "thinking_budget": 1024}}
    assert template.applied.max_tokens_control is TEMPLATE


@pytest.mark.parametrize(("output", "most"), [(1000, 744), (512, 256), (100, 50), (3, 2)])
def test_a_bound_leaves_room_for_an_answer(output: int, most: int) -> None:
    assert asked(ENFORCED, most=most, output=output).enforced == most
    assert refused(ENFORCED, most=most + 1, output=output) == [
        ("reasoning.max_tokens", f"must be at most {most}, so that max_output_tokens ({output}) holds an answer too")
    ]


@pytest.mark.parametrize(
    ("output", "tokens"), [(0, 1024), (10_000, 1024), (1280, 1024), (1279, 1023), (300, 150), (2, 1), (1, 1)]
)
def test_a_bound_that_stands_for_an_effort_shrinks_to_leave_room(output: int, tokens: int) -> None:
    planned = asked(ENFORCED, Effort.LOW, output=output)
    assert (planned.enforced, planned.applied.max_tokens) == (tokens, tokens)


def test_the_reserve_is_the_operators() -> None:
    assert asked(replace(ENFORCED, answer_reserve=0), Effort.LOW, output=700).enforced == 699  # an answer of one token


def test_no_bound_is_needed_where_nothing_is_thought() -> None:
    planned = asked(EffortPolicy(), Effort.NONE, most=5)
    assert (planned.body, planned.applied.max_tokens) == ({"reasoning_effort": "none"}, 0)


# The least amount of thought.


def test_the_least_amount_of_thought_is_the_gateways_to_see_to() -> None:
    policy = replace(ENFORCED, minimum=True)
    planned = asked(policy, least=40)
    assert (planned.least, planned.enforced, planned.body) == (40, None, {})
    assert planned.applied == AppliedReasoning(minimum_tokens=40, source=Source.REQUEST)
    both = asked(policy, Effort.LOW, least=1024)
    assert (both.least, both.enforced, both.applied.applied_effort) == (1024, 1024, Effort.LOW)


@pytest.mark.parametrize(
    "policy",
    [EffortPolicy(), ENFORCED, replace(TOGGLE, minimum=True), replace(ENFORCED, minimum=True, thinks=False)],
)
def test_a_least_amount_of_thought_is_refused_where_it_is_not_offered(policy: EffortPolicy) -> None:
    assert refused(policy, least=5) == [("reasoning.minimum_tokens", "this model has no way to think more")]


def test_a_least_amount_of_thought_fits_what_bounds_it() -> None:
    policy = replace(ENFORCED, minimum=True)
    beyond = "must be at most {}, which is what bounds the thoughts of this request"
    assert refused(policy, Effort.LOW, least=1025) == [("reasoning.minimum_tokens", beyond.format(1024))]
    assert refused(policy, least=60, output=100) == [("reasoning.minimum_tokens", beyond.format(50))]
    assert refused(policy, Effort.NONE, least=5) == [
        ("reasoning.minimum_tokens", "contradicts reasoning.effort, which is none")
    ]
