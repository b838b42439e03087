"""Crews of several hosts, each a thread here, with clocks that are hours apart: what of them is recorded."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from client.test_crew import leg
from triphase_benchmark.client.calibration import Calibration, ClientLoad
from triphase_benchmark.client.crew import CrewFailed
from triphase_benchmark.client.fleet import Fleet
from triphase_benchmark.client.node_crew import NodeCrew, Returned
from triphase_benchmark.client.null_engine import NullEngine
from triphase_benchmark.client.progress import Progress
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.records.folder import RunFolder

HOUR_NS = 3_600_000_000_000


class Host(NodeCrew):
    """A crew whose clock is `ahead_ns` of that of this machine, as others see it."""

    def __init__(self, workers: int, ahead_ns: int) -> None:
        super().__init__(workers)
        self._ahead_ns = ahead_ns

    def clock_ns(self) -> int:
        return super().clock_ns() + self._ahead_ns

    def begin(self, at_ns: int) -> None:
        super().begin(at_ns - self._ahead_ns)

    def run(self, leg_: Any) -> Returned:
        returned = super().run(leg_)
        begin = None if returned.begin_ns is None else returned.begin_ns + self._ahead_ns
        return replace(returned, begin_ns=begin, epoch_ns=returned.epoch_ns + self._ahead_ns)


class Near:
    """A node whose calls are threads'; `lost`: it does not answer any more."""

    def __init__(self, name: str, crew: NodeCrew) -> None:
        self.name = name
        self.crew = crew
        self.lost = threading.Event()
        self._threads = ThreadPoolExecutor(8)

    def call(self, method: str, *arguments: object) -> Future[Any]:
        if self.lost.is_set():
            broken: Future[Any] = Future()
            broken.set_exception(ConnectionError("the node is dead\nand so on"))
            return broken
        return self._threads.submit(getattr(self.crew, method), *arguments)


@pytest.fixture
def nodes() -> Iterator[list[Near]]:
    made = [Near("one", Host(1, -HOUR_NS)), Near("other", Host(2, 5 * HOUR_NS))]
    with ExitStack() as stack:
        for node in made:
            stack.callback(node.crew.close)
        yield made


@pytest.fixture
def engine() -> Iterator[Engine]:
    with NullEngine() as null:
        yield Engine(name="null", url=null.url)


def table(folder: RunFolder) -> pa.Table:
    folder.close()
    return folder.read_requests()


def test_a_plan_is_dealt_once_among_all_hosts_whatever_their_clocks_say(
    tmp_path: Path, nodes: Sequence[Near], engine: Engine
) -> None:
    folder = RunFolder(tmp_path)
    seen: list[Progress] = []
    with Fleet(folder, nodes) as fleet:
        assert (fleet.workers, fleet.hosts) == (3, 2)
        ends = [fleet.run(replace(leg(engine, 12), round=number), watch=seen.append) for number in range(2)]
    assert seen[-1].ended == 24
    rows = table(folder).to_pylist()
    for number, end in enumerate(ends):
        own = [row for row in rows if row["round"] == number]
        assert sorted(row["request"] for row in own) == list(range(12))
        assert {row["worker"] for row in own} == {0, 1, 2}
        begin = end.begin_ns - fleet.epoch_ns
        for row in own:
            assert row["error"] is None
            times = [row["scheduled"], row["sent"], row["responded"], *row["chunk_times"], row["ended"]]
            assert times == sorted(times)
            assert begin <= row["scheduled"] < begin + 60_000_000_000  # hours away, were clocks subtracted
    assert 0 < fleet.begin_within_s < 60


def test_hosts_without_a_place_send_nothing(tmp_path: Path, nodes: Sequence[Near], engine: Engine) -> None:
    folder = RunFolder(tmp_path)
    with Fleet(folder, nodes) as fleet:
        fleet.run(leg(engine, 5, places=1))
    assert set(table(folder)["worker"].to_pylist()) == {0}


def test_a_host_that_is_lost_ends_the_run_and_what_was_measured_stays(
    tmp_path: Path, nodes: Sequence[Near], engine: Engine
) -> None:
    folder = RunFolder(tmp_path)
    with Fleet(folder, nodes) as fleet:
        fleet.run(leg(engine, 6))

        def lose(progress: Progress) -> None:
            if progress.begun > 6:
                nodes[1].lost.set()

        with pytest.raises(CrewFailed, match=r"other does not answer: the node is dead$"):
            fleet.run(replace(leg(engine, 6, first_us=500_000), round=1), watch=lose)
    rows = table(folder).to_pylist()
    assert [row["error"] for row in rows if row["round"] == 0] == [None] * 6
    assert {row["worker"] for row in rows if row["round"] == 1} >= {0}


def test_a_stop_returns_what_ran(tmp_path: Path, nodes: Sequence[Near], engine: Engine) -> None:
    folder = RunFolder(tmp_path)

    def interrupt(progress: Progress) -> None:
        if progress.begun:
            raise KeyboardInterrupt

    with Fleet(folder, nodes) as fleet, pytest.raises(KeyboardInterrupt):
        fleet.run(leg(engine, 8, first_us=60_000_000), watch=interrupt)
    rows = table(folder).to_pylist()
    assert sorted(row["request"] for row in rows) == list(range(8))
    assert {row["error"] for row in rows} == {"dropped", "unsent"}


def test_a_worker_that_cannot_go_on_is_told_with_its_host(
    tmp_path: Path, nodes: Sequence[Near], engine: Engine
) -> None:
    keyless = replace(engine, key_variable="TRIPHASE_TEST_NO_SUCH_KEY")
    with Fleet(RunFolder(tmp_path), nodes) as fleet, pytest.raises(CrewFailed, match=r"^one: worker 0: "):
        fleet.run(leg(keyless, 6))


def test_each_host_is_calibrated_with_its_share_and_the_worst_decides() -> None:
    class Told(NodeCrew):
        def calibrate(self, load: ClientLoad, gateway: bool) -> Calibration:
            return Calibration(
                load=load,
                workers=self.workers(),
                events=load.streams,
                achieved=load.offered,
                lag_p50=0.0,
                lag_p99=0.001 * self.workers(),
                lag_max=0.002,
                cpu_share=0.1,
                errors=0,
                gateway=gateway,
            )

    fleet = Fleet(RunFolder(Path()), [Near(str(workers), Told(workers)) for workers in (1, 3)])
    load = ClientLoad(streams=7, events_per_s=10)
    found = fleet.calibrate(load)
    assert (found.load, found.workers, found.events) == (load, 4, 7)
    assert (found.achieved, found.lag_p99) == (load.offered, 0.003)
