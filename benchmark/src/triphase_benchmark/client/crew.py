"""The workers of a run, as their parent sees them: started once, given leg after leg, ended together.

Its rule: one plan is dealt, round-robin, and one moment is time 0 for all. A leg is over when all workers have written
their rows, or when it was stopped, after which they write what they have; either way its rows can be read. A crew that
was stopped, or lost a worker, is at its end: it runs no other leg.
"""

import multiprocessing
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from time import monotonic, monotonic_ns
from types import TracebackType
from typing import Self

from triphase_benchmark.client.dispatch import deal, deal_places
from triphase_benchmark.client.leg import Leg, Place
from triphase_benchmark.client.messages import Begin, Failed, Order, Prepare, Ready, Report, Sent, Stop, Written
from triphase_benchmark.client.progress import Board, Progress
from triphase_benchmark.client.worker import WorkerSpec, run_worker
from triphase_benchmark.records.folder import RunFolder
from triphase_benchmark.records.writer import RecordsLost

# From the order to begin until time 0: all workers have read it by then.
_LEAD_NS = 50_000_000
_WATCH_S = 0.25
# How long workers may take to write what they have, once they were stopped.
_STOP_S = 60.0


def soon() -> int:
    """A moment, in ns of the monotonic clock, by which an order has reached all workers of this host."""
    return monotonic_ns() + _LEAD_NS


class CrewFailed(RuntimeError):
    """A worker ended by itself or could not go on; what was measured is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnd:
    """What a leg took of its workers: the share of a core that the busiest used while it ran."""

    begin_ns: int
    cpu_share: float


class Crew:
    """`with Crew(folder, workers=2) as crew: crew.run(leg)`.

    Args:
        folder: Where parts are written, below its `parts`.
        workers: How many processes send; the default leaves a core to whatever else runs.
        epoch_ns: What times in rows count from; the default is now.
        lags: Whether the workers write how late they were, instead of requests (`calibration.py`).
    """

    def __init__(
        self, folder: RunFolder, *, workers: int | None = None, epoch_ns: int | None = None, lags: bool = False
    ) -> None:
        self.epoch_ns = monotonic_ns() if epoch_ns is None else epoch_ns
        self.workers = workers or default_workers()
        self._folder = folder
        self._lags = lags
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._pipes: list[Connection] = []

    def __enter__(self) -> Self:
        self._folder.parts.mkdir(exist_ok=True)
        path = self._folder.parts / "progress"
        self._board = Board(path, self.workers, create=True)
        spawning = multiprocessing.get_context("spawn")
        try:
            for worker in range(self.workers):
                mine, theirs = spawning.Pipe()
                place = Place(host=socket.gethostname(), worker=worker, epoch_ns=self.epoch_ns)
                part = self._folder.part(worker)
                spec = WorkerSpec(place=place, workers=self.workers, part=part, board=path, lags=self._lags)
                process = spawning.Process(target=run_worker, args=(spec, theirs), name=f"worker {worker}")
                process.start()
                theirs.close()
                self._pipes.append(mine)
                self._processes.append(process)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def progress(self) -> Progress:
        """What all workers have done so far."""
        return self._board.read()

    def run(
        self, leg: Leg, *, watch: Callable[[Progress], None] = lambda _: None, begin: Callable[[], int] = soon
    ) -> LegEnd:
        """Runs one leg, all of its requests and places.

        Args:
            leg: What is sent.
            watch: Is called a few times a second.
            begin: Tells the leg's time 0, in ns of the monotonic clock, once all workers are ready.

        Raises:
            CrewFailed: A worker could not go on.
            RecordsLost: Rows could not be written.
            KeyboardInterrupt: Of Ctrl-C, once what was measured is written.
        """
        try:
            return self._run(leg, watch, begin)
        except BaseException:
            self._stop()
            raise

    def close(self) -> None:
        """Ends all workers; those that do not end in time are killed."""
        for pipe in self._pipes:
            pipe.close()
        deadline = monotonic() + _STOP_S
        for process in self._processes:
            process.join(max(deadline - monotonic(), 0))
            if process.is_alive():
                process.kill()
                process.join()
        self._pipes, self._processes = [], []
        with suppress(FileNotFoundError):
            (self._folder.parts / "progress").unlink()

    def _run(self, leg: Leg, watch: Callable[[Progress], None], begin: Callable[[], int]) -> LegEnd:
        for pipe, share in zip(self._pipes, shares_of(leg, self.workers), strict=True):
            _send(pipe, Prepare(leg=share))
        self._collect(Ready, watch)
        begin_ns = begin()
        for pipe in self._pipes:
            _send(pipe, Begin(at_ns=begin_ns))
        used = self._collect(Sent, watch)
        self._collect(Written, watch)
        shares_of_core = [one.cpu_s / one.wall_s for one in used if isinstance(one, Sent) and one.wall_s > 0]
        return LegEnd(begin_ns=begin_ns, cpu_share=max(shares_of_core, default=0.0))

    def _collect(self, kind: type[Report], watch: Callable[[Progress], None]) -> list[Report]:
        """Waits for a report of one kind from each worker."""
        missing: set[Connection] = set(self._pipes)
        reports: list[Report] = []
        while missing:
            for pipe in _heard(missing):
                report = self._receive(pipe)
                reports.append(report)
                if isinstance(report, kind):
                    missing.discard(pipe)
            watch(self.progress)
        return reports

    def _receive(self, pipe: Connection) -> Report:
        worker = self._pipes.index(pipe)
        try:
            report: Report = pipe.recv()
        except (EOFError, OSError):
            self._processes[worker].join(1.0)
            code = self._processes[worker].exitcode
            raise CrewFailed(f"worker {worker} ended by itself, with exit code {code}; its last leg is lost") from None
        if isinstance(report, Failed):
            raise RecordsLost(report.message) if report.lost else CrewFailed(f"worker {worker}: {report.message}")
        return report

    def _stop(self) -> None:
        """Has all workers write what they have."""
        for pipe in self._pipes:
            with suppress(OSError):
                pipe.send(Stop())
        deadline = monotonic() + _STOP_S
        missing: set[Connection] = set(self._pipes)
        while missing and monotonic() < deadline:
            for pipe in _heard(missing):
                try:
                    if isinstance(pipe.recv(), Written | Failed):
                        missing.discard(pipe)
                except (EOFError, OSError):
                    missing.discard(pipe)


def shares_of(leg: Leg, workers: int) -> list[Leg]:
    """Deals a leg; where there are fewer places than workers, those without one send nothing."""
    places = deal_places(leg.places, workers)
    busy = sum(place != 0 for place in places)
    hands = [*deal(leg.requests, busy), *([] for _ in range(workers - busy))]
    return [
        replace(leg, places=place if place != 0 else 1, requests=tuple(hand))
        for place, hand in zip(places, hands, strict=True)
    ]


def default_workers() -> int:
    """As many as there are cores, less one; at least 1."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(usable - 1, 1)


def _heard(pipes: set[Connection]) -> list[Connection]:
    """Those that have something to say; waits for some time."""
    return [pipe for pipe in wait(list(pipes), _WATCH_S) if isinstance(pipe, Connection)]


def _send(pipe: Connection, order: Order) -> None:
    try:
        pipe.send(order)
    except OSError as error:
        raise CrewFailed(f"a worker is gone: {error.strerror}") from None
