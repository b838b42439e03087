"""What a deployment can do about effort, and how an effort becomes fields of its body.

Its rule: an effort is brought about by the first of these that has it: `levels`, whose fields stand as they are; the
`method`, for efforts that are `supported`; a bound on reasoning tokens, by `budgets`, where the model's prompts tell no
degrees apart and something can hold a bound. What a request then gets is decided in `effort.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never

from triphase_server.core.effort_fields import leaves
from triphase_server.core.effort_tables import BUDGETS_FROM_ZERO, DEFAULT_BUDGETS, ENGINES, TEMPLATE_FIELD, Engine
from triphase_server.core.request import Effort

DEFAULT_ANSWER_RESERVE = 256


class EffortMethod(StrEnum):
    """Where an engine looks for the effort."""

    FIELD = "reasoning_effort"
    TEMPLATE = "chat_template_kwargs.reasoning_effort"
    TOGGLE = "chat_template_kwargs.enable_thinking"


class UnsupportedPolicy(StrEnum):
    """What becomes of an effort that the deployment cannot give."""

    REJECT = "reject"
    CLAMP = "clamp"
    OMIT = "omit"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortPolicy:
    """What a deployment can do about effort.

    Attributes:
        method: Where the engine looks for an effort that is supported.
        supported: The efforts that the engine or the template tells apart by the method.
        levels: Body fields for single efforts, instead of what the method would write.
        budgets: Reasoning tokens for each effort, 0 = no bound; `None` = the default table where prompts tell no
            degrees apart, else none.
        default: What is asked for where the request says nothing; `None` = nothing is.
        standing: Body fields that every request to the deployment carries, which may say an effort or a bound as well.
        unsupported: What becomes of another effort.
        budget_field: The path of the body field that bounds reasoning tokens; empty = there is none.
        answer_reserve: Tokens that a bound leaves to the answer, where the request bounds its output.
        minimum: Whether a request may ask for a least amount of thought; only what `enforces` can give it.
        enforces: Whether the gateway can close this deployment's thoughts itself.
        thinks: Whether the model ever thinks; where not, nothing is bounded.
    """

    method: EffortMethod = EffortMethod.FIELD
    supported: tuple[Effort, ...] = tuple(Effort)
    levels: Mapping[Effort, Mapping[str, object]] = field(default_factory=dict)
    budgets: Mapping[Effort, int] | None = None
    default: Effort | None = None
    standing: Mapping[str, object] = field(default_factory=dict)
    unsupported: UnsupportedPolicy = UnsupportedPolicy.REJECT
    budget_field: str = ""
    answer_reserve: int = DEFAULT_ANSWER_RESERVE
    minimum: bool = False
    enforces: bool = False
    thinks: bool = True

    @property
    def bounds(self) -> bool:
        """Whether a bound on reasoning tokens can be held."""
        return self.thinks and (bool(self.budget_field) or self.enforces)

    @property
    def told_apart(self) -> tuple[Effort, ...]:
        """The efforts for which the engine is told something, in rising order."""
        return tuple(effort for effort in Effort if effort in self.levels or effort in self.supported)

    @property
    def held(self) -> Mapping[Effort, int]:
        """The efforts that stand for a bound, with the bound; none where nothing can hold it."""
        if not self.bounds:
            return {}
        if self.budgets is not None:
            return self.budgets
        return self.default_budgets

    @property
    def default_budgets(self) -> Mapping[Effort, int]:
        """What efforts stand for where the operator says nothing: bounds, where prompts tell no degrees apart."""
        return {} if len(_thinking(self.told_apart)) > 1 else DEFAULT_BUDGETS

    @property
    def closes(self) -> bool:
        """Whether a thought can be closed before it begins, which is what `none` means."""
        return self.thinks and (self.enforces or self.budget_field in BUDGETS_FROM_ZERO)

    @property
    def efforts(self) -> tuple[Effort, ...]:
        """The efforts that a request may ask for, in rising order."""
        held, told = self.held, self.told_apart
        return tuple(e for e in Effort if e in told or e in held or (e is Effort.NONE and self.closes))

    @property
    def paths(self) -> frozenset[str]:
        """The paths of all body fields by which an effort may be told."""
        return frozenset(path for effort in self.told_apart for path, _ in leaves(self.fields(effort)))

    @property
    def roots(self) -> frozenset[str]:
        """The names in a body below which an effort or a bound may be told, beside those that are known anyway."""
        return frozenset({self.budget_field.partition(".")[0], *(name for one in self.levels.values() for name in one)})

    def fields(self, effort: Effort | None) -> Mapping[str, object]:
        """Returns the body fields of an effort, without any bound; none where the engine is told nothing."""
        if effort is None:
            return {}
        if effort in self.levels:
            return self.levels[effort]
        if effort in self.supported:
            return _written(effort, self.method)
        thinking = _thinking(self.told_apart)
        # A bound does not make a model think: what does is the only degree that it has.
        return self.fields(thinking[0]) if effort is not Effort.NONE and len(thinking) == 1 else {}


def on_engine(policy: EffortPolicy, engine: Engine, *, extra_body: Mapping[str, object]) -> EffortPolicy:
    """Returns what is left of a model's policy on an engine, and what the engine adds.

    `extra_body` are the fields that every request to the deployment carries: some bounds need one.
    """
    traits = ENGINES[engine]
    kept = policy if traits.passes_kwargs else _without_kwargs(policy)
    supported = kept.supported
    if kept.method is EffortMethod.FIELD:
        supported = tuple(effort for effort in supported if effort in traits.efforts)
    has_budget = not traits.budget_needs or traits.budget_needs in extra_body
    return replace(
        kept,
        supported=supported,
        budget_field=traits.budget_field if has_budget else "",
    )


def _without_kwargs(policy: EffortPolicy) -> EffortPolicy:
    """Returns what is left where no variable reaches the template but the effort itself, by the engine's own field."""
    in_words = {e for e, fields in policy.levels.items() if fields == _written(e, EffortMethod.TEMPLATE)}
    told = in_words if policy.method is EffortMethod.TOGGLE else in_words.union(policy.supported)
    levels = {effort: fields for effort, fields in policy.levels.items() if TEMPLATE_FIELD not in fields}
    supported = tuple(effort for effort in Effort if effort in told)
    return replace(policy, method=EffortMethod.FIELD, levels=levels, supported=supported)


def _thinking(efforts: tuple[Effort, ...]) -> tuple[Effort, ...]:
    return tuple(effort for effort in efforts if effort is not Effort.NONE)


def _written(effort: Effort, method: EffortMethod) -> dict[str, object]:
    match method:
        case EffortMethod.FIELD:
            return {"reasoning_effort": effort.value}
        case EffortMethod.TEMPLATE:
            return {TEMPLATE_FIELD: {"reasoning_effort": effort.value}}
        case EffortMethod.TOGGLE:
            return {TEMPLATE_FIELD: {"enable_thinking": effort is not Effort.NONE}}
        case _:
            assert_never(method)
