"""The crews of several hosts as one: a plan dealt among all of their workers, begun together, recorded in one folder.

Its rule: clocks are never subtracted across hosts. What a host returns are times since its own leg began, and they are
put behind the leg's begin on the run's clock. How far a host's clock is from ours is asked before each leg, only to say
when it is to begin, and only that moment is as inexact as the answer: `begin_within_s`. How calls reach a host is
`Node`'s to say (`ray_nodes.py`).
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import replace
from time import monotonic_ns
from types import TracebackType
from typing import Any, Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc

from triphase_benchmark.client.calibration import Calibration, ClientLoad
from triphase_benchmark.client.crew import CrewFailed, LegEnd, shares_of
from triphase_benchmark.client.leg import Leg
from triphase_benchmark.client.node_crew import Returned
from triphase_benchmark.client.progress import Progress, added
from triphase_benchmark.records.folder import RunFolder
from triphase_benchmark.records.schema import REQUESTS
from triphase_benchmark.records.writer import RecordsLost, RowsWriter

# From the order to begin until time 0: it has reached all hosts by then.
_LEAD_NS = 500_000_000
_ASKED = 7
_WATCH_S = 0.25
_CALL_S = 30.0
# How long hosts may take to return what they have, once they were stopped.
_STOP_S = 60.0
_TIMES = ("scheduled", "sent", "responded", "ended", "accepted", "prompt_summary", "reasoning_summary")


class Node(Protocol):
    """A `NodeCrew` somewhere."""

    name: str

    def call(self, method: str, *arguments: object) -> Future[Any]:
        """Calls one of its methods."""


class Fleet:
    """`with Fleet(folder, nodes) as fleet: fleet.run(leg)`, as a `Crew` does. `epoch_ns`: of this host's clock."""

    def __init__(self, folder: RunFolder, nodes: Sequence[Node], *, epoch_ns: int | None = None) -> None:
        self.epoch_ns = monotonic_ns() if epoch_ns is None else epoch_ns
        self.begin_within_s = 0.0
        self._folder = folder
        self._nodes = list(nodes)
        self._writers: list[RowsWriter] = []
        self._hands = [self._result(node, node.call("workers")) for node in self._nodes]
        self._runs: dict[int, Future[Returned]] = {}
        self._progress = Progress()

    @property
    def workers(self) -> int:
        """How many processes send, on all hosts."""
        return sum(self._hands)

    @property
    def hosts(self) -> int:
        """How many nodes there are."""
        return len(self._nodes)

    @property
    def progress(self) -> Progress:
        """What all workers had done when they were last asked."""
        return self._progress

    def __enter__(self) -> Self:
        self._folder.parts.mkdir(exist_ok=True)
        self._writers = [RowsWriter(self._folder.part(place), REQUESTS) for place in range(len(self._nodes))]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers:
            with suppress(RecordsLost):
                writer.close()

    def calibrate(self, load: ClientLoad, *, gateway: bool = False) -> Calibration:
        """Puts each host's share of a load on it, on all at once; the lags are those of the host that did worst."""
        some = min(load.streams, len(self._nodes))
        parts = [load.streams // some + (place < load.streams % some) for place in range(some)]
        calls = [
            (node, node.call("calibrate", replace(load, streams=streams), gateway))
            for node, streams in zip(self._nodes[:some], parts, strict=True)
        ]
        found: list[Calibration] = [self._result(node, call, limit_s=load.duration_s * 4 + 60) for node, call in calls]
        worst = max(found, key=lambda one: one.lag_p99 if one.events else float("inf"))
        return replace(
            worst,
            load=load,
            workers=self.workers,
            events=sum(one.events for one in found),
            achieved=sum(one.achieved for one in found),
            lag_max=max(one.lag_max for one in found),
            cpu_share=max(one.cpu_share for one in found),
            errors=sum(one.errors for one in found),
        )

    def run(self, leg: Leg, *, watch: Callable[[Progress], None] = lambda _: None) -> LegEnd:
        """Runs one leg on all hosts.

        Raises:
            CrewFailed: A host or one of its workers could not go on.
            RecordsLost: Rows could not be written, here or there.
            KeyboardInterrupt: Of Ctrl-C, once what was measured is written.
        """
        try:
            return self._run(leg, watch)
        except BaseException:
            self._stop()
            raise

    def _run(self, leg: Leg, watch: Callable[[Progress], None]) -> LegEnd:
        for place, (node, share) in enumerate(zip(self._nodes, self._shares(leg), strict=True)):
            self._runs[place] = node.call("run", share)
        self._wait([node.call("wait_ready") for node in self._nodes], watch)
        ours = self._away()
        begin_ns = monotonic_ns() + _LEAD_NS
        for node, away_ns in zip(self._nodes, ours, strict=True):
            self._result(node, node.call("begin", begin_ns + away_ns))
        self._wait(self._runs.values(), watch)
        ended = [self._keep(place, begin_ns) for place in sorted(self._runs)]
        for node, one in zip(self._nodes, ended, strict=True):
            if one.problem:
                kind = RecordsLost if one.lost else CrewFailed
                raise kind(f"{node.name}: {one.problem}")
        return LegEnd(begin_ns=begin_ns, cpu_share=max(one.cpu_share for one in ended))

    def _shares(self, leg: Leg) -> list[Leg]:
        """Deals the leg among all workers, and gives each host what its own have."""
        dealt = iter(shares_of(leg, self.workers))
        return [_joined(leg, [next(dealt) for _ in range(hands)]) for hands in self._hands]

    def _away(self) -> list[int]:
        """How far each host's clock is from ours, by the quickest answer of some."""
        found = []
        for node in self._nodes:
            tries = []
            for _ in range(_ASKED):
                before = monotonic_ns()
                there: int = self._result(node, node.call("clock_ns"))
                after = monotonic_ns()
                tries.append((after - before, there - (before + after) // 2))
            took, away = min(tries)
            self.begin_within_s = max(self.begin_within_s, took / 1e9)
            found.append(away)
        return found

    def _wait(self, calls: Iterable[Future[Any]], watch: Callable[[Progress], None]) -> None:
        """Waits for all; tells how it stands meanwhile."""
        missing = set(calls)
        while missing:
            _, missing = wait(missing, _WATCH_S)
            asked = [(node, node.call("progress")) for node in self._nodes]
            self._progress = added(self._result(node, call) for node, call in asked)
            watch(self._progress)

    def _keep(self, place: int, begin_ns: int) -> Returned:
        """Writes what a host has returned, its times behind the leg's begin on our clock."""
        returned: Returned = self._result(self._nodes[place], self._runs.pop(place))
        here = begin_ns - self.epoch_ns
        there = returned.begin_ns - returned.epoch_ns if returned.begin_ns is not None else here
        first = sum(self._hands[:place])
        for batch in pa.ipc.open_stream(returned.rows):
            self._writers[place].write_batch(_of_the_run(batch, by_ns=here - there, first_worker=first))
        return returned

    def _stop(self) -> None:
        """Has all hosts return what they have, and writes it."""
        for node in self._nodes:
            with suppress(CrewFailed):
                self._result(node, node.call("stop"))
        begin_ns = monotonic_ns()
        wait(self._runs.values(), _STOP_S)
        for place in sorted(self._runs):
            with suppress(CrewFailed, RecordsLost):
                self._keep(place, begin_ns)

    def _result(self, node: Node, call: Future[Any], *, limit_s: float = _CALL_S) -> Any:
        try:
            return call.result(limit_s)
        except Exception as error:  # of whatever carries the calls
            raise CrewFailed(f"{node.name} does not answer: {_line(error)}") from error


def _joined(leg: Leg, shares: Sequence[Leg]) -> Leg:
    """What the workers of one host have, as one leg again."""
    busy = [share for share in shares if share.requests]
    numbers = {request.number for share in busy for request in share.requests}
    places = None if leg.places is None else max(sum(share.places or 0 for share in busy), 1)
    return replace(leg, places=places, requests=tuple(one for one in leg.requests if one.number in numbers))


def _of_the_run(batch: pa.RecordBatch, *, by_ns: int, first_worker: int) -> pa.RecordBatch:
    """A host's rows, with times and workers as the run counts them."""
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    for name in _TIMES:
        columns[name] = pc.add(columns[name], by_ns)
    lists = columns["chunk_times"]
    columns["chunk_times"] = pa.ListArray.from_arrays(lists.offsets, pc.add(lists.values, by_ns))
    columns["worker"] = pc.add(columns["worker"], pa.scalar(first_worker, pa.int32()))
    return pa.RecordBatch.from_arrays([columns[name] for name in REQUESTS.names], schema=REQUESTS)


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
