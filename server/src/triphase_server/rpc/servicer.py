"""The methods of `GatewayService`: coroutines that write events. How their errors leave the gateway is `handling.py`.

A fact of grpc.aio that shapes it (it has a test): a handler that is an async generator is cleaned up in another task,
so these are coroutines with `context.write`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing, closing
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

from triphase_server.core.errors import CallerTooSlow, GatewayError
from triphase_server.core.fold import Fold
from triphase_server.core.request import GenerationRequest
from triphase_server.rpc.context import Context
from triphase_server.rpc.handling import Handling, deadline_of
from triphase_server.rpc.requests import to_request
from triphase_server.rpc.responses import to_generate_response, to_models_response, to_stream_response
from triphase_server.rpc.undecodable import refuse_undecodable
from triphase_server.service.alarm import Alarm, Rang
from triphase_server.service.catalog import Catalog
from triphase_server.service.ports import Responses


class GatewayServicer:
    """Serves the methods; `handling` holds what runs. `most_write_s` is how long one event may wait for its client."""

    def __init__(self, service: Responses, *, catalog: Catalog, most_write_s: float = 120.0) -> None:
        self._service = service
        self._most_write_s = most_write_s
        self._catalog = catalog
        self.handling = Handling()

    async def StreamGenerate(self, request: StreamGenerateRequest, context: Context[StreamGenerateResponse]) -> None:
        """Writes the events of one response."""
        async with self.handling.reporting(context):
            events = self._service.stream(self._accept(request), deadline=deadline_of(context))
            sequence = 0
            with closing(Alarm()) as alarm:
                async with aclosing(events):
                    async for event in events:
                        try:
                            message = to_stream_response(event, sequence=sequence)
                            await self._in_time(partial(context.write, message), alarm)
                        except grpc.aio.InternalError:
                            raise
                        except (Exception, asyncio.CancelledError) as error:
                            await events.athrow(error)  # so that the service learns of it, and tells how far it came
                        sequence += 1

    async def Generate(self, request: GenerateRequest, context: Context[GenerateResponse]) -> GenerateResponse:
        """Returns one response whole."""
        async with self.handling.reporting(context):
            fold = Fold()
            events = self._service.stream(self._accept(request), deadline=deadline_of(context))
            async with aclosing(events):
                async for event in events:
                    try:
                        fold.feed(event)
                    except GatewayError as error:
                        await events.athrow(error)
            return to_generate_response(fold.response)
        return GenerateResponse()  # never read: the client is gone

    async def ListModels(self, request: ListModelsRequest, context: Context[ListModelsResponse]) -> ListModelsResponse:
        """Returns the models."""
        async with self.handling.reporting(context):
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

    async def end(self) -> None:
        """Ends all requests that still run, with a typed error, and returns when they have ended."""
        self._service.ending = True  # by which each says how far it had come
        await self.handling.end()
