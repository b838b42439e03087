"""How a request's reasoning becomes fields of an engine's body: by the deployment's policy, never by guessing.

Who is heard, first to last: the caller's own fields in `extra_body`; the effort and the bound of the request; the
route's default. Own fields that contradict the request are refused, as is an effort that the deployment cannot give,
unless it is configured otherwise. What was applied is always reported, with what brings it about and who decided.
What a deployment can do is in `effort_policy.py`; bounds are in `effort_bounds.py`, own fields in `effort_fields.py`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from triphase_server.core.effort_bounds import (
    Bound,
    asked_bound,
    bound_conflicts,
    effort_bound,
    least_conflicts,
    no_thought,
    own_bound,
    path_control,
)
from triphase_server.core.effort_fields import (
    NOTHING,
    Fields,
    OwnFields,
    contradictions,
    leaves,
    merged,
    own_fields,
    same,
)
from triphase_server.core.effort_policy import EffortPolicy, UnsupportedPolicy
from triphase_server.core.effort_tables import ROOTS
from triphase_server.core.errors import InvalidRequest, Violation
from triphase_server.core.events import AppliedReasoning, Control, Source
from triphase_server.core.request import Effort, GenerationRequest


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

    @property
    def enforces(self) -> bool:
        """Whether the gateway itself has something to keep."""
        return self.enforced is not None or self.least > 0


_EFFORT = "reasoning.effort"
_NOTHING = PlannedReasoning(applied=AppliedReasoning())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """An effort, who decided on it, and the fields that tell it to the engine: ours, or the caller's own."""

    effort: Effort | None = None
    source: Source | None = None
    written: Fields = field(default_factory=dict)
    own: Fields = field(default_factory=dict)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of all of them."""
        return tuple(path for path, _ in leaves(self.written)) + tuple(self.own)


def plan(request: GenerationRequest, *, policy: EffortPolicy) -> PlannedReasoning:
    """Decides what the engine is asked for; raises InvalidRequest where the policy refuses."""
    if _says_nothing(request, policy):
        return _NOTHING
    own = _thinking_fields(request.extra_body, policy)
    choice = _choice(request.reasoning.effort, own, policy)
    bound = _bound(request, choice, own, policy)
    found = (
        *_effort_conflicts(choice, own),
        *bound_conflicts(bound, own, effort=request.reasoning.effort),
        *least_conflicts(request, choice.effort, bound, policy),
    )
    if found:
        raise InvalidRequest(found)
    return PlannedReasoning(
        applied=_applied(request, choice, bound, own),
        body=merged(choice.written, bound.written),
        enforced=bound.enforced,
        least=request.reasoning.minimum_tokens,
    )


def _says_nothing(request: GenerationRequest, policy: EffortPolicy) -> bool:
    # What most requests are: not worth the way through all that follows.
    wish = request.reasoning
    is_asked = wish.effort is not None or wish.max_tokens or wish.minimum_tokens or request.extra_body
    return not is_asked and policy.default is None and not policy.standing


def unsupported(known: Iterable[Effort]) -> InvalidRequest:
    """Returns the refusal of an effort that is none of those that can be given."""
    names = ", ".join(known) or "none at all"
    return InvalidRequest((Violation(field=_EFFORT, description=f"this model supports: {names}"),))


def is_about_effort(refusal: InvalidRequest) -> bool:
    """Whether a request is refused for its effort alone."""
    return all(violation.field == _EFFORT for violation in refusal.violations)


def _thinking_fields(extra_body: Fields, policy: EffortPolicy) -> OwnFields:
    roots = ROOTS | policy.roots
    if not any(name in roots for name in extra_body):
        return NOTHING
    return own_fields(extra_body, effort_paths=policy.paths, budget_field=policy.budget_field)


def _choice(effort: Effort | None, own: OwnFields, policy: EffortPolicy) -> _Choice:
    if effort is not None:
        return _asked(effort, policy)
    if own.effort:
        return _Choice(effort=_meant(own.effort, policy), source=Source.EXTRA_BODY, own=own.effort)
    if policy.default is not None:
        return _given(policy.default, Source.DEFAULT, policy)
    if standing := _thinking_fields(policy.standing, policy).effort:
        return _Choice(effort=_meant(standing, policy), source=Source.DEFAULT, own=standing)
    return _Choice()


def _asked(effort: Effort, policy: EffortPolicy) -> _Choice:
    known = policy.efforts
    if effort in known:
        return _given(effort, Source.REQUEST, policy)
    if policy.unsupported is UnsupportedPolicy.OMIT:
        return _Choice()
    if policy.unsupported is UnsupportedPolicy.CLAMP and known:
        return _given(_nearest(effort, known), Source.CLAMP, policy)
    raise unsupported(known)


def _given(effort: Effort, source: Source, policy: EffortPolicy) -> _Choice:
    return _Choice(effort=effort, source=source, written=policy.fields(effort))


def _nearest(effort: Effort, known: tuple[Effort, ...]) -> Effort:
    # Of two equally near the lower one wins: it costs less.
    order = list(Effort)
    return min(known, key=lambda other: (abs(order.index(other) - order.index(effort)), order.index(other)))


def _meant(own: Fields, policy: EffortPolicy) -> Effort | None:
    """Returns the effort for which we would write what the caller wrote; `None` where that is none, or several."""
    meant = [effort for effort in policy.efforts if _says(own, dict(leaves(policy.fields(effort))))]
    return meant[0] if len(meant) == 1 else None


def _says(own: Fields, written: Fields) -> bool:
    return own.keys() == written.keys() and all(same(own[path], value) for path, value in written.items())


def _bound(request: GenerationRequest, choice: _Choice, own: OwnFields, policy: EffortPolicy) -> Bound:
    if choice.effort is Effort.NONE:
        is_told = choice.own or Effort.NONE in policy.told_apart
        return Bound() if is_told else no_thought(policy)
    if request.reasoning.max_tokens:
        return asked_bound(request, choice.effort, policy)
    gives_way = bool(choice.own) or (bool(own.bound) and choice.source is Source.DEFAULT)
    if choice.effort is None or gives_way or not policy.held.get(choice.effort):
        return own_bound(own.bound or _thinking_fields(policy.standing, policy).bound)
    return effort_bound(request, choice.effort, policy)


def _effort_conflicts(choice: _Choice, own: OwnFields) -> Iterator[Violation]:
    if choice.effort is not None and not choice.own:
        yield from contradictions(own.effort, effort=choice.effort, written=dict(leaves(choice.written)))


def _applied(request: GenerationRequest, choice: _Choice, bound: Bound, own: OwnFields) -> AppliedReasoning:
    wish = request.reasoning
    return AppliedReasoning(
        requested_effort=wish.effort,
        applied_effort=choice.effort,
        method=", ".join([*choice.paths, *([bound.path] if bound.path else [])]),
        max_tokens=bound.max_tokens,
        control=bound.control if bound.is_effort else _control(choice),
        source=choice.source or _bound_source(bound, own, asked=bool(wish.minimum_tokens)),
        max_tokens_control=bound.control if bound.max_tokens else None,
        minimum_tokens=wish.minimum_tokens,
    )


def _control(choice: _Choice) -> Control | None:
    for path in choice.paths:
        return path_control(path, otherwise=Control.ENGINE_FIELD)
    return None


def _bound_source(bound: Bound, own: OwnFields, *, asked: bool) -> Source | None:
    if bound.said_by or asked:
        return Source.REQUEST
    if bound.path:
        return Source.EXTRA_BODY if own.bound else Source.DEFAULT
    return None
