"""One process that sends: legs in, rows into a file of its own, nothing else.

Its rule: while a leg runs, the garbage collector does not, and nothing is parsed or written (`sending.py`). Ctrl-C is
the parent's: a worker ends when it is told to, or when its parent is gone; either way what it has measured is written
first.
"""

import asyncio
import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from triphase_benchmark.client.asking import target_of
from triphase_benchmark.client.http_target import KeyMissing
from triphase_benchmark.client.lags import LAG_ROWS
from triphase_benchmark.client.leg import REQUEST_ROWS, Leg, Place
from triphase_benchmark.client.messages import Begin, Failed, Order, Prepare, Ready, Report, Sent, Stop, Written
from triphase_benchmark.client.progress import Board
from triphase_benchmark.client.sending import Sending
from triphase_benchmark.engines.body import ReservedMember
from triphase_benchmark.records.writer import RecordsLost, RowsWriter

# As many as one batch of a part holds.
_BATCH = 256
# Connections beyond these are made as they are needed.
_MOST_OPENED = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSpec:
    """What a worker is born with. `lags`: it writes how late it was, instead of requests."""

    place: Place
    workers: int
    part: Path
    board: Path
    lags: bool = False


def run_worker(spec: WorkerSpec, pipe: Connection) -> None:
    """Works until it is told to stop, or its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run_loop(_Worker(spec, pipe).run())


def run_loop(main: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine on the fastest loop that there is."""
    if sys.platform == "win32":
        asyncio.run(main)
    else:
        import uvloop  # noqa: PLC0415 - which that system does not have

        uvloop.run(main)


class _Worker:
    def __init__(self, spec: WorkerSpec, pipe: Connection) -> None:
        self._spec = spec
        self._pipe = pipe
        self._shape = LAG_ROWS if spec.lags else REQUEST_ROWS
        self._writer: RowsWriter | None = None
        self._counters = Board(spec.board, spec.workers).counters(spec.place.worker)
        self._orders: asyncio.Queue[Order | None] = asyncio.Queue()
        self._sending: Sending | None = None

    async def run(self) -> None:
        """Does what it is told, order by order; the last one is `None`."""
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._hear)
        # The loop has made it one that does not block, and then a large order would break off amid its bytes.
        os.set_blocking(self._pipe.fileno(), True)
        try:
            self._writer = RowsWriter(self._spec.part, self._shape.schema)
            while (order := await self._orders.get()) is not None:
                match order:
                    case Prepare(leg=leg):
                        await self._leg(leg)
                    case _:  # a stop: what there was is written by now
                        self._tell(Written())
        except RecordsLost as error:
            self._tell(Failed(message=str(error.strerror or error), lost=True))
        except (KeyMissing, ReservedMember) as error:
            self._tell(Failed(message=str(error)))
        except Exception as error:
            self._tell(Failed(message=f"{type(error).__name__}: {error}"))
            raise
        finally:
            if self._writer is not None:
                with contextlib.suppress(RecordsLost):
                    self._writer.close()

    def _hear(self) -> None:
        try:
            order: Order | None = self._pipe.recv()
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            order = None
        if self._sending is not None and (order is None or isinstance(order, Stop)):
            self._sending.stop()
        self._orders.put_nowait(order)

    def _tell(self, report: Report) -> None:
        with contextlib.suppress(OSError):  # the parent is gone
            self._pipe.send(report)

    async def _leg(self, leg: Leg) -> None:
        target = target_of(leg.engine, model=leg.model, limits=leg.limits)
        self._sending = Sending(leg, target, place=self._spec.place, counters=self._counters, shape=self._shape)
        try:
            await target.open(leg.places and min(leg.places, len(leg.requests), _MOST_OPENED))
            with _no_garbage():
                self._tell(Ready())
                order = await self._orders.get()
                if isinstance(order, Begin):
                    self._tell(await _timed(self._sending, order.at_ns))
                else:
                    self._sending.stop()
                    self._orders.put_nowait(order)
        finally:
            await target.close()
        assert self._writer is not None
        rows = self._sending.rows()
        self._sending = None
        while batch := list(islice(rows, _BATCH)):
            self._writer.write(batch)
        self._tell(Written())


@contextlib.contextmanager
def _no_garbage() -> Iterator[None]:
    """Collects once, and then not until the block ends."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


async def _timed(sending: Sending, begin_ns: int) -> Sent:
    cpu_s, wall_s = time.process_time(), time.monotonic()
    await sending.run(begin_ns)
    return Sent(cpu_s=time.process_time() - cpu_s, wall_s=time.monotonic() - wall_s)
