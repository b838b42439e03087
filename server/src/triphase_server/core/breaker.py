"""Decides whether one deployment may be called: a circuit for each pair of upstream and model.

Rules: permits carry the generation of the circuit, which every change of state advances, so what ends late changes
nothing. Half-open admits one probe at a time, and a probe that never comes back is overdue after `probe_s`. Nothing
runs by itself: open becomes half-open when somebody asks. Time may step back a little: it moves a decision by as much.
The states and their table are in `transitions.py`, the counts in `window.py`, which error is which outcome in
`judgement.py`; who is asked in place of a refused deployment is the routing's matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from triphase_server.core.transitions import TRANSITIONS, CircuitState, Reason, Transition, TransitionLog
from triphase_server.core.window import RollingWindow


class Outcome(StrEnum):
    """What a call says about its deployment; `ignored` says nothing, such as a call that its client cancelled."""

    SUCCESS = "success"
    FAILURE = "failure"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a circuit opens, and for how long. Rates are shares of the calls that ended in the last `window_s` seconds.

    It opens at a failure that makes the rate at least `failure_rate` of at least `minimum_calls`, or the run of
    failures at least `consecutive_failures` (however far apart); at a call of `slow_call_s` or more that makes the rate
    of such calls at least `slow_call_rate`; and at once where the upstream says Retry-After and `retry_after_opens`.
    `None`, or 0 for `consecutive_failures`, turns a rule off.

    It stays open for `open_s`, doubled by each probe that fails, `open_max_s` at most, and shortened at random by up to
    the share `jitter`, so that workers do not probe together; for as long as Retry-After says, up to
    `retry_after_max_s`, where that is longer. A probe that has no outcome after `probe_s` lets the next one through.
    """

    window_s: float = 30.0
    minimum_calls: int = 10
    failure_rate: float | None = 0.5
    consecutive_failures: int = 5
    slow_call_s: float | None = None
    slow_call_rate: float = 1.0
    open_s: float = 5.0
    open_max_s: float = 120.0
    jitter: float = 0.2
    probe_s: float = 30.0
    retry_after_opens: bool = True
    retry_after_max_s: float = 3600.0

    def __post_init__(self) -> None:
        """Raises ValueError where a value would make a circuit that never opens or never closes."""
        if not (self.window_s >= 1e-3 and min(self.open_s, self.probe_s) > 0 and self.open_max_s >= self.open_s):
            raise ValueError(
                "durations must be positive, window_s at least a millisecond, and open_max_s no shorter than open_s"
            )
        rates = (self.slow_call_rate, 1.0 if self.failure_rate is None else self.failure_rate)
        if not (0 <= self.jitter < 1 and all(0 < rate <= 1 for rate in rates)):
            raise ValueError("rates must be above 0 and up to 1, and jitter from 0 up to but not 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Leave for one call, to be recorded exactly once; `probe` says that the circuit's state hangs on it."""

    generation: int
    probe: bool
    acquired_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No leave. From `retry_at` on there is one, where nothing else happens before; `None` where isolated."""

    state: CircuitState
    retry_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitView:
    """What metrics and operators see. Counts are of the window; `since` and `reason` are of the last transition."""

    state: CircuitState
    calls: int
    failures: int
    slow_calls: int
    failure_rate: float
    consecutive_failures: int
    retry_at: float | None
    since: float | None
    reason: Reason | None
    transitions_total: Mapping[CircuitState, int]


_PROBE_REASONS = {Outcome.SUCCESS: Reason.PROBE_SUCCEEDED, Outcome.FAILURE: Reason.PROBE_FAILED}


class CircuitBreaker:
    """The circuit of one deployment. `now` is seconds on one monotonic clock, `draw` a random number in [0, 1)."""

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._state = CircuitState.CLOSED
        self._generation = 0
        self._window = RollingWindow(policy.window_s)
        self._consecutive = 0
        self._open_s = policy.open_s  # of the next opening, before jitter
        self._open_until = 0.0  # has a meaning only while open
        self._probe: Permit | None = None  # the latest one that is out, overdue or not
        self._log = TransitionLog()

    def acquire(self, *, now: float) -> Permit | Refused:
        """Gives leave for one call, or says when to ask again."""
        if not self.available(now=now):
            return Refused(state=self._state, retry_at=self.retry_at)
        if self._state is CircuitState.OPEN:
            self._enter(Reason.WAIT_OVER, now)
        probe = self._state is CircuitState.HALF_OPEN
        permit = Permit(generation=self._generation, probe=probe, acquired_at=now)
        if probe:
            self._probe = permit
        return permit

    def available(self, *, now: float) -> bool:
        """Whether `acquire` would give a permit; changes nothing."""
        match self._state:
            case CircuitState.CLOSED:
                return True
            case CircuitState.ISOLATED:
                return False
            case CircuitState.OPEN | CircuitState.HALF_OPEN:
                return self.retry_at is None or now >= self.retry_at
            case _:
                assert_never(self._state)

    def peek(self, *, now: float) -> CircuitState:
        """Returns the state at `now`, half-open from the moment a probe may go; changes nothing."""
        if self._state is CircuitState.OPEN and now >= self._open_until:
            return CircuitState.HALF_OPEN
        return self._state

    @property
    def retry_at(self) -> float | None:
        """When the next probe may go, at the latest; `None` where one may go now, where closed and where isolated."""
        if self._state is CircuitState.OPEN:
            return self._open_until
        return None if self._probe is None else self._probe.acquired_at + self._policy.probe_s

    def record(
        self, permit: Permit, outcome: Outcome, *, now: float, draw: float, retry_after_s: float | None = None
    ) -> None:
        """Takes the end of a call, which lasted from the permit to `now`; `retry_after_s` is what the upstream said.

        A permit of an earlier generation changes nothing, but for one thing: while the circuit is open, a Retry-After
        that comes late still lengthens the wait, as the upstream says it of this moment.
        """
        wait_s = min(max(0.0, retry_after_s or 0.0), self._policy.retry_after_max_s)
        if permit.generation != self._generation:
            if self._state is CircuitState.OPEN:
                self._open_until = max(self._open_until, now + wait_s)
            return
        reason = self._reason(permit, outcome, now)
        if reason is None and wait_s > 0 and self._policy.retry_after_opens:
            reason = Reason.RETRY_AFTER
        if reason is not None:
            self._enter(reason, now)
            self._open_until = now + max(wait_s, self._wait_of(reason, draw))
        elif self._probe is permit:
            self._probe = None

    def isolate(self, *, now: float) -> None:
        """Admits nothing until `restore`, by the operator's word."""
        self._enter(Reason.ISOLATED, now)

    def restore(self, *, now: float) -> None:
        """Closes a circuit that is isolated, open or half-open, by the operator's word, and forgets what led to it."""
        self._enter(Reason.RESTORED, now)

    def adopt(self, policy: BreakerPolicy) -> None:
        """Goes on by another policy. State and counts stay, but for those of a window of another length.

        A circuit that is open stays so until the moment that it was opened for.
        """
        if policy.window_s != self._policy.window_s:
            self._window = RollingWindow(policy.window_s)
        if self._state is CircuitState.CLOSED:
            self._open_s = policy.open_s
        else:
            self._open_s = min(max(self._open_s, policy.open_s), policy.open_max_s)
        self._policy = policy

    def snapshot(self, *, now: float) -> CircuitView:
        """Returns what stands at `now`; changes nothing."""
        counts = self._window.counts(now=now)
        latest = self._log.latest
        return CircuitView(
            state=self.peek(now=now),
            calls=counts.calls,
            failures=counts.failures,
            slow_calls=counts.slow_calls,
            failure_rate=counts.failures / counts.calls if counts.calls else 0.0,
            consecutive_failures=self._consecutive,
            retry_at=None if self.available(now=now) else self.retry_at,
            since=latest.at if latest else None,
            reason=latest.reason if latest else None,
            transitions_total=self._log.totals(),
        )

    def drain_transitions(self) -> list[Transition]:
        """Returns the transitions since the last call, oldest first; of more than 64 the latest."""
        return self._log.drain()

    def _reason(self, permit: Permit, outcome: Outcome, now: float) -> Reason | None:
        """Counts a call of this generation; returns why the state changes by it, if it does."""
        if outcome is Outcome.IGNORED:
            return None
        failed = outcome is Outcome.FAILURE
        slow = self._policy.slow_call_s is not None and now - permit.acquired_at >= self._policy.slow_call_s
        if permit.probe:
            return Reason.PROBE_SLOW if slow and not failed else _PROBE_REASONS[outcome]
        self._window.add(failed=failed, slow=slow, now=now)
        self._consecutive = self._consecutive + 1 if failed else 0
        return self._broken_rule(failed=failed, slow=slow, now=now) if failed or slow else None

    def _broken_rule(self, *, failed: bool, slow: bool, now: float) -> Reason | None:
        policy = self._policy
        if failed and 0 < policy.consecutive_failures <= self._consecutive:
            return Reason.CONSECUTIVE_FAILURES
        counts = self._window.counts(now=now)
        if counts.calls < policy.minimum_calls:
            return None
        if failed and policy.failure_rate is not None and counts.failures / counts.calls >= policy.failure_rate:
            return Reason.FAILURE_RATE
        return Reason.SLOW_CALLS if slow and counts.slow_calls / counts.calls >= policy.slow_call_rate else None

    def _wait_of(self, reason: Reason, draw: float) -> float:
        """Returns how long to stay open by the policy alone, which adds nothing to what the upstream asks for."""
        if reason is Reason.RETRY_AFTER:
            return 0.0
        if reason in (Reason.PROBE_FAILED, Reason.PROBE_SLOW):
            self._open_s = min(2 * self._open_s, self._policy.open_max_s)
        return self._open_s * (1 - self._policy.jitter * draw)

    def _enter(self, reason: Reason, now: float) -> None:
        target = TRANSITIONS.get((self._state, reason))
        if target is None:
            return
        self._log.add(Transition(source=self._state, target=target, at=now, reason=reason))
        self._state = target
        self._generation += 1
        self._probe = None
        if target is CircuitState.CLOSED:
            self._window.clear()
            self._consecutive = 0
            self._open_s = self._policy.open_s
