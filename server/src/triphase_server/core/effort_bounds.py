"""The bound on a request's reasoning tokens: how many, what holds it, and whether it leaves room for an answer.

Its rule: the request's own number stands as it is or is refused; one that stands for an effort shrinks to what
`max_output_tokens` leaves beside the answer's reserve. The engine's field holds a bound where there is one, else the
gateway. Which effort is meant is decided in `effort.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from triphase_server.core.effort_fields import Fields, OwnFields, at_path, same
from triphase_server.core.effort_policy import EffortPolicy
from triphase_server.core.effort_tables import BUDGETS_FROM_ZERO, TEMPLATE_FIELD
from triphase_server.core.errors import InvalidRequest, Violation
from triphase_server.core.events import Control
from triphase_server.core.request import Effort, GenerationRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A bound on reasoning tokens: what holds it, and the body field or the count by which it is held.

    `said_by`: the field of the request that it is from; empty = not from the request, so that we write nothing.
    `is_effort`: whether the effort is brought about by it. 0 tokens without a control = no bound; with one, no thought.
    """

    max_tokens: int = 0
    control: Control | None = None
    path: str = ""
    enforced: int | None = None
    said_by: str = ""
    is_effort: bool = False

    @property
    def written(self) -> Fields:
        """The body fields that we write."""
        return at_path(self.path, self.max_tokens) if self.path and self.said_by else {}


def asked_bound(request: GenerationRequest, effort: Effort | None, policy: EffortPolicy) -> Bound:
    """Returns the bound that the request itself gives; raises InvalidRequest where it cannot be held as it stands."""
    wanted, room = request.reasoning.max_tokens, _room(request, policy)
    if not policy.bounds:
        message = "this model has no way to bound reasoning tokens"
    elif room and wanted > room:
        message = f"must be at most {room}, so that max_output_tokens ({request.max_output_tokens}) holds an answer too"
    else:
        return _held(wanted, policy, said_by="reasoning.max_tokens", is_effort=effort in policy.held)
    raise InvalidRequest((Violation(field="reasoning.max_tokens", description=message),))


def effort_bound(request: GenerationRequest, effort: Effort, policy: EffortPolicy) -> Bound:
    """Returns the bound that stands for an effort that the policy holds, as much of it as leaves room for an answer."""
    tokens = policy.held[effort]
    return _held(min(tokens, _room(request, policy) or tokens), policy, said_by="reasoning.effort", is_effort=True)


def no_thought(policy: EffortPolicy) -> Bound:
    """Returns what closes the thought before it begins; the policy must be one that `closes`."""
    return _held(0, policy, said_by="reasoning.effort", is_effort=True)


def own_bound(own: Fields) -> Bound:
    """Returns the bound that the caller's own fields give, where they do; we write nothing then."""
    for path, value in own.items():
        tokens = value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
        return Bound(max_tokens=tokens, control=path_control(path, otherwise=Control.ENGINE_BUDGET), path=path)
    return Bound()


def bound_conflicts(bound: Bound, own: OwnFields, *, effort: Effort | None) -> Iterator[Violation]:
    """Yields what of the caller's own fields bounds thoughts otherwise than the request does, whose effort is given."""
    for path, value in own.bound.items():
        if bound.said_by and not same(value, bound.max_tokens):
            message = f"contradicts {bound.said_by}, which bounds thoughts at {bound.max_tokens}"
            yield Violation(field=f"extra_body.{path}", description=message)
        elif not bound.said_by and effort not in {None, Effort.NONE} and same(value, 0):
            message = f"contradicts reasoning.effort, which is {effort}"
            yield Violation(field=f"extra_body.{path}", description=message)


def least_conflicts(
    request: GenerationRequest, effort: Effort | None, bound: Bound, policy: EffortPolicy
) -> Iterator[Violation]:
    """Yields why the least amount of thought that the request asks for cannot be given."""
    least, room = request.reasoning.minimum_tokens, _room(request, policy)
    most = min(tokens for tokens in (bound.max_tokens or least, room or least))
    if least and not (policy.minimum and policy.enforces and policy.thinks):
        yield Violation(field="reasoning.minimum_tokens", description="this model has no way to think more")
    elif least and effort is Effort.NONE:
        yield Violation(field="reasoning.minimum_tokens", description="contradicts reasoning.effort, which is none")
    elif least > most:
        message = f"must be at most {most}, which is what bounds the thoughts of this request"
        yield Violation(field="reasoning.minimum_tokens", description=message)


def path_control(path: str, *, otherwise: Control) -> Control:
    """Returns what a field is a control of: the chat template's, or that of the engine."""
    return Control.TEMPLATE_VARIABLE if path.startswith(f"{TEMPLATE_FIELD}.") else otherwise


def _room(request: GenerationRequest, policy: EffortPolicy) -> int:
    """Returns the tokens that the answer leaves to thoughts, at least half of all; 0 where output has no bound.

    An answer of no token cannot be asked for, so that one is left wherever there are two.
    """
    whole = request.max_output_tokens
    return whole - min(max(policy.answer_reserve, 1), whole // 2)


def _held(tokens: int, policy: EffortPolicy, *, said_by: str, is_effort: bool) -> Bound:
    # The engine's own way first: it counts exactly, and need not be asked twice.
    by_engine = policy.budget_field and (tokens or policy.budget_field in BUDGETS_FROM_ZERO)
    if by_engine:
        control = path_control(policy.budget_field, otherwise=Control.ENGINE_BUDGET)
    else:
        control = Control.FORCED_STOP if tokens else Control.PREFILL
    return Bound(
        max_tokens=tokens,
        control=control,
        path=policy.budget_field if by_engine else "",
        enforced=None if by_engine else tokens,
        said_by=said_by,
        is_effort=is_effort,
    )
