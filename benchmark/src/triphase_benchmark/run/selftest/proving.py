"""Goes through all cases of the self-test, and says what holds.

Its rule: times are judged only where the client shows itself fast enough for that load on this machine, right before
and right after (`client_ok`); a case is tried again some times until it does, and where it never does, nothing is said.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from triphase_benchmark.client.calibration import Calibration, ClientLoad, ClientVerdict, calibrate, judge_client
from triphase_benchmark.client.crew import default_workers
from triphase_benchmark.run.selftest.cases import COUNTED, FIRST_S, TIMED, TOKEN_S, CountedCase, TimedCase
from triphase_benchmark.run.selftest.judging import Check, check_counts, check_times
from triphase_benchmark.run.selftest.trying import Tried, try_counted, try_timed

_TRIES = 3


def prove(
    *,
    timed: Sequence[TimedCase] = TIMED,
    counted: Sequence[CountedCase] = COUNTED,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Check]:
    """Gives each check as it is made. Raises CannotRun and CrewFailed."""
    for case in counted:
        say(case.name)
        tried = try_counted(case)
        yield from check_counts(case, tried.measured, tried.truth)
    for paced in timed:
        say(paced.name)
        yield from _timed(paced)


def _timed(case: TimedCase) -> list[Check]:
    workers = min(default_workers(), case.streams)
    load = ClientLoad(streams=case.streams, events_per_s=1 / TOKEN_S, duration_s=2.0, in_step=False)
    checks: list[Check] = []
    for _ in range(_TRIES):
        before = calibrate(load, workers=workers)
        tried = try_timed(case, workers=workers)
        reasons = [
            reason for one in (before, calibrate(load, workers=workers)) for reason in _client(one, tried).reasons
        ]
        checks = check_times(case.name, tried.measured, tried.truth)
        if not reasons:
            return checks
        checks = [replace(check, holds=None, off=f"{check.off}; not judged: {reasons[0]}") for check in checks]
    return checks


def _client(calibration: Calibration, tried: Tried) -> ClientVerdict:
    """By the same streams of a null engine, spread as they were."""
    events = sum(len(times) for times in tried.measured["chunk_times"].to_pylist())
    ended = np.asarray(tried.measured["ended"].drop_null().to_numpy())
    sent = np.asarray(tried.measured["sent"].drop_null().to_numpy())
    seconds = float(ended.max() - sent.min()) / 1e9 if len(ended) and len(sent) else 1.0
    return judge_client(
        calibration,
        medians={"ttft": FIRST_S, "icl": TOKEN_S},
        events_per_s=events / seconds,
        cpu_share=tried.end.cpu_share,
    )
