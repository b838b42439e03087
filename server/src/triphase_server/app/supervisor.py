"""Keeps the workers of one gateway alive: starts each by exec, starts a new one for one that died, and ends them all.

Rule: a worker that ends before it has served for a while is started again after a pause, which doubles each time, so
that a broken configuration does not spin. At a stop each worker is told once, and killed where it does not end in time:
one that is frozen would never. Who holds the port and what is served is `workers.py`.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from triphase_server.telemetry.workers import WorkerMetrics

_log = logging.getLogger("triphase.supervisor")
_STABLE_S = 1.0
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0


class Supervisor:
    """Runs `workers` processes of `command` until `stop` is set; `own` gives further arguments of the one in a place.

    A worker says that it serves by a line on its standard output. `patience_s` is how long one may take to end once it
    was told to; `frame` is what each reads first from its standard input; `wait` waits for a number of seconds or for
    the stop, whichever is first.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        workers: int,
        stop: asyncio.Event,
        patience_s: float,
        metrics: WorkerMetrics,
        frame: bytes = b"",
        own: Callable[[int], Sequence[str]] = lambda _: (),
        wait: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        self._command = command
        self._own = own
        self._stop = stop
        self.patience_s = patience_s
        self._metrics = metrics
        self._frame = frame
        self._handed = asyncio.Event()
        self._wait = wait or self._stopped_within
        self._serving = [asyncio.Event() for _ in range(workers)]
        self._running: set[asyncio.subprocess.Process] = set()
        self._killed: set[asyncio.subprocess.Process] = set()

    async def run(self, ready: Callable[[], None]) -> int:
        """Keeps the workers until the stop, and returns the exit code; calls `ready` once, when all serve."""
        announcing = asyncio.create_task(_when_all(self._serving, ready))
        try:
            return max(await asyncio.gather(*(self._keep(place) for place in range(len(self._serving)))))
        finally:
            announcing.cancel()

    def hand(self, frame: bytes) -> None:
        """Gives `frame` to each worker that runs, and to those that are started from now on in place of the first."""
        self._frame = frame
        self._handed.set()
        self._handed = asyncio.Event()

    def kill(self) -> None:
        """Ends every worker that runs at once, whatever it does."""
        self._killed.update(self._running)
        for worker in self._running:
            if worker.returncode is None:
                worker.kill()

    async def _keep(self, place: int) -> int:
        failures = 0
        while True:
            code, served_s = await self._one(place)
            if self._stop.is_set():
                return _exit_code(code)
            self._metrics.ended(place)
            failures = 0 if served_s >= _STABLE_S else failures + 1
            pause_s = pause_after(failures)
            when = f" in {pause_s:g} s" if pause_s else ""
            _log.error("worker %d ended with code %d; starting another%s", place, code, when)
            if pause_s:
                await self._wait(pause_s)
            if self._stop.is_set():
                return _exit_code(code)

    async def _one(self, place: int) -> tuple[int, float]:
        """Runs one worker to its end; returns its exit code and for how many seconds it served."""
        worker = await _started([*self._command, *self._own(place)], environ=self._metrics.environ(place))
        self._running.add(worker)
        _log.info("worker %d is process %d", place, worker.pid)
        following = asyncio.create_task(_followed(worker, self._serving[place]))
        feeding = asyncio.create_task(self._feed(worker))
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((stopping, following), return_when=asyncio.FIRST_COMPLETED)
            if self._stop.is_set():
                await self._end(worker, following)
            return await following
        finally:
            stopping.cancel()
            feeding.cancel()
            if following.done():
                self._running.discard(worker)
                self._killed.discard(worker)

    async def _feed(self, worker: asyncio.subprocess.Process) -> None:
        """Writes the latest frame whenever there is another; one at a time, so that none pile up where nobody reads."""
        assert worker.stdin is not None
        while True:
            frame, handed = self._frame, self._handed
            try:
                worker.stdin.write(frame)
                await worker.stdin.drain()
            except (ConnectionError, RuntimeError):  # the latter is uvloop's, where its pipe is closed already
                return  # it has ended
            await handed.wait()

    async def _end(self, worker: asyncio.subprocess.Process, ended: asyncio.Task[tuple[int, float]]) -> None:
        # One that was killed may be dead by now: to send it a signal would take its exit code from who waits for it.
        if worker.returncode is None and worker not in self._killed:
            worker.terminate()
        await asyncio.wait((ended,), timeout=self.patience_s)
        if not ended.done():
            _log.error("process %d did not end in %g s; killing it", worker.pid, self.patience_s)
            worker.kill()

    async def _stopped_within(self, seconds: float) -> None:
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait((stopping,), timeout=seconds)
        stopping.cancel()


def pause_after(failures: int) -> float:
    """Returns how many seconds to wait after so many workers in a row that did not serve for long."""
    return min(_FIRST_PAUSE_S * 2.0 ** min(failures - 1, 10), _LONGEST_PAUSE_S) if failures else 0.0


async def _started(command: Sequence[str], *, environ: Mapping[str, str] | None) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, env=environ, start_new_session=True, stdin=pipe, stdout=pipe)


async def _followed(worker: asyncio.subprocess.Process, serving: asyncio.Event) -> tuple[int, float]:
    assert worker.stdout is not None
    since = None
    if await worker.stdout.readline():
        serving.set()
        since = time.monotonic()
    code = await worker.wait()
    return code, 0.0 if since is None else time.monotonic() - since


async def _when_all(serving: Sequence[asyncio.Event], ready: Callable[[], None]) -> None:
    for event in serving:
        await event.wait()
    ready()


def _exit_code(code: int) -> int:
    # A worker that a signal ended has a negative code; to a shell that is a failure, unless the signal was ours.
    return 0 if code == -signal.SIGTERM else 1 if code < 0 else code
