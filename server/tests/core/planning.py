"""Plans of reasoning for the tests: what some policies make of a wish, and of what they refuse."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from triphase_server.core.effort import PlannedReasoning, plan
from triphase_server.core.effort_policy import EffortMethod, EffortPolicy
from triphase_server.core.errors import InvalidRequest
from triphase_server.core.events import Control
from triphase_server.core.request import Effort, GenerationRequest, Reasoning

TEMPLATE = Control.TEMPLATE_VARIABLE
SOME = (Effort.LOW, Effort.HIGH)
TOGGLE = EffortPolicy(method=EffortMethod.TOGGLE, supported=(Effort.NONE, Effort.MEDIUM))
# What vLLM makes of a model that only knows on and off, and what the gateway makes of it by itself.
BUDGETED = replace(TOGGLE, budget_field="thinking_token_budget")
ENFORCED = replace(TOGGLE, enforces=True)
ALWAYS = EffortPolicy(supported=(), enforces=True)
NO_THINKING = {"chat_template_kwargs": {"enable_thinking": False}}
THINKING = {"chat_template_kwargs": {"enable_thinking": True}}


def asked(
    policy: EffortPolicy,
    effort: Effort | None = None,
    *,
    most: int = 0,
    least: int = 0,
    output: int = 0,
    extra_body: Mapping[str, object] | None = None,
) -> PlannedReasoning:
    reasoning = Reasoning(effort=effort, max_tokens=most, minimum_tokens=least)
    request = GenerationRequest(
        model="m", messages=(), reasoning=reasoning, max_output_tokens=output, extra_body=extra_body or {}
    )
    return plan(request, policy=policy)


def refused(policy: EffortPolicy, effort: Effort | None = None, **wishes: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        asked(policy, effort, **wishes)  # type: ignore[arg-type] # as given
    return [(violation.field, violation.description) for violation in caught.value.violations]
