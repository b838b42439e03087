"""How a request's reasoning becomes fields of an engine's body: by the deployment's policy, never by guessing.

An effort or bound that the deployment cannot give is refused by default, and what was applied is always reported.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from triphase_server.core.errors import InvalidRequest, Violation
from triphase_server.core.events import AppliedReasoning, Control, Source
from triphase_server.core.request import Effort, Reasoning


class EffortMethod(StrEnum):
    """Where an engine looks for the effort."""

    FIELD = "reasoning_effort"
    TEMPLATE = "chat_template_kwargs.reasoning_effort"
    TOGGLE = "chat_template_kwargs.enable_thinking"


_CONTROLS: Mapping[EffortMethod, Control] = {
    EffortMethod.FIELD: Control.ENGINE_FIELD,
    EffortMethod.TEMPLATE: Control.TEMPLATE_VARIABLE,
    EffortMethod.TOGGLE: Control.TEMPLATE_VARIABLE,
}


class UnsupportedPolicy(StrEnum):
    """What becomes of an effort that the deployment cannot give."""

    REJECT = "reject"
    CLAMP = "clamp"
    OMIT = "omit"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortPolicy:
    """What a deployment can do about effort.

    `supported`: the efforts it tells apart. `default`: what it is asked for where the request says nothing; `None` = it
    is not asked. `budget_field`: the body field that bounds reasoning tokens; empty = none. `enforces`: whether the
    gateway can close this deployment's thoughts itself.
    """

    method: EffortMethod = EffortMethod.FIELD
    supported: tuple[Effort, ...] = tuple(Effort)
    default: Effort | None = None
    unsupported: UnsupportedPolicy = UnsupportedPolicy.REJECT
    budget_field: str = ""
    enforces: bool = False

    @property
    def bounds(self) -> bool:
        """Whether a bound on reasoning tokens can be held."""
        return bool(self.budget_field) or self.enforces


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedReasoning:
    """What is reported, the fields of the body that bring it about, and what the gateway itself sees to.

    `enforced`: reasoning tokens at which the gateway closes the thought; `None` = it does not, 0 = before anything is
    thought. `least`: the fewest reasoning tokens; 0 = no bound.
    """

    applied: AppliedReasoning
    body: Mapping[str, object] = field(default_factory=dict)
    enforced: int | None = None
    least: int = 0


def plan(reasoning: Reasoning, *, policy: EffortPolicy) -> PlannedReasoning:
    """Decides what the engine is asked for; raises InvalidRequest where the policy refuses."""
    effort = _supported(reasoning.effort, policy) or policy.default
    budget = _budget(reasoning.max_tokens, policy)
    if reasoning.minimum_tokens:
        message = "this model has no way to think more"
        raise InvalidRequest((Violation(field="reasoning.minimum_tokens", description=message),))
    applied = AppliedReasoning(
        requested_effort=reasoning.effort,
        applied_effort=effort,
        method=policy.method.value if effort else "",
        max_tokens=reasoning.max_tokens,
        control=_CONTROLS[policy.method] if effort else None,
        source=_source(reasoning.effort, effort),
        max_tokens_control=Control.ENGINE_BUDGET if reasoning.max_tokens else None,
    )
    return PlannedReasoning(applied=applied, body=_effort_fields(effort, policy.method) | budget)


def _source(requested: Effort | None, applied: Effort | None) -> Source | None:
    if applied is None:
        return None
    if requested is None:
        return Source.DEFAULT
    return Source.REQUEST if requested is applied else Source.CLAMP


def _supported(effort: Effort | None, policy: EffortPolicy) -> Effort | None:
    if effort is None or effort in policy.supported:
        return effort
    if policy.unsupported is UnsupportedPolicy.OMIT:
        return None
    if policy.unsupported is UnsupportedPolicy.CLAMP and policy.supported:
        return _nearest(effort, policy.supported)
    known = ", ".join(policy.supported) or "none at all"
    raise InvalidRequest((Violation(field="reasoning.effort", description=f"this model supports: {known}"),))


def _nearest(effort: Effort, supported: tuple[Effort, ...]) -> Effort:
    # Of two equally near the lower one wins: it costs less.
    order = list(Effort)
    return min(supported, key=lambda other: (abs(order.index(other) - order.index(effort)), order.index(other)))


def _effort_fields(effort: Effort | None, method: EffortMethod) -> dict[str, object]:
    if effort is None:
        return {}
    match method:
        case EffortMethod.FIELD:
            return {"reasoning_effort": effort.value}
        case EffortMethod.TEMPLATE:
            return {"chat_template_kwargs": {"reasoning_effort": effort.value}}
        case EffortMethod.TOGGLE:
            return {"chat_template_kwargs": {"enable_thinking": effort is not Effort.NONE}}
        case _:
            assert_never(method)


def _budget(max_tokens: int, policy: EffortPolicy) -> dict[str, object]:
    if max_tokens == 0:
        return {}
    if not policy.budget_field:
        message = "this model has no way to bound reasoning tokens"
        raise InvalidRequest((Violation(field="reasoning.max_tokens", description=message),))
    return {policy.budget_field: max_tokens}
