"""What callers and deployments say of thinking by fields of the engine's own: who wins, and what contradicts itself."""

from dataclasses import replace

import pytest
from core.planning import BUDGETED, NO_THINKING, TEMPLATE, THINKING, TOGGLE, asked, refused
from triphase_server.core.effort import PlannedReasoning
from triphase_server.core.effort_policy import EffortPolicy
from triphase_server.core.events import AppliedReasoning, Control, Source
from triphase_server.core.request import Effort

# The caller's own fields.


@pytest.mark.parametrize(
    ("own", "effort"),
    [
        ({"chat_template_kwargs": {"enable_thinking": False}}, Effort.NONE),
        ({"chat_template_kwargs": {"enable_thinking": True}}, Effort.MEDIUM),
        ({"chat_template_kwargs": {"enable_thinking": 1}}, None),
        ({"chat_template_kwargs": {"enable_thinking": True, "thinking": True}}, None),
        ({"chat_template_kwargs": {"thinking_mode": "adaptive"}}, None),
    ],
)
def test_the_callers_own_fields_win_over_the_default(own: dict[str, object], effort: Effort | None) -> None:
    planned = asked(replace(TOGGLE, default=Effort.NONE), extra_body=own)
    assert (planned.body, planned.enforced) == ({}, None)
    assert (planned.applied.applied_effort, planned.applied.source) == (effort, Source.EXTRA_BODY)
    assert (planned.applied.requested_effort, planned.applied.control) == (None, TEMPLATE)
    assert planned.applied.method.startswith("chat_template_kwargs.")


def test_what_could_be_several_efforts_is_reported_as_none_of_them() -> None:
    planned = asked(BUDGETED, extra_body=THINKING)
    assert (planned.applied.applied_effort, planned.applied.source) == (None, Source.EXTRA_BODY)


def test_fields_that_do_not_steer_thinking_change_nothing() -> None:
    policy = EffortPolicy(default=Effort.LOW)
    silent: tuple[dict[str, object], ...] = (
        {"top_a": 1, "chat_template_kwargs": {"locale": "de"}, "custom_params": {}, "thinking_token_budget_x": 5},
        {"chat_template_kwargs": {}},
    )
    for own in silent:
        planned = asked(policy, extra_body=own)
        assert (planned.body, planned.applied.source) == ({"reasoning_effort": "low"}, Source.DEFAULT)


@pytest.mark.parametrize(("value", "tokens"), [(30, 30), (-1, 0), (True, 0), ("30", 0), (0, 0)])
def test_a_bound_among_the_callers_own_fields_is_reported(value: object, tokens: int) -> None:
    planned = asked(replace(BUDGETED, default=Effort.LOW), extra_body={"thinking_token_budget": value})
    assert planned.body == THINKING  # of the default, whose bound gives way
    assert planned.applied.max_tokens == tokens
    assert planned.applied.max_tokens_control is (Control.ENGINE_BUDGET if tokens else None)
    alone = asked(TOGGLE, extra_body={"reasoning_budget": value})
    assert (alone.body, alone.applied.source, alone.applied.method) == ({}, Source.EXTRA_BODY, "reasoning_budget")


def test_own_fields_beside_an_effort_may_say_the_same() -> None:
    own = {"chat_template_kwargs": {"enable_thinking": True, "locale": "de"}, "thinking_token_budget": 1024}
    planned = asked(BUDGETED, Effort.LOW, extra_body=own)
    assert planned.body == {**THINKING, "thinking_token_budget": 1024}
    assert planned.applied.source is Source.REQUEST
    words = asked(EffortPolicy(), Effort.LOW, extra_body={"chat_template_kwargs": {"reasoning_effort": "low"}})
    assert words.body == {"reasoning_effort": "low"}
    bound = asked(EffortPolicy(), Effort.LOW, extra_body={"thinking_token_budget": 50})
    assert (bound.applied.max_tokens, bound.applied.control) == (50, Control.ENGINE_FIELD)


@pytest.mark.parametrize(
    ("policy", "effort", "own", "field"),
    [
        (TOGGLE, Effort.NONE, THINKING, "chat_template_kwargs.enable_thinking"),
        (TOGGLE, Effort.MEDIUM, NO_THINKING, "chat_template_kwargs.enable_thinking"),
        (EffortPolicy(), Effort.HIGH, NO_THINKING, "chat_template_kwargs.enable_thinking"),
        (EffortPolicy(), Effort.NONE, {"chat_template_kwargs": {"thinking": True}}, "chat_template_kwargs.thinking"),
        (
            EffortPolicy(),
            Effort.HIGH,
            {"chat_template_kwargs": {"reasoning_effort": "low"}},
            "chat_template_kwargs.reasoning_effort",
        ),
        (EffortPolicy(), Effort.HIGH, {"thinking_token_budget": 0}, "thinking_token_budget"),
        (EffortPolicy(levels={Effort.LOW: {"depth": 1}}), Effort.LOW, {"depth": 2}, "depth"),
        (TOGGLE, Effort.MEDIUM, {"chat_template_kwargs": "enable_thinking"}, "chat_template_kwargs"),
    ],
)
def test_own_fields_that_contradict_the_effort_are_refused(
    policy: EffortPolicy, effort: Effort, own: dict[str, object], field: str
) -> None:
    assert refused(policy, effort, extra_body=own) == [
        (f"extra_body.{field}", f"contradicts reasoning.effort, which is {effort}")
    ]


def test_own_bounds_that_contradict_the_request_are_refused() -> None:
    own = {"thinking_token_budget": 2000}
    assert refused(BUDGETED, Effort.LOW, extra_body=own) == [
        ("extra_body.thinking_token_budget", "contradicts reasoning.effort, which bounds thoughts at 1024")
    ]
    assert refused(BUDGETED, most=5, extra_body=own) == [
        ("extra_body.thinking_token_budget", "contradicts reasoning.max_tokens, which bounds thoughts at 5")
    ]
    assert refused(replace(BUDGETED, supported=()), Effort.NONE, extra_body=own) == [
        ("extra_body.thinking_token_budget", "contradicts reasoning.effort, which bounds thoughts at 0")
    ]


def test_all_that_is_wrong_is_told_at_once() -> None:
    own = {**NO_THINKING, "thinking_token_budget": 7}
    fields = [field for field, _ in refused(BUDGETED, Effort.LOW, least=9, extra_body=own)]
    assert fields == [
        "extra_body.chat_template_kwargs.enable_thinking",
        "extra_body.thinking_token_budget",
        "reasoning.minimum_tokens",
    ]


def test_a_bound_beside_own_fields_that_turn_thinking_on_is_held() -> None:
    planned = asked(BUDGETED, most=60, extra_body=THINKING)
    assert planned.body == {"thinking_token_budget": 60}
    assert (planned.applied.source, planned.applied.max_tokens) == (Source.EXTRA_BODY, 60)


# Fields that every request to the deployment carries.


def test_what_the_deployment_says_of_thinking_by_its_own_fields_is_reported_as_the_default() -> None:
    policy = replace(TOGGLE, standing={**NO_THINKING, "top_k": 20, "reasoning_budget": 30})
    planned = asked(policy)
    assert planned == PlannedReasoning(
        applied=AppliedReasoning(
            applied_effort=Effort.NONE,
            method="chat_template_kwargs.enable_thinking",
            control=TEMPLATE,
            source=Source.DEFAULT,
        )
    )
    bound = asked(replace(TOGGLE, standing={"reasoning_budget": 30}))
    assert bound.applied == AppliedReasoning(
        method="reasoning_budget",
        max_tokens=30,
        source=Source.DEFAULT,
        max_tokens_control=Control.ENGINE_BUDGET,
    )


def test_whatever_else_is_said_wins_over_the_fields_of_the_deployment() -> None:
    policy = replace(BUDGETED, standing={**NO_THINKING, "thinking_token_budget": 30})
    assert asked(policy, Effort.LOW).body == {**THINKING, "thinking_token_budget": 1024}
    assert asked(policy, extra_body=THINKING).applied.source is Source.EXTRA_BODY
    bounded = asked(replace(policy, standing={"thinking_token_budget": 30}), extra_body={"thinking_token_budget": 7})
    assert (bounded.applied.max_tokens, bounded.applied.source) == (7, Source.EXTRA_BODY)
    default = asked(replace(policy, default=Effort.MAX))
    assert (default.body, default.applied.max_tokens) == (THINKING, 30)
