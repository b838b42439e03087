"""From the workers' counters to what a display shows: whose counts they are, rates, and the time that is left.

Its rule: counters grow over the whole run and tell of no engine, so what an engine did is what they grew by in its
legs. Time is an argument.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from triphase_benchmark.client.progress import Progress
from triphase_benchmark.report.progress import EngineProgress, Snapshot
from triphase_benchmark.run.client_health import HealthSoFar

# The time that a rate is taken over.
_OF_LATE_S = 3.0


@dataclass(slots=True)
class _Engine:
    """What an engine has done in the legs before this one, and lately."""

    before: Progress = field(default_factory=Progress)
    ended: deque[tuple[float, int]] = field(default_factory=deque)


class Watch:
    """Makes snapshots. `now` tells the time in seconds, `show` takes what is made."""

    def __init__(
        self,
        engines: Sequence[str],
        *,
        rounds: int,
        planned: int,
        now: Callable[[], float],
        show: Callable[[Snapshot], None],
    ) -> None:
        self._now = now
        self._show = show
        self._began = now()
        self._engines = {name: _Engine() for name in engines}
        self._base = Progress()
        self._last = Progress()
        self._health: HealthSoFar | None = None
        self._snapshot = Snapshot(doing="", round=0, rounds=rounds, turn=None, done=0, planned=planned, elapsed_s=0.0)

    def say(self, doing: str) -> None:
        """Shows what is done beside rounds."""
        self._put(replace(self._snapshot, doing=doing, turn=None))

    def expect(self, *, rounds: int, planned: int) -> None:
        """Takes note of how much there is to do."""
        self._snapshot = replace(self._snapshot, rounds=rounds, planned=planned)

    def client(self, health: HealthSoFar) -> None:
        """Takes note of how the client's health is judged, here and after each leg."""
        self._health = health
        ok = health.ok((), cpu_share=0.0)
        self._snapshot = replace(self._snapshot, client_ok=ok, client_lag_s=health.lag_s)

    def leg(self, number: int, engine: str) -> None:
        """A leg begins: what counters grow by from now on is this engine's."""
        self._base = self._last
        self._engines[engine].ended.clear()
        self._put(replace(self._snapshot, doing="measuring", round=number + 1, turn=engine))

    def progress(self, counters: Progress) -> None:
        """Shows how the leg stands."""
        self._last = counters
        self._put(self._snapshot)

    def leg_ended(self, *, cpu_share: float) -> Progress:
        """Closes a leg, and judges the client again; returns what the leg did.

        `cpu_share`: of a core, what the busiest worker used in any leg.
        """
        grown = _minus(self._last, self._base)
        if self._snapshot.turn is not None:
            engine = self._engines[self._snapshot.turn]
            engine.before = _plus(engine.before, grown)
        self._base = self._last
        if self._health is not None:
            engines = tuple(self._of(name, self._snapshot.elapsed_s, running=False) for name in self._engines)
            self._snapshot = replace(self._snapshot, client_ok=self._health.ok(engines, cpu_share=cpu_share))
        return grown

    def _put(self, snapshot: Snapshot) -> None:
        elapsed = self._now() - self._began
        engines = tuple(self._of(name, elapsed, running=name == snapshot.turn) for name in self._engines)
        self._snapshot = replace(snapshot, engines=engines, done=self._last.ended, elapsed_s=elapsed)
        self._show(self._snapshot)

    def _of(self, name: str, elapsed: float, *, running: bool) -> EngineProgress:
        engine = self._engines[name]
        leg = _minus(self._last, self._base) if running else Progress()
        total = _plus(engine.before, leg)
        return EngineProgress(
            name=name,
            done=total.ended,
            failed=total.failed,
            in_flight=leg.in_flight,
            rate=_rate(engine.ended, elapsed, leg.ended) if running else None,
            ttft_s=_mean_s(total.first_waits_ns, total.first_waits),
            itl_s=_mean_s(total.gaps_ns, total.gaps),
        )


def _rate(ended: deque[tuple[float, int]], at: float, count: int) -> float | None:
    ended.append((at, count))
    while ended[0][0] < at - _OF_LATE_S:
        ended.popleft()
    (begin, before), (end, after) = ended[0], ended[-1]
    return (after - before) / (end - begin) if end > begin else None


def _mean_s(total_ns: int, count: int) -> float | None:
    return total_ns / count / 1e9 if count else None


_SUMS = ("begun", "ended", "failed", "reads", "first_waits", "first_waits_ns", "gaps", "gaps_ns", "delays_ns")


def _minus(all_: Progress, before: Progress) -> Progress:
    """What came after `before`; the longest delay is that of all."""
    return replace(all_, **{name: getattr(all_, name) - getattr(before, name) for name in _SUMS})


def _plus(before: Progress, more: Progress) -> Progress:
    return replace(more, **{name: getattr(before, name) + getattr(more, name) for name in _SUMS})
