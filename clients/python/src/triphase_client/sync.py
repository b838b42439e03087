"""The synchronous client: the same calls as `client.py`, blocking, for scripts and notebooks.

A call is cancelled wherever its caller goes away: a `break`, an exception, Ctrl-C, a closed client. May be used by
several threads.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from time import monotonic, sleep
from types import TracebackType
from typing import Self, TypeVar, Unpack, cast

import grpc
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
from triphase_client.ports import FailedCall
from triphase_client.request import RequestFields, choose_request
from triphase_client.retry import DEFAULT_RETRY, RetryPolicy, Tries

Answer = TypeVar("Answer")


class SyncClient:
    """A connection to one gateway: `with SyncClient() as client: …`. Its arguments are those of `Client`."""

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        channel: grpc.Channel | None = None,
        channel_credentials: grpc.ChannelCredentials | None = None,
        metadata: Sequence[tuple[str, str]] = (),
        retry: RetryPolicy | None = DEFAULT_RETRY,
    ) -> None:
        self.target = target
        self._owns_channel = channel is None
        self._channel = channel or _open(target, channel_credentials)
        self._stub = GatewayServiceStub(self._channel)
        self._metadata = tuple(metadata)
        self._retry = retry

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection, unless it was given; calls that still run are cancelled."""
        if self._owns_channel:
            self._channel.close()

    def stream(
        self,
        request: StreamGenerateRequest | None = None,
        *,
        timeout_s: float | None = None,
        **fields: Unpack[RequestFields],
    ) -> Generator[StreamGenerateResponse, None, None]:
        """As `Client.stream`."""
        wanted = choose_request(request, fields)
        tries = Tries(self._retry, timeout_s=timeout_s, now=monotonic())
        while True:
            call = self._stub.StreamGenerate(wanted, timeout=tries.timeout_s(now=monotonic()), metadata=self._metadata)
            last: StreamGenerateResponse | None = None
            try:
                for event in call:
                    last = event
                    yield event
            except grpc.RpcError as failure:
                error = from_call(cast("FailedCall", failure), midway=last is not None)
                if last is not None:
                    raise error from failure
                pause_s = tries.pause_s(error, now=monotonic())
            else:
                if last is None or not last.HasField("completed"):
                    raise completed_missing()
                return
            finally:
                call.cancel()  # type: ignore[no-untyped-call]
            sleep(pause_s)

    def generate(
        self,
        request: StreamGenerateRequest | None = None,
        *,
        timeout_s: float | None = None,
        **fields: Unpack[RequestFields],
    ) -> GenerateResponse:
        """As `Client.generate`."""
        fold = Fold()
        with closing(self.stream(request, timeout_s=timeout_s, **fields)) as events:
            for event in events:
                fold.feed(event)
        return fold.response

    def models(self, *, timeout_s: float | None = 10.0) -> list[Model]:
        """As `Client.models`."""
        return list(self._unary(self._stub.ListModels, ListModelsRequest(), timeout_s).models)

    def health(self, service: str = "", *, timeout_s: float | None = 10.0) -> HealthState:
        """As `Client.health`."""
        check: Callable[..., HealthState] = self._channel.unary_unary(health.CHECK, health.encode, health.decode)
        return self._unary(check, service, timeout_s)

    def validate(
        self, request: ValidateModelConfigRequest, *, timeout_s: float | None = 120.0
    ) -> ValidateModelConfigResponse:
        """As `Client.validate`."""
        return self._unary(ModelConfigServiceStub(self._channel).ValidateModelConfig, request, timeout_s)

    def _unary(self, method: Callable[..., Answer], request: object, timeout_s: float | None) -> Answer:
        tries = Tries(self._retry, timeout_s=timeout_s, now=monotonic())
        while True:
            try:
                return method(request, timeout=tries.timeout_s(now=monotonic()), metadata=self._metadata)
            except grpc.RpcError as failure:
                pause_s = tries.pause_s(from_call(cast("FailedCall", failure)), now=monotonic())
            sleep(pause_s)


def _open(target: str, credentials: grpc.ChannelCredentials | None) -> grpc.Channel:
    options = channel_options(target)
    if credentials is None:
        return grpc.insecure_channel(target, options)
    return grpc.secure_channel(target, credentials, options)
