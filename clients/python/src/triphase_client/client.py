"""The asyncio client. Retries are decided in `retry.py`, errors made in `errors.py`; nothing here knows events.

A call is cancelled wherever its caller goes away: a `break`, an exception, a cancelled task, a closed client.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import cached_property
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, Unpack, cast

import grpc
import grpc.aio
from triphase.gateway.v1 import (
    GatewayServiceStub,
    GenerateResponse,
    ListModelsRequest,
    Model,
    StreamGenerateRequest,
    StreamGenerateResponse,
)
from triphase.model.v1 import ModelConfigServiceStub, ValidateModelConfigRequest, ValidateModelConfigResponse

from triphase_client import health
from triphase_client.channel import DEFAULT_TARGET, channel_options
from triphase_client.errors import from_call
from triphase_client.fold import Fold, completed_missing
from triphase_client.health import HealthState
from triphase_client.request import RequestFields, choose_request
from triphase_client.retry import DEFAULT_RETRY, RetryPolicy, Tries

if TYPE_CHECKING:
    from triphase.gateway.v1.gateway_service_pb2_grpc import GatewayServiceAsyncStub
    from triphase.model.v1.model_config_service_pb2_grpc import ModelConfigServiceAsyncStub

Answer = TypeVar("Answer")


class Client:
    """A connection to one gateway: `async with Client() as client: …`.

    Args:
        target: Where the gateway listens, as gRPC writes it. Ignored with `channel`.
        channel: An own `grpc.aio` channel, which stays the caller's to close.
        channel_credentials: For TLS; without them the channel is plain text.
        metadata: Sent with every call, such as `[("authorization", "Bearer …")]`.
        retry: How calls that found no gateway are repeated; `None` = never.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        channel: grpc.aio.Channel | None = None,
        channel_credentials: grpc.ChannelCredentials | None = None,
        metadata: Sequence[tuple[str, str]] = (),
        retry: RetryPolicy | None = DEFAULT_RETRY,
    ) -> None:
        self.target = target
        self._given_channel = channel
        self._credentials = channel_credentials
        self._metadata = tuple(metadata)
        self._retry = retry

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connection, unless it was given; calls that still run are cancelled."""
        if self._given_channel is None and "_channel" in self.__dict__:
            await self._channel.close(None)

    async def stream(
        self,
        request: StreamGenerateRequest | None = None,
        *,
        timeout_s: float | None = None,
        **fields: Unpack[RequestFields],
    ) -> AsyncGenerator[StreamGenerateResponse, None]:
        """Streams the events of one answer; to leave early, `break`.

        Args:
            request: The request, or else
            fields: what `build_request` makes it of.
            timeout_s: Seconds until the call fails with `DEADLINE_EXCEEDED`, retries included; `None` = no bound.

        Raises:
            TriphaseError: The call failed. `ProtocolError`, where the stream ended without `completed`.
        """
        wanted = choose_request(request, fields)
        tries = Tries(self._retry, timeout_s=timeout_s, now=monotonic())
        while True:
            call = self._stub.StreamGenerate(wanted, timeout=tries.timeout_s(now=monotonic()), metadata=self._metadata)
            last: StreamGenerateResponse | None = None
            try:
                async for event in call:
                    last = event
                    yield event
            except grpc.aio.AioRpcError as failure:
                error = from_call(failure, midway=last is not None)
                if last is not None:
                    raise error from failure
                pause_s = tries.pause_s(error, now=monotonic())
            else:
                if last is None or not last.HasField("completed"):
                    raise completed_missing()
                return
            finally:
                call.cancel()
            await asyncio.sleep(pause_s)

    async def generate(
        self,
        request: StreamGenerateRequest | None = None,
        *,
        timeout_s: float | None = None,
        **fields: Unpack[RequestFields],
    ) -> GenerateResponse:
        """Returns one answer whole: the fold of `stream`, with its arguments and errors.

        Not the RPC `Generate`: a stream with heartbeats outlives the proxies that cut a silent call.
        """
        fold = Fold()
        async with aclosing(self.stream(request, timeout_s=timeout_s, **fields)) as events:
            async for event in events:
                fold.feed(event)
        return fold.response

    async def models(self, *, timeout_s: float | None = 10.0) -> list[Model]:
        """Lists the models that the caller may use, sorted by name; raises `TriphaseError`."""
        response = await self._unary(self._stub.ListModels, ListModelsRequest(), timeout_s)
        return list(response.models)

    async def health(self, service: str = "", *, timeout_s: float | None = 10.0) -> HealthState:
        """Asks how a service of the gateway is, or the gateway as a whole.

        Raises:
            TriphaseError: No answer, or `NOT_FOUND` for a service that the gateway does not have.
        """
        check = self._channel.unary_unary(health.CHECK, health.encode, health.decode)
        return await self._unary(check, service, timeout_s)

    async def validate(
        self, request: ValidateModelConfigRequest, *, timeout_s: float | None = 120.0
    ) -> ValidateModelConfigResponse:
        """Has a model repository checked; raises `TriphaseError`. What is wrong in the repository is no error.

        The command `triphase validate` makes the request from a folder.
        """
        return await self._unary(self._model_stub.ValidateModelConfig, request, timeout_s)

    async def _unary(
        self, method: Callable[..., Awaitable[Answer]], request: object, timeout_s: float | None
    ) -> Answer:
        tries = Tries(self._retry, timeout_s=timeout_s, now=monotonic())
        while True:
            try:
                return await method(request, timeout=tries.timeout_s(now=monotonic()), metadata=self._metadata)
            except grpc.aio.AioRpcError as failure:
                pause_s = tries.pause_s(from_call(failure), now=monotonic())
            await asyncio.sleep(pause_s)

    @cached_property
    def _channel(self) -> grpc.aio.Channel:  # opened at first use, since it belongs to the running event loop
        if self._given_channel is not None:
            return self._given_channel
        options = channel_options(self.target)
        if self._credentials is None:
            return grpc.aio.insecure_channel(self.target, options)
        return grpc.aio.secure_channel(self.target, self._credentials, options)

    @cached_property
    def _stub(self) -> "GatewayServiceAsyncStub":
        return cast("GatewayServiceAsyncStub", GatewayServiceStub(self._channel))

    @cached_property
    def _model_stub(self) -> "ModelConfigServiceAsyncStub":
        return cast("ModelConfigServiceAsyncStub", ModelConfigServiceStub(self._channel))
