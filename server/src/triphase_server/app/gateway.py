"""One gateway in one process, wired from its configuration: the only place where all parts meet.

What is configured is `config/`; several processes side by side are `workers.py`.
"""

import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from triphase_server.app.metrics import kept
from triphase_server.config import GatewayConfig
from triphase_server.rpc.server import GatewayServer, ServerSettings
from triphase_server.rpc.servicer import GatewayServicer
from triphase_server.rpc.status import reason_of
from triphase_server.service.catalog import Catalog
from triphase_server.service.fleet import Fleet
from triphase_server.service.generate import GenerateService
from triphase_server.telemetry.log import RequestLog
from triphase_server.telemetry.observers import Observers
from triphase_server.upstream.client import HttpUpstream


class Gateway:
    """A gateway that serves; `address` is where."""

    def __init__(self, server: GatewayServer, *, address: str) -> None:
        self._server = server
        self.address = address

    async def stop(self) -> None:
        """Drains: health says no, running requests get the grace, what is left ends typed."""
        await self._server.stop()


@asynccontextmanager
async def running(config: GatewayConfig, *, shares_port: bool = False) -> AsyncIterator[Gateway]:
    """Starts a gateway and stops it at the end; raises CannotListen. `shares_port` is for workers."""
    catalog = Catalog(config.routes)
    deployments = {t.deployment.name: t.deployment for route in config.routes.values() for t in route.targets}
    draw = random.SystemRandom().random
    fleet = Fleet(deployments.values(), draw=draw)
    async with (
        _upstreams(config) as upstream,
        kept(config.metrics_listen, members=fleet.members, served=not shares_port) as metrics,
    ):
        service = GenerateService(
            catalog=catalog,
            fleet=fleet,
            upstream=upstream,
            observer=Observers(RequestLog(reason_of=reason_of), metrics=metrics),
            heartbeat_s=config.heartbeat_s,
            new_id=lambda: f"resp-{secrets.token_hex(12)}",
            draw=draw,
        )
        settings = ServerSettings(
            listen=config.listen,
            max_request_bytes=config.max_request_bytes,
            drain_delay_s=config.drain_delay_s,
            grace_s=config.grace_s,
            shares_port=shares_port,
        )
        server = GatewayServer(GatewayServicer(service, catalog=catalog), settings=settings)
        port = await server.start()
        gateway = Gateway(server, address=bound_address(config.listen, port))
        server.set_serving(True)
        try:
            yield gateway
        finally:
            await gateway.stop()


@asynccontextmanager
async def _upstreams(config: GatewayConfig) -> AsyncIterator[HttpUpstream]:
    upstream = HttpUpstream(config.upstreams.values())
    try:
        yield upstream
    finally:
        await upstream.close()


def bound_address(listen: str, port: int) -> str:
    """Returns the address that clients use: `listen` with the port that was taken, if it was to be a free one."""
    if listen.startswith("unix:"):
        return listen
    host, _, _ = listen.rpartition(":")
    return f"{host}:{port}"
