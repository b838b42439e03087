"""One gateway in one process, wired from its configuration: the only place where all parts meet.

What is configured is `config/`, and putting another configuration in force `swap.py`; several processes side by side
are `workers.py`.
"""

import random
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from triphase_server.app.admin import administered
from triphase_server.app.metrics import kept
from triphase_server.app.swap import InForce, Parts, swap
from triphase_server.config import GatewayConfig
from triphase_server.rpc.model.servicer import ModelConfigServicer
from triphase_server.rpc.server import GatewayServer, ServerSettings
from triphase_server.rpc.servicer import GatewayServicer
from triphase_server.rpc.status import reason_of
from triphase_server.service.administration import Place
from triphase_server.service.admission import Admission
from triphase_server.service.catalog import Catalog
from triphase_server.service.fleet import Fleet
from triphase_server.service.generate import GenerateService
from triphase_server.service.validation import Validation
from triphase_server.telemetry.checks import CheckLog
from triphase_server.telemetry.log import RequestLog
from triphase_server.telemetry.observers import Observers
from triphase_server.telemetry.reloads import ReloadResult
from triphase_server.upstream.client import HttpUpstream


class Gateway:
    """A gateway that serves; `address` is where, `parts` what goes by its configuration. `reloaded` counts reloads."""

    def __init__(self, parts: Parts, *, address: str, reloaded: Callable[[ReloadResult], None]) -> None:
        self.parts = parts
        self.address = address
        self.reloaded = reloaded

    @property
    def grace_s(self) -> float:
        """How long running requests have when it stops."""
        return self.parts.server.grace_s

    def replace(self, config: GatewayConfig) -> None:
        """Puts another configuration in force, all or nothing; raises what `swap` raises."""
        swap(self.parts, config)

    async def stop(self) -> None:
        """Drains: health says no, running requests get the grace, what is left ends typed."""
        await self.parts.server.stop()


@asynccontextmanager
async def running(config: GatewayConfig, *, place: Place | None = None) -> AsyncIterator[Gateway]:
    """Starts a gateway and stops it at the end; raises CannotListen. `place` is a worker's, who shares its port."""
    in_force, catalog = InForce(config), Catalog(config.routes)
    draw = random.SystemRandom().random
    own = place or Place()
    admission = Admission(config.limits.share(own.place, workers=own.workers), draw=draw)
    fleet = Fleet(config.deployments.values(), gate_of=admission.gate_of, draw=draw)
    async with (
        _upstreams(config) as upstream,
        kept(config.metrics_listen, members=fleet.members, gates=admission.views, served=place is None) as metrics,
        administered(
            config.admin_listen,
            fleet=fleet,
            catalog=catalog,
            in_force=lambda: in_force.config,
            place=own,
        ),
    ):
        service = GenerateService(
            catalog=catalog,
            fleet=fleet,
            upstream=upstream,
            admission=admission,
            observer=Observers(RequestLog(reason_of=reason_of), metrics=metrics.observer),
            heartbeat_s=config.heartbeat_s,
            new_id=lambda: f"resp-{secrets.token_hex(12)}",
            draw=draw,
        )
        validation = Validation(
            config.validation.share(own.place, workers=own.workers),
            observer=CheckLog(metrics=metrics.checks, reason_of=reason_of),
            draw=draw,
        )
        settings = ServerSettings(
            listen=config.listen,
            max_request_bytes=config.max_request_bytes,
            drain_delay_s=config.drain_delay_s,
            grace_s=config.grace_s,
            shares_port=place is not None,
        )
        servicer = GatewayServicer(service, catalog=catalog)
        model = ModelConfigServicer(validation, handling=servicer.handling)
        server = GatewayServer(servicer, model=model, settings=settings)
        port = await server.start()
        parts = Parts(
            in_force=in_force,
            place=own,
            admission=admission,
            catalog=catalog,
            fleet=fleet,
            upstream=upstream,
            service=service,
            server=server,
            validation=validation,
        )
        gateway = Gateway(parts, address=bound_address(config.listen, port), reloaded=metrics.reloaded)
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
