"""A crew on a host of its own, asked by calls from elsewhere: what a fleet (`fleet.py`) has on each host.

Its rule: whatever comes in is a value, whatever goes out is one, and times are of this host's clock alone. `run` takes
as long as its leg; the other calls come meanwhile, on other threads. What was measured goes out as Arrow IPC even where
the leg failed. Nothing in here knows who calls, or how.
"""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Event
from time import monotonic_ns

import pyarrow as pa

from triphase_benchmark.client.calibration import Calibration, ClientLoad, calibrate
from triphase_benchmark.client.crew import Crew, CrewFailed, default_workers
from triphase_benchmark.client.leg import Leg
from triphase_benchmark.client.progress import Progress
from triphase_benchmark.records.folder import RunFolder, whole_batches
from triphase_benchmark.records.schema import REQUESTS
from triphase_benchmark.records.writer import RecordsLost

# How long a leg that is ready waits to be begun, look by look.
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What a host returns of a leg: rows as a stream of Arrow, and whether it went well.

    `begin_ns`: the leg's time 0 and `epoch_ns`: what times in the rows count from, both on this host's clock.
    """

    rows: bytes
    epoch_ns: int
    begin_ns: int | None
    cpu_share: float
    problem: str = ""
    lost: bool = False


class _Stopped(Exception):
    """The leg is to end now."""


class NodeCrew:
    """`workers`: the default leaves a core to whatever else runs."""

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or default_workers()
        self._place = ExitStack()
        self._folder: RunFolder | None = None
        self._crew: Crew | None = None
        self._returned = [0] * self._workers  # batches of each worker's part
        self._ready, self._go, self._stop = Event(), Event(), Event()
        self._begin_ns: int | None = None
        self._is_ready = False

    def workers(self) -> int:
        """How many processes send."""
        return self._workers

    def clock_ns(self) -> int:
        """What this host's monotonic clock says."""
        return monotonic_ns()

    def calibrate(self, load: ClientLoad, gateway: bool) -> Calibration:
        """Puts a load on a null engine, or gateway, of this host: lags are times of one clock."""
        return calibrate(load, workers=self._workers, gateway=gateway)

    def run(self, leg: Leg) -> Returned:
        """Runs a leg to its end: gets it ready, waits until it is begun, sends, and returns what came."""
        crew = self._crew or self._opened()
        self._go.clear()
        self._begin_ns = None
        self._is_ready = False
        problem, lost, cpu_share = "", False, 0.0
        try:
            cpu_share = crew.run(leg, watch=self._watch, begin=self._begun).cpu_share
        except _Stopped:
            pass
        except CrewFailed as error:
            problem = str(error)
        except RecordsLost as error:
            problem, lost = str(error.strerror or error), True
        finally:
            self._tell_ready()
        return Returned(
            rows=self._rows(),
            epoch_ns=crew.epoch_ns,
            begin_ns=self._begin_ns,
            cpu_share=cpu_share,
            problem=problem,
            lost=lost,
        )

    def wait_ready(self) -> None:
        """Returns when the leg can begin, or has ended already; is called once for each leg, maybe before it is run."""
        self._ready.wait()
        self._ready.clear()

    def begin(self, at_ns: int) -> None:
        """Begins the leg; its time 0 is `at_ns` of this host's clock."""
        self._begin_ns = at_ns
        self._go.set()

    def progress(self) -> Progress:
        """What all workers have done so far."""
        return self._crew.progress if self._crew is not None else Progress()

    def stop(self) -> None:
        """Ends the leg: what runs is dropped, and returned."""
        self._stop.set()

    def close(self) -> None:
        """Ends all workers."""
        self._place.close()

    def _opened(self) -> Crew:
        """A crew until `close`."""
        self._folder = RunFolder(Path(self._place.enter_context(tempfile.TemporaryDirectory())))
        self._crew = self._place.enter_context(Crew(self._folder, workers=self._workers))
        return self._crew

    def _watch(self, _: Progress) -> None:
        if self._stop.is_set():
            raise _Stopped

    def _tell_ready(self) -> None:
        if not self._is_ready:
            self._is_ready = True
            self._ready.set()

    def _begun(self) -> int:
        self._tell_ready()
        while not self._go.wait(_LOOK_S):
            self._watch(Progress())
        assert self._begin_ns is not None
        return self._begin_ns

    def _rows(self) -> bytes:
        assert self._folder is not None
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, REQUESTS) as stream:
            for worker in range(self._workers):
                fresh = islice(whole_batches(self._folder.part(worker), REQUESTS), self._returned[worker], None)
                for batch in fresh:
                    stream.write_batch(batch)
                    self._returned[worker] += 1
        return bytes(sink.getvalue())
