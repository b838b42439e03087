"""`triphase-server serve`: runs one gateway until it is told to stop.

Rule: a stop begins the drain. What tells it to stop is `stopping.py`, the engine where nothing is configured
`embedded.py`, when the configuration is read again `reload.py`, and several gateways side by side `workers.py`.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from triphase_server.app.admin import admin_address
from triphase_server.app.config_file import ConfigFile
from triphase_server.app.embedded import StoppedAtStart, configured
from triphase_server.app.gateway import Gateway, running
from triphase_server.app.handover import Received
from triphase_server.app.reload import reloading
from triphase_server.app.stopping import stop_on_signals
from triphase_server.app.workers import tell_supervisor
from triphase_server.config import GatewayConfig
from triphase_server.config.loading import DEFAULT_LISTEN
from triphase_server.rpc.listening import check_free
from triphase_server.service.administration import Place
from triphase_server.telemetry.log import set_level

_log = logging.getLogger("triphase.gateway")


async def serve_alone(
    config: GatewayConfig | None,
    *,
    file: ConfigFile | None,
    listen: str | None,
    admin: str | None,
    ready: Callable[[str], None],
) -> None:
    """Serves on a port of its own until a signal comes; calls `ready` with the address once requests are welcome.

    Args:
        config: What is served; `None` = an embedded engine.
        file: Where `config` was read, and is read again.
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
            own = replace(chosen, admin_listen=administered_at)
            async with running(own) as gateway:
                async with reloading(file, own, apply=gateway.replace, reloaded=gateway.reloaded):
                    ready(gateway.address)
                    await stop.wait()
                _log.info("stopping; running requests have %g s", gateway.grace_s)
            _log.info("stopped")


async def serve_as_worker(
    config: GatewayConfig, *, received: Received, listen: str | None, admin: str | None, place: Place
) -> None:
    """Serves as one of several, which share a port, what its supervisor hands over: `config`, and others later."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    own = replace(config, listen=listen or config.listen, admin_listen=admin_address(config, admin=admin))
    async with running(own, place=place) as gateway:
        received.follow(partial(_replace, gateway), end=stop.set)
        tell_supervisor(gateway.address)
        await stop.wait()
        _log.info("stopping; running requests have %g s", gateway.grace_s)
    _log.info("stopped")


def _replace(gateway: Gateway, config: GatewayConfig) -> None:
    try:
        gateway.replace(config)
    except OSError as error:
        _log.error("this worker keeps its configuration: a file that it names cannot be read: %s", error.strerror)
    else:
        set_level(config.log_level)
