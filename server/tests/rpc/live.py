"""A real gateway server on a free port of loopback, on top of an upstream in memory, and a real channel to it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import grpc.aio
from triphase.gateway.v1 import GatewayServiceStub
from triphase_server.core.limits import Limits
from triphase_server.core.route import Deployment, Route, Target, Timeouts
from triphase_server.core.validation import ValidationPolicy
from triphase_server.rpc.model.servicer import ModelConfigServicer
from triphase_server.rpc.server import GatewayServer, ServerSettings
from triphase_server.rpc.servicer import GatewayServicer
from triphase_server.service.admission import Admission
from triphase_server.service.catalog import Catalog
from triphase_server.service.fleet import Fleet
from triphase_server.service.generate import GenerateService
from triphase_server.service.ports import AttemptOutcome, CheckOutcome, Outcome, Responses, Upstream
from triphase_server.service.validation import Validation

if TYPE_CHECKING:
    from triphase.gateway.v1.gateway_service_pb2_grpc import GatewayServiceAsyncStub

GUARD_S = 20.0  # only against hanging: no test waits for it
SETTINGS = ServerSettings(listen="127.0.0.1:0", max_request_bytes=16 * 1024 * 1024, grace_s=0.05)


@dataclass
class Outcomes:
    """An observer that keeps what it is told; `ended_once` is set at the first."""

    all: list[Outcome] = field(default_factory=list)
    checks: list[CheckOutcome] = field(default_factory=list)
    ended_once: asyncio.Event = field(default_factory=asyncio.Event)

    def began(self, route: str) -> None:
        pass

    def attempted(self, attempt: AttemptOutcome) -> None:
        pass

    def ended(self, outcome: Outcome) -> None:
        self.all.append(outcome)
        self.ended_once.set()

    def checked(self, outcome: CheckOutcome) -> None:
        self.checks.append(outcome)


@dataclass(frozen=True)
class Live:
    """A server that runs, and the client's side of it."""

    server: GatewayServer
    address: str
    channel: grpc.aio.Channel
    stub: "GatewayServiceAsyncStub"
    outcomes: Outcomes


def route(name: str = "m", *, timeouts: Timeouts | None = None) -> Route:
    deployment = Deployment(name=f"{name}-a", upstream="u", model=f"engine-{name}", timeouts=timeouts or Timeouts())
    return Route(name=name, targets=(Target(deployment=deployment),))


def channel_to(address: str, **options: Any) -> grpc.aio.Channel:
    # A channel of its own for each test: gRPC shares connections between equal ones.
    own = {"grpc.enable_http_proxy": 0, "grpc.use_local_subchannel_pool": 1}
    return grpc.aio.insecure_channel(address, [*own.items(), *((f"grpc.{key}", v) for key, v in options.items())])


@asynccontextmanager
async def serving(
    upstream: Upstream,
    *,
    routes: tuple[Route, ...] = (),
    heartbeat_s: float = 15.0,
    settings: ServerSettings | None = None,
    ready: bool = True,
    most_write_s: float = 120.0,
    limits: Limits | None = None,
    validation: ValidationPolicy | None = None,
    around: Callable[[Responses], Responses] = lambda service: service,
    interceptors: Sequence["grpc.aio.ServerInterceptor[Any, Any]"] = (),
    **channel_options: Any,
) -> AsyncIterator[Live]:
    """Starts a server and a channel; at the end the server is stopped without any grace left."""
    outcomes = Outcomes()
    catalog = Catalog({route.name: route for route in routes or (route(),)})
    admission = Admission(limits or Limits(), draw=lambda: 0.0)
    service = GenerateService(
        catalog=catalog,
        fleet=Fleet(
            [t.deployment for r in catalog.routes() for t in r.targets], gate_of=admission.gate_of, draw=lambda: 0.0
        ),
        admission=admission,
        upstream=upstream,
        observer=outcomes,
        heartbeat_s=heartbeat_s,
        new_id=lambda: "resp-1",
        draw=lambda: 0.0,
    )
    servicer = GatewayServicer(around(service), catalog=catalog, most_write_s=most_write_s)
    checks = Validation(validation or ValidationPolicy(), observer=outcomes, draw=lambda: 0.0)
    model = ModelConfigServicer(checks, handling=servicer.handling)
    settings = settings or SETTINGS
    server = GatewayServer(servicer, model=model, settings=settings, interceptors=interceptors)
    port = await server.start()
    server.set_serving(ready)
    address = settings.listen if settings.listen.startswith("unix:") else f"127.0.0.1:{port}"
    async with channel_to(address, **channel_options) as channel, asyncio.timeout(GUARD_S):
        stub = cast("GatewayServiceAsyncStub", GatewayServiceStub(channel))
        try:
            yield Live(server, address, channel, stub, outcomes)
        finally:
            await server.stop()
