"""`triphase-server serve`: runs one gateway until it is told to stop.

Rule: a stop begins the drain. What tells it to stop is `stopping.py`, the engine where nothing is configured
`embedded.py`, and several gateways side by side `workers.py`.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from triphase_server.app.admin import admin_address
from triphase_server.app.embedded import StoppedAtStart, configured
from triphase_server.app.gateway import running
from triphase_server.app.stopping import stop_at_end_of_stdin, stop_on_signals
from triphase_server.app.workers import tell_supervisor
from triphase_server.config import GatewayConfig, embedded
from triphase_server.config.loading import DEFAULT_LISTEN
from triphase_server.rpc.listening import check_free
from triphase_server.service.administration import Place

_log = logging.getLogger("triphase.gateway")


async def serve_alone(
    config: GatewayConfig | None, *, listen: str | None, admin: str | None, ready: Callable[[str], None]
) -> None:
    """Serves on a port of its own until a signal comes; calls `ready` with the address once requests are welcome.

    Args:
        config: What is served; `None` = an embedded engine.
        listen: Where, if not where the configuration says.
        admin: Where the admin service is, if not where the configuration says; empty = nowhere.
        ready: Called once.

    Raises:
        CannotListen: The address cannot be had; the engine was not started.
        EngineFailed: The embedded engine did not start, or ended.
    """
    address = listen or (config.listen if config else DEFAULT_LISTEN)
    check_free(address)
    administered_at = admin_address(config, admin=admin)
    if administered_at:
        check_free(administered_at)
    stop = asyncio.Event()
    stop_on_signals(stop)
    with suppress(StoppedAtStart):
        async with configured(config, listen=address, stop=stop) as chosen:
            await _serve(replace(chosen, admin_listen=administered_at), stop=stop, place=None, ready=ready)


async def serve_as_worker(
    config: GatewayConfig | None, *, engine_url: str, listen: str | None, admin: str | None, place: Place
) -> None:
    """Serves as one of several, which share a port and, where there is no configuration, the engine at `engine_url`."""
    chosen = config or embedded(engine_url)
    stop = asyncio.Event()
    stop_on_signals(stop)
    stop_at_end_of_stdin(stop)
    own = replace(chosen, listen=listen or chosen.listen, admin_listen=admin_address(chosen, admin=admin))
    await _serve(own, stop=stop, place=place, ready=tell_supervisor)


async def _serve(
    config: GatewayConfig, *, stop: asyncio.Event, place: Place | None, ready: Callable[[str], None]
) -> None:
    """Serves as the worker in a place; `None` = alone."""
    async with running(config, place=place) as gateway:
        ready(gateway.address)
        await stop.wait()
        _log.info("stopping; running requests have %g s", config.grace_s)
    _log.info("stopped")
