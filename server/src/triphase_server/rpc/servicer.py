"""The methods of `GatewayService`: coroutines that write events, and the one place where errors leave the gateway.

Facts of grpc.aio that shape it (each has a test): a handler that is an async generator is cleaned up in another task,
so these are coroutines with `context.write`; a CancelledError that is not the RPC's own must not leave a handler, since
the client then hangs; a client that goes away while a write waits for it, or just before it is told of its error, shows
as `grpc.aio.InternalError`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, closing
from functools import partial

import grpc
from triphase.gateway.v1 import (
    GenerateRequest,
    GenerateResponse,
    ListModelsRequest,
    ListModelsResponse,
    StreamGenerateRequest,
    StreamGenerateResponse,
)

from triphase_server.core.errors import (
    CallerTooSlow,
    GatewayError,
    InternalError,
    ShuttingDown,
)
from triphase_server.core.fold import Fold
from triphase_server.core.request import GenerationRequest
from triphase_server.rpc.context import Context, Written_contra
from triphase_server.rpc.requests import to_request
from triphase_server.rpc.responses import to_generate_response, to_models_response, to_stream_response
from triphase_server.rpc.status import to_status
from triphase_server.rpc.undecodable import refuse_undecodable
from triphase_server.service.alarm import Alarm, Rang
from triphase_server.service.catalog import Catalog
from triphase_server.service.generate import GenerateService

_log = logging.getLogger(__name__)


class GatewayServicer:
    """Serves the methods. `end` ends what still runs, typed, when the gateway stops.

    `most_write_s` is how long one event may wait for its client to read.
    """

    def __init__(self, service: GenerateService, *, catalog: Catalog, most_write_s: float = 120.0) -> None:
        self._service = service
        self._most_write_s = most_write_s
        self._catalog = catalog
        self._running: set[asyncio.Task[object]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    async def StreamGenerate(self, request: StreamGenerateRequest, context: Context[StreamGenerateResponse]) -> None:
        """Writes the events of one response."""
        async with self._reporting(context):
            events = self._service.stream(self._accept(request), deadline=_deadline(context))
            sequence = 0
            with closing(Alarm()) as alarm:
                async with aclosing(events):
                    async for event in events:
                        message = to_stream_response(event, sequence=sequence)
                        try:
                            await self._in_time(partial(context.write, message), alarm)
                        except (CallerTooSlow, asyncio.CancelledError) as error:
                            await events.athrow(error)  # so that it learns how far the answer had come
                        sequence += 1

    async def Generate(self, request: GenerateRequest, context: Context[GenerateResponse]) -> GenerateResponse:
        """Returns one response whole."""
        async with self._reporting(context):
            fold = Fold()
            events = self._service.stream(self._accept(request), deadline=_deadline(context))
            async with aclosing(events):
                async for event in events:
                    fold.feed(event)
            return to_generate_response(fold.response)
        return GenerateResponse()  # never read: the client is gone

    async def ListModels(self, request: ListModelsRequest, context: Context[ListModelsResponse]) -> ListModelsResponse:
        """Returns the models."""
        async with self._reporting(context):
            refuse_undecodable(request)
            return to_models_response(self._catalog.routes())
        return ListModelsResponse()  # never read: the client is gone

    async def _in_time(self, write: Callable[[], Awaitable[None]], alarm: Alarm) -> None:
        try:
            await alarm.wait(write, until=asyncio.get_running_loop().time() + self._most_write_s)
        except Rang as error:
            raise CallerTooSlow(f"the client did not read for {self._most_write_s:g} s") from error

    def _accept(self, request: StreamGenerateRequest | GenerateRequest) -> GenerationRequest:
        try:
            return to_request(refuse_undecodable(request))
        except GatewayError as error:
            self._service.refuse(error)
            raise

    async def idle(self) -> None:
        """Returns when no generation runs."""
        await self._idle.wait()

    async def end(self) -> None:
        """Ends all generations that still run, with a typed error, and returns when they have ended."""
        self._service.ending = True
        for task in self._running:
            task.cancel()
        await self.idle()

    @asynccontextmanager
    async def _reporting(self, context: Context[Written_contra]) -> AsyncIterator[None]:
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
            await context.abort_with_status(to_status(error))
        except grpc.aio.InternalError:
            raise
        except asyncio.CancelledError:
            if not task.cancelling():
                _log.error("a stray cancellation ended a request")
                await context.abort_with_status(to_status(InternalError("the gateway failed; its log has the details")))
            raise
        except Exception:
            _log.exception("defect in a handler")
            await context.abort_with_status(to_status(InternalError("the gateway failed; its log has the details")))


def _deadline(context: Context[Written_contra]) -> float | None:
    remaining_s = context.time_remaining()
    return None if remaining_s is None else asyncio.get_running_loop().time() + remaining_s
