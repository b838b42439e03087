"""A scripted gateway in this process, for tests of programs that use the client: real gRPC, no engine, no waiting.

Each call of `StreamGenerate` plays the next script, step by step; the other methods answer what they are told to.
Nothing here knows the protocol: a script may break every rule of it.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc
import grpc.aio
from triphase.gateway.v1 import ListModelsResponse, Model, StreamGenerateRequest, StreamGenerateResponse
from triphase.model.v1 import ValidateModelConfigRequest, ValidateModelConfigResponse, model_config_service_pb2

from triphase_client import health
from triphase_client.health import HealthState


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Ends a call with a status; `details` is a serialized `google.rpc.Status`, or empty."""

    code: grpc.StatusCode
    message: str = ""
    details: bytes = b""


@dataclass(frozen=True, slots=True)
class Forever:
    """Waits until the client goes away."""


Step = StreamGenerateResponse | bytes | Failure | Forever | asyncio.Event


class FakeGateway:
    """`async with FakeGateway() as gateway: Client(gateway.target)`.

    Args:
        credentials: For TLS; without them it listens in plain text.

    Attributes:
        target: Where it listens, on loopback.
        requests: The `StreamGenerate` requests that came, in order.
        metadata: The metadata of each of them.
        called: Set once a call has come.
        cancelled: Set once the client of a running call went away.
        models: What `ListModels` answers.
        checks: The `ValidateModelConfig` requests that came, in order.
        validation: What `ValidateModelConfig` answers: that all is clean, unless it is told something else.
        state: What the health check answers.
        refusals: The statuses that calls get before any script is played, in order; they are used up.
    """

    def __init__(self, *, credentials: grpc.ServerCredentials | None = None) -> None:
        self.target = ""
        self._credentials = credentials
        self.requests: list[StreamGenerateRequest] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.called = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.models = [Model(name="reference", reasons=True)]
        self.checks: list[ValidateModelConfigRequest] = []
        self.validation = ValidateModelConfigResponse(verdict=model_config_service_pb2.VERDICT_CLEAN)
        self.state = HealthState.SERVING
        self.refusals: deque[Failure] = deque()
        self._scripts: deque[Sequence[Step]] = deque()
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])

    def script(self, steps: Iterable[Step]) -> None:
        """Adds the script of one more call: events to send (or their bytes), events to wait for, how to fail."""
        self._scripts.append(tuple(steps))

    async def __aenter__(self) -> Self:
        self._server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    "triphase.gateway.v1.GatewayService",
                    {
                        "StreamGenerate": grpc.unary_stream_rpc_method_handler(
                            self._stream, StreamGenerateRequest.FromString, None
                        ),
                        "ListModels": grpc.unary_unary_rpc_method_handler(self._list_models, None, None),
                    },
                ),
                grpc.method_handlers_generic_handler(
                    "triphase.model.v1.ModelConfigService",
                    {
                        "ValidateModelConfig": grpc.unary_unary_rpc_method_handler(
                            self._validate, ValidateModelConfigRequest.FromString, None
                        )
                    },
                ),
                grpc.method_handlers_generic_handler(
                    "grpc.health.v1.Health", {"Check": grpc.unary_unary_rpc_method_handler(self._check, None, None)}
                ),
            ]
        )
        self.target = f"127.0.0.1:{self._listen('127.0.0.1:0')}"
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.stop(None)

    def _listen(self, address: str) -> int:
        if self._credentials is None:
            return self._server.add_insecure_port(address)
        return self._server.add_secure_port(address, self._credentials)

    async def _stream(self, request: StreamGenerateRequest, context: "_Context") -> None:
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata() or ()))
        self.called.set()
        try:
            await self._refuse(context)
            for step in self._scripts.popleft():
                await _play(step, context)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def _list_models(self, _request: bytes, context: "_Context") -> bytes:
        await self._refuse(context)
        return ListModelsResponse(models=self.models).SerializeToString()

    async def _validate(self, request: ValidateModelConfigRequest, context: "_Context") -> bytes:
        self.checks.append(request)
        await self._refuse(context)
        return self.validation.SerializeToString()

    async def _check(self, _request: bytes, context: "_Context") -> bytes:
        await self._refuse(context)
        return health.encode_state(self.state)

    async def _refuse(self, context: "_Context") -> None:
        if self.refusals:
            await _play(self.refusals.popleft(), context)


_Context = grpc.aio.ServicerContext[Any, Any]


async def _play(step: Step, context: "_Context") -> None:
    match step:
        case StreamGenerateResponse():
            await context.write(step.SerializeToString())
        case bytes():
            await context.write(step)
        case asyncio.Event():
            await step.wait()
        case Forever():
            await asyncio.Event().wait()
        case Failure():
            trailing = [("grpc-status-details-bin", step.details)] if step.details else []
            await context.abort(step.code, step.message, tuple(trailing))
