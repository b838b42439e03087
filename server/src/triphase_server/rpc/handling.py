"""What every handler of the callers' port does around its work: it is counted, and its errors leave the gateway typed.

Facts of grpc.aio that shape it (each has a test): a CancelledError that is not the RPC's own must not leave a handler,
since the client then hangs; a client that goes away while a write waits for it, or just before it is told of its error,
shows as `grpc.aio.InternalError`. Which errors there are is `core/errors.py`, what they become `status.py`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from triphase_server.core.errors import GatewayError, InternalError, ShuttingDown
from triphase_server.rpc.context import Context, Written_contra
from triphase_server.rpc.status import to_status

_log = logging.getLogger(__name__)


class Handling:
    """The requests that run, of all services of one server. `end` ends them, typed, when the gateway stops."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[object]] = set()
        self._ending = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Returns when no request runs."""
        await self._idle.wait()

    async def end(self) -> None:
        """Ends all requests that still run, with a typed error, and returns when they have ended."""
        self._ending = True
        for task in self._running:
            task.cancel()
        await self.idle()

    @asynccontextmanager
    async def reporting(self, context: Context[Written_contra]) -> AsyncIterator[None]:
        """Holds the work of a handler; what it raises becomes the status of the call."""
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        self._idle.clear()
        try:
            async with self._telling(task, context):
                yield
        except grpc.aio.InternalError:
            _log.debug("client went away while something was written to it")
        finally:
            self._running.discard(task)
            if not self._running:
                self._idle.set()

    @asynccontextmanager
    async def _telling(self, task: "asyncio.Task[object]", context: Context[Written_contra]) -> AsyncIterator[None]:
        try:
            yield
        except GatewayError as error:
            if isinstance(error, ShuttingDown):
                task.uncancel()
            if isinstance(error, InternalError):  # who raised it knew how far the response had come
                _log.error("defect in a handler", exc_info=error.__cause__)
            await context.abort_with_status(to_status(error))
        except grpc.aio.InternalError:
            raise
        except asyncio.CancelledError:
            await self._cancelled(task, context)
            raise
        except Exception:
            _log.exception("defect in a handler")
            await context.abort_with_status(to_status(InternalError("the gateway failed; its log has the details")))

    async def _cancelled(self, task: "asyncio.Task[object]", context: Context[Written_contra]) -> None:
        if self._ending:
            task.uncancel()
            await context.abort_with_status(to_status(ShuttingDown()))
        if not task.cancelling():
            _log.error("a stray cancellation ended a request")
            await context.abort_with_status(to_status(InternalError("the gateway failed; its log has the details")))


def deadline_of(context: Context[Written_contra]) -> float | None:
    """Returns the caller's deadline by the loop's clock; `None` = none."""
    remaining_s = context.time_remaining()
    return None if remaining_s is None else asyncio.get_running_loop().time() + remaining_s
