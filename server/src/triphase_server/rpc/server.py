"""The gRPC server: its options, its services, its start and its stop.

The order of a stop: health says no, whoever deals requests out gets the time to notice, new requests are refused,
running ones get the grace, what is left ends with a typed error. Which events are written is `servicer.py`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from triphase.gateway.v1 import GatewayServiceServicer, add_GatewayServiceServicer_to_server
from triphase.model.v1 import ModelConfigServiceServicer, add_ModelConfigServiceServicer_to_server

from triphase_server.rpc.health import SERVICE, Health
from triphase_server.rpc.listening import CannotListen, check_free
from triphase_server.rpc.model.servicer import SERVICE as MODEL_SERVICE
from triphase_server.rpc.model.servicer import ModelConfigServicer
from triphase_server.rpc.servicer import GatewayServicer
from triphase_server.rpc.undecodable import ReadsAnything

# Beyond the grace: for the trailers of what was ended. And what streams get that are not generations, such as one of
# reflection that somebody left open.
_FAREWELL_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """`listen`: `host:port`, `[v6]:port` or `unix:path`; port 0 takes a free one. Sizes in bytes, times in seconds.

    How large a request may be has its default in `config/schema.py` alone.
    """

    listen: str
    max_request_bytes: int
    drain_delay_s: float = 0.0
    grace_s: float = 30.0
    shares_port: bool = False


def options(settings: ServerSettings) -> list[tuple[str, int]]:
    """Returns the channel arguments of the server, each with its reason."""
    return [
        # With it two servers share a port in silence; only workers of one supervisor may.
        ("grpc.so_reuseport", int(settings.shares_port)),
        # Prompts carry pictures; gRPC's own 4 MiB is too small for them.
        ("grpc.max_receive_message_length", settings.max_request_bytes),
        # A whole response of `Generate` with a long raw thought; the Python client takes as much.
        ("grpc.max_send_message_length", 64 * 1024 * 1024),
        # A client beyond this queues on its side instead of piling up handlers here.
        ("grpc.max_concurrent_streams", 1_000),
        # A frozen client keeps an engine busy: after 30 s without a byte from it it is pinged, 10 s later given up.
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        # The one that ends the wait for the ping's answer. Its own default is 60 s, whatever the keepalive timeout is.
        ("grpc.http2.ping_timeout_ms", 10_000),
        # Clients ping every 20 s or more without being sent away for too many pings, also between calls.
        ("grpc.http2.min_ping_interval_without_data_ms", 15_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # Left at their defaults: max_connection_age and max_connection_idle (none), since a thought of an hour is a
        # connection of an hour, and dead ones end by the pings above; metadata (8 KB), since clients and what is
        # between rarely take more, and our trailers stay below it (`status.py`).
    ]


class GatewayServer:
    """A server of both services, with health and reflection. To be made inside the event loop that runs it.

    Both servicers share their `handling`, by which a stop knows what runs. `interceptors` see every call first: here
    callers' keys are to be looked at.
    """

    def __init__(
        self,
        servicer: GatewayServicer,
        *,
        model: ModelConfigServicer,
        settings: ServerSettings,
        interceptors: Sequence["grpc.aio.ServerInterceptor[Any, Any]"] = (),
    ) -> None:
        self._servicer = servicer
        self._settings = settings
        self._health = Health()
        self._server = grpc.aio.server(options=options(settings), interceptors=(*interceptors, ReadsAnything()))
        # The servicer's methods are coroutines that write; the generated base wants async iterators.
        add_GatewayServiceServicer_to_server(cast("GatewayServiceServicer", servicer), self._server)
        add_ModelConfigServiceServicer_to_server(cast("ModelConfigServiceServicer", model), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (SERVICE, MODEL_SERVICE, "grpc.health.v1.Health", reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)

    async def start(self) -> int:
        """Listens and returns the port (0 for a unix socket); raises CannotListen. Health still says no."""
        if not self._settings.shares_port:  # else whoever started the workers holds it
            check_free(self._settings.listen)
        try:
            port = self._server.add_insecure_port(self._settings.listen)
        except RuntimeError as error:
            raise CannotListen(f"cannot listen on {self._settings.listen}: it was refused") from error
        await self._server.start()
        return port

    def set_serving(self, serving: bool) -> None:
        """Tells by health whether requests are welcome."""
        self._health.set_serving(serving)

    @property
    def grace_s(self) -> float:
        """How long running requests have when the server stops."""
        return self._settings.grace_s

    def replace_times(self, *, grace_s: float, drain_delay_s: float) -> None:
        """Changes how long a stop takes; one that has begun goes by what it began with."""
        self._settings = replace(self._settings, grace_s=grace_s, drain_delay_s=drain_delay_s)

    async def stop(self) -> None:
        """Stops in order; returns when nothing runs any more. A second call waits for no load balancer."""
        grace_s, idle = self._settings.grace_s, self._servicer.handling.idle
        if not self._health.draining:
            self._health.drain()
            await asyncio.sleep(self._settings.drain_delay_s)
        stopping = asyncio.create_task(self._server.stop(grace_s + _FAREWELL_S))
        try:
            async with asyncio.timeout(grace_s):
                await idle()
                await asyncio.wait((stopping,), timeout=_FAREWELL_S)
                await idle()  # what was accepted just before the stop may have begun just after it
        except TimeoutError:
            await self._servicer.end()
        await self._server.stop(_FAREWELL_S)
        await stopping

    async def wait(self) -> None:
        """Returns when the server has stopped."""
        await self._server.wait_for_termination()
