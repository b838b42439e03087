"""What a display is shown, of counters that know no engine."""

from dataclasses import replace

from triphase_benchmark.client.calibration import Calibration, ClientLoad
from triphase_benchmark.client.progress import Progress
from triphase_benchmark.report.progress import Snapshot
from triphase_benchmark.run.client_health import HealthSoFar
from triphase_benchmark.run.watching import Watch

GOOD = Calibration(
    load=ClientLoad(streams=8, events_per_s=100.0),
    workers=1, events=1600, achieved=800.0, lag_p50=1e-4, lag_p99=2e-4, lag_max=1e-3, cpu_share=0.2, errors=0,
)  # fmt: skip
SLOW = replace(GOOD, lag_p99=0.02)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def watched() -> tuple[Watch, Clock, list[Snapshot]]:
    clock, shown = Clock(), list[Snapshot]()
    return Watch(["a", "b"], rounds=2, planned=40, now=clock, show=shown.append), clock, shown


def test_counts_go_to_the_engine_whose_leg_it_is() -> None:
    watch, clock, shown = watched()
    watch.leg(0, "b")
    clock.now += 1
    watch.progress(Progress(begun=10, ended=8, failed=1, first_waits=8, first_waits_ns=800_000_000))
    a, b = shown[-1].engines
    assert (a.done, b.done, b.failed, b.in_flight, b.ttft_s) == (0, 8, 1, 2, 0.1)
    watch.progress(Progress(begun=10, ended=10, failed=1))
    assert watch.leg_ended(cpu_share=0.1).ended == 10
    watch.leg(0, "a")
    watch.progress(Progress(begun=14, ended=13, failed=1))
    a, b = shown[-1].engines
    assert (a.done, a.in_flight, b.done, b.in_flight) == (3, 1, 10, 0)
    assert shown[-1].done == 13
    assert shown[-1].round == 1


def test_a_rate_is_that_of_late() -> None:
    watch, clock, shown = watched()
    watch.leg(0, "a")
    for ended in (0, 0, 0, 0, 20, 40):
        clock.now += 1
        watch.progress(Progress(begun=ended, ended=ended))
    assert shown[-1].engines[0].rate == 40 / 3
    assert shown[-1].engines[1].rate is None


def test_more_rounds_change_what_is_expected() -> None:
    watch, _, shown = watched()
    watch.expect(rounds=4, planned=80)
    watch.say("closing")
    assert (shown[-1].rounds, shown[-1].planned) == (4, 80)
    assert shown[-1].turn is None


def leg(watch: Watch, engine: str, counters: Progress, *, cpu_share: float = 0.1) -> None:
    watch.leg(0, engine)
    watch.progress(counters)
    watch.leg_ended(cpu_share=cpu_share)


def test_the_client_is_judged_after_each_leg() -> None:
    watch, _, shown = watched()
    watch.client(HealthSoFar(calibrations=[GOOD], gateways=frozenset()))
    first = Progress(ended=4, first_waits=4, first_waits_ns=400_000_000, gaps=100, gaps_ns=1_000_000_000)
    leg(watch, "a", first)
    assert [one.client_ok for one in shown] == [None, None]  # nothing was known while the leg ran
    leg(watch, "b", replace(first, ended=8, gaps=200, gaps_ns=1_100_000_000))
    assert [(one.client_ok, one.client_lag_s) for one in shown[2:]] == [(True, GOOD.lag_p99)] * 2
    watch.say("closing")  # of b gaps are 1 ms: the lag of 0.2 ms is too much of that
    assert shown[-1].client_ok is False


def test_a_client_that_held_no_calibration_is_too_slow_from_the_beginning() -> None:
    watch, _, shown = watched()
    watch.client(HealthSoFar(calibrations=[SLOW], gateways=frozenset()))
    watch.say("measuring soon")
    assert (shown[-1].client_ok, shown[-1].client_lag_s) == (False, SLOW.lag_p99)


def test_a_worker_that_is_busy_all_the_time_is_too_slow() -> None:
    watch, _, shown = watched()
    watch.client(HealthSoFar(calibrations=[GOOD], gateways=frozenset()))
    leg(watch, "a", Progress(ended=4, first_waits=4, first_waits_ns=400_000_000), cpu_share=0.95)
    watch.say("closing")
    assert shown[-1].client_ok is False
