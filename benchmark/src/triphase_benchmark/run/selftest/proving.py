"""Goes through all cases of the self-test, and says what holds.

Its rule: times are judged only where the client shows itself fast enough for that load on this machine, right before
and right after (`client_ok`, by a stricter share than a run's); and one that is off counts only where the machine let
the engine be on time meanwhile. A case is tried again some times until that is so; where it never is, nothing is said
of these times.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from triphase_benchmark.client.calibration import Calibration, ClientLoad, ClientVerdict, calibrate, judge_client
from triphase_benchmark.client.crew import default_workers
from triphase_benchmark.run.selftest import cases
from triphase_benchmark.run.selftest import judging as judge
from triphase_benchmark.run.selftest.judging import Check
from triphase_benchmark.run.selftest.sessions import try_compared
from triphase_benchmark.run.selftest.starving import CAN_STARVE, try_starved
from triphase_benchmark.run.selftest.trying import Tried, try_counted, try_queue, try_timed

TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is tried, in this order; the whole of it takes some four minutes."""

    counted: Sequence[cases.CountedCase] = cases.COUNTED
    compared: Sequence[cases.ComparedCase] = cases.COMPARED
    timed: Sequence[cases.TimedCase] = cases.TIMED
    queues: Sequence[cases.QueueCase] = cases.QUEUES
    starved: Sequence[cases.StarvedCase] = cases.STARVED


WHOLE = Course()
# What no other load of the machine disturbs.
UNTIMED = Course(timed=(), queues=(), starved=())


class Calibrate(Protocol):
    """Puts a load on the client alone, as `calibration.calibrate` does."""

    def __call__(self, load: ClientLoad, *, workers: int) -> Calibration:
        """Tells how late it was."""


def prove(
    course: Course = WHOLE, *, calibrate: Calibrate = calibrate, say: Callable[[str], None] = lambda _: None
) -> Iterator[Check]:
    """Gives each check as it is made. Raises CannotRun and CrewFailed."""
    for counted in course.counted:
        say(counted.name)
        tried = try_counted(counted)
        yield from judge.check_counts(counted, tried.measured, tried.truth)
    for compared in course.compared:
        say(compared.name)
        told, held = try_compared(compared)
        yield from judge.check_compared(compared, told=told, held=held)
    for timed in course.timed:
        say(timed.name)
        yield from judged(_of_times(timed), calibrate)
    for queue in course.queues:
        say(queue.name)
        yield from judged(_of_waits(queue), calibrate)
    for starved in course.starved:
        say(starved.name)
        yield judge.check_starved(starved, try_starved(starved) if CAN_STARVE else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocked:
    """A case whose times are judged. `load`: like its own; `typical_s`: by name, what is measured, about."""

    name: str
    load: ClientLoad
    workers: int
    typical_s: tuple[str, float]
    attempt: Callable[[], Tried]
    check: Callable[[Tried], list[Check]]


def judged(case: Clocked, calibrate: Calibrate = calibrate) -> list[Check]:
    """Tries a case until the client is fast enough for it; where it never is, no time of the last try is judged."""
    times: list[Check] = []
    for _ in range(TRIES):
        before = calibrate(case.load, workers=case.workers)
        tried = case.attempt()
        both = (before, calibrate(case.load, workers=case.workers))
        reasons = [reason for one in both for reason in _client(case, one, tried).reasons]
        succeeded, times = judge.check_succeeded(case.name, tried.measured), case.check(tried)
        if reasons:
            times = [_not_judged(check, reasons[0]) for check in times]
        elif (late_s := judge.lateness(tried.truth)) > judge.LEAST_S:
            reason = f"the engine itself was late (p99 {late_s * 1e3:.2f} ms)"
            times = [check if check.holds else _not_judged(check, reason) for check in times]
        if not succeeded.holds or all(check.holds is not None for check in times):
            break
    return [succeeded, *times]


def _not_judged(check: Check, reason: str) -> Check:
    return replace(check, holds=None, off=f"{check.off}; not judged: {reason}")


def _of_times(case: cases.TimedCase) -> Clocked:
    workers = min(default_workers(), case.streams)
    return Clocked(
        name=case.name,
        load=ClientLoad(streams=case.streams, events_per_s=1 / cases.TOKEN_S, duration_s=2.0, in_step=False),
        workers=workers,
        typical_s=("icl", cases.TOKEN_S),
        attempt=lambda: try_timed(case, workers=workers),
        check=lambda tried: judge.check_times(case.name, tried.measured, tried.truth),
    )


def _of_waits(case: cases.QueueCase) -> Clocked:
    events_per_s = 4 * case.arrivals_per_s  # of two chunks each, and of them twice as many for a while
    return Clocked(
        name=case.name,
        load=ClientLoad(streams=8, events_per_s=events_per_s / 8, duration_s=2.0, in_step=False),
        workers=1,
        typical_s=("wait", case.mean_wait_s),
        attempt=lambda: try_queue(case),
        check=lambda tried: judge.check_waits(case, tried.measured, tried.truth),
    )


def _client(case: Clocked, calibration: Calibration, tried: Tried) -> ClientVerdict:
    """A lag beyond what times may be off by would decide, not the harness."""
    events = sum(len(times) for times in tried.measured["chunk_times"].to_pylist())
    ended = np.asarray(tried.measured["ended"].drop_null().to_numpy())
    sent = np.asarray(tried.measured["sent"].drop_null().to_numpy())
    seconds = float(ended.max() - sent.min()) / 1e9 if len(ended) and len(sent) else 1.0
    name, typical_s = case.typical_s
    return judge_client(
        calibration,
        medians={name: typical_s},
        events_per_s=events / seconds,
        cpu_share=tried.end.cpu_share,
        most_share=judge.LEAST_S / typical_s,
    )
