"""What the self-test makes of a client that is fast enough, that is not at first, and that never is."""

import os
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pytest
from run_fakes.tables import MS, calibrated, measured, truth
from triphase_benchmark.client.calibration import Calibration, ClientLoad
from triphase_benchmark.client.crew import LegEnd
from triphase_benchmark.run.selftest.cases import STARVED
from triphase_benchmark.run.selftest.judging import check_starved, check_times
from triphase_benchmark.run.selftest.proving import TRIES, Clocked, judged
from triphase_benchmark.run.selftest.starving import CAN_STARVE, try_starved
from triphase_benchmark.run.selftest.trying import Tried

LOAD = ClientLoad(streams=1, events_per_s=50)
OK, LATE = 0.0001, 0.003


@dataclass
class Machine:
    """Is as late in each calibration as it is told, and counts how often a case is tried."""

    lags: list[float]
    table: pa.Table = field(default_factory=measured)
    log: pa.Table = field(default_factory=truth)
    tries: int = 0

    def calibrate(self, load: ClientLoad, *, workers: int) -> Calibration:
        return calibrated(load, workers=workers, lag_s=self.lags.pop(0))

    def attempt(self) -> Tried:
        self.tries += 1
        return Tried(measured=self.table, truth=self.log, end=LegEnd(begin_ns=0, cpu_share=0.1))

    def judged(self) -> list[bool | None]:
        case = Clocked(
            name="case",
            load=LOAD,
            workers=1,
            typical_s=("icl", 0.02),
            attempt=self.attempt,
            check=lambda tried: check_times("case", tried.measured, tried.truth),
        )
        self.checks = judged(case, self.calibrate)
        return [check.holds for check in self.checks]


def test_a_client_that_is_fast_enough_is_judged_at_once() -> None:
    machine = Machine([OK, OK])
    assert machine.judged() == [True] * 5
    assert machine.tries == 1
    late = [50 * MS + MS, 70 * MS + MS, 90 * MS + MS]
    assert Machine([OK, OK], measured(chunk_times=late)).judged() == [True, False, False, True, True]


@pytest.mark.parametrize("first", [[LATE, OK], [OK, LATE]], ids=["late before", "late after"])
def test_a_client_that_is_late_right_before_or_after_is_tried_again(first: list[float]) -> None:
    machine = Machine([*first, OK, OK])
    assert machine.judged() == [True] * 5
    assert machine.tries == 2


def test_where_it_is_always_late_no_time_is_judged_and_the_reason_is_told() -> None:
    machine = Machine([LATE, LATE] * TRIES)
    assert machine.judged() == [True, None, None, None, None]
    assert machine.tries == TRIES
    assert all("not judged: p99 of the client's lag (3.00 ms) is 15.0%" in check.off for check in machine.checks[1:])


def test_what_is_off_while_the_engine_itself_was_late_is_not_judged() -> None:
    late = measured(chunk_times=[50 * MS + MS, 70 * MS + MS, 90 * MS + MS])
    machine = Machine([OK, OK] * TRIES, late, truth(chunk_due=[50 * MS, 69 * MS, 90 * MS]))
    assert machine.judged() == [True, None, None, True, True]
    assert machine.tries == TRIES
    assert "not judged: the engine itself was late (p99 1.00 ms)" in machine.checks[1].off


def test_a_request_that_failed_is_no_matter_of_the_clock() -> None:
    machine = Machine([LATE, LATE], measured(error="connect", sent=None, chunk_times=[]))
    assert machine.judged() == [False]
    assert machine.tries == 1


@pytest.mark.skipif(os.environ.get("TRIPHASE_BENCHMARK") != "full", reason="starves a core for seconds")
@pytest.mark.skipif(not CAN_STARVE, reason="only Linux binds processes to cores")
def test_a_client_that_is_starved_says_so() -> None:
    cores = os.sched_getaffinity(0)
    (case,) = STARVED
    starved = try_starved(case)
    print(starved)  # what a person who starves it wants to see
    assert check_starved(case, starved).holds
    assert os.sched_getaffinity(0) == cores


@pytest.mark.skipif(not CAN_STARVE, reason="only Linux binds processes to cores")
def test_a_moment_without_a_core_is_over_with_its_block() -> None:
    cores = os.sched_getaffinity(0)
    (case,) = STARVED
    starved = try_starved(replace(case, load=ClientLoad(streams=2, events_per_s=20, duration_s=0.2), beside=1))
    assert (starved.events, starved.errors) == (8, 0)
    assert os.sched_getaffinity(0) == cores
