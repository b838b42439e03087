"""What a display is shown, of counters that know no engine."""

from triphase_benchmark.client.progress import Progress
from triphase_benchmark.report.progress import Snapshot
from triphase_benchmark.run.watching import Watch


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
    assert watch.leg_ended().ended == 10
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
    watch.client(ok=True, lag_s=0.001)
    watch.say("closing")
    assert (shown[-1].rounds, shown[-1].planned, shown[-1].client_ok) == (4, 80, True)
    assert shown[-1].turn is None
