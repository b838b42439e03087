"""The keys of `[deployments.NAME.effort]`: which efforts a request may ask for, and what each becomes.

Rule: a key that is set here overrides what preset, profile and engine say; `levels` and `budgets` do so effort by
effort. What a policy makes of a request is `core/effort.py`; the other keys of a deployment are in
`schema_deployment.py`.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from triphase_server.config.fields import Table, expected, listed
from triphase_server.config.kinds import BudgetField, EngineFields, Tokens
from triphase_server.core.effort_policy import EffortMethod, EffortPolicy, UnsupportedPolicy
from triphase_server.core.request import Effort

_EFFORT = EffortPolicy()
_THINKING = tuple(effort for effort in Effort if effort is not Effort.NONE)


def _thinks(effort: Effort) -> Effort:
    if effort is Effort.NONE:
        raise ValueError
    return effort


# Enumerations are written as their values; strict mode alone would want the members.
_OneEffort = Annotated[Effort, Field(strict=False), expected("one of " + ", ".join(Effort))]
_OneThinking = Annotated[
    Effort, Field(strict=False), AfterValidator(_thinks), expected("one of " + ", ".join(_THINKING))
]
_Method = Annotated[EffortMethod, Field(strict=False), expected("one of " + ", ".join(EffortMethod))]
_Unsupported = Annotated[UnsupportedPolicy, Field(strict=False), expected("one of " + ", ".join(UnsupportedPolicy))]


class EffortTable(Table):
    """`[deployments.NAME.effort]`: what can be asked of the model; a key set here overrides the preset's."""

    method: _Method = Field(default=_EFFORT.method, description="Where the engine looks for the effort")
    supported: list[_OneEffort] = Field(
        default=list(_EFFORT.supported), description="The efforts that the model's prompts tell apart"
    )
    levels: dict[_OneEffort, EngineFields] = Field(
        default={}, description="Body fields that bring single efforts about"
    )
    budgets: dict[_OneThinking, Tokens] | None = Field(
        default=None, description="Reasoning tokens that efforts stand for; 0 = no bound, an empty table = none do"
    )
    default: _OneEffort | None = Field(
        default=_EFFORT.default, description="What is asked for where a request says nothing"
    )
    unsupported: _Unsupported = Field(default=_EFFORT.unsupported, description="What becomes of another effort")
    budget_field: BudgetField = Field(
        default=_EFFORT.budget_field, description="The body field that bounds reasoning tokens"
    )
    answer_reserve: Tokens = Field(
        default=_EFFORT.answer_reserve, description="Tokens of the output kept for the answer"
    )
    minimum: bool = Field(
        default=_EFFORT.minimum, description="Whether a request may ask for a least amount of thought"
    )

    def over(self, ground: EffortPolicy) -> EffortPolicy:
        """Returns `ground` with the keys of this table in place of its own."""
        own: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        levels = dict(ground.levels)
        if "supported" in own:
            own["supported"] = tuple(self.supported)
            levels = {effort: fields for effort, fields in levels.items() if effort in self.supported}
        own["levels"] = levels | self.levels
        own.pop("budgets", None)
        policy = replace(ground, **own)
        if self.budgets is None:
            return policy
        return replace(policy, budgets={**policy.default_budgets, **self.budgets} if self.budgets else {})


def mistakes(table: EffortTable, policy: EffortPolicy) -> Iterator[tuple[str, str]]:
    """Yields the keys that cannot be meant with what else holds for the deployment, and what was expected there."""
    if policy.default is not None and policy.default not in policy.efforts:
        yield "default", f"expected a default that is supported ({listed(policy.efforts)})"
    if table.budgets and not policy.bounds:
        yield "budgets", "expected a budget_field, an engine that has one, or enforcement; nothing could hold these"
    if table.budgets and (falls := _falling(policy.budgets or {})):
        yield "budgets", f"expected budgets that rise with the effort; {falls} is less than the one before"
    if table.minimum and not policy.enforces:
        yield "minimum", "expected enforcement, without which nothing makes a model think more"


def _falling(budgets: Mapping[Effort, int]) -> Effort | None:
    rising = [(effort, budgets[effort] or math.inf) for effort in Effort if effort in budgets]  # 0 = no bound
    return next((effort for (_, low), (effort, high) in pairwise(rising) if high < low), None)
