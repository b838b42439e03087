"""`serve --workers N`: N gateways as processes of their own that share one port.

Rule: the supervisor holds the port (bound, never listening) so that it is checked once and cannot be lost, starts each
worker by exec, never by fork (grpc forbids it), and passes signals on: the first ends the workers in order, the second
at once. A worker says when it serves by a line on its standard output, gets its configuration by its standard input
(`handover.py`), and stops when that ends, so that none outlives the supervisor. The kernel deals connections, not
requests, to the workers (SO_REUSEPORT). How workers are kept alive is `supervisor.py`.
"""

import asyncio
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from triphase_server.app.admin import admin_address, options_of_workers
from triphase_server.app.config_file import ConfigFile
from triphase_server.app.embedded import StoppedAtStart, configured
from triphase_server.app.handover import frame_of
from triphase_server.app.metrics import of_workers
from triphase_server.app.reload import reloading
from triphase_server.app.stopping import stop_on_signals
from triphase_server.app.supervisor import Supervisor
from triphase_server.config import GatewayConfig
from triphase_server.config.loading import DEFAULT_LISTEN
from triphase_server.rpc.listening import CannotListen, bind, cannot, family_of, host_and_port

# Beyond the grace: for what a worker does after it, on a busy machine.
_MARGIN_S = 10.0


async def serve_by_workers(
    config: GatewayConfig | None,
    *,
    file: ConfigFile | None,
    listen: str | None,
    admin: str | None,
    workers: int,
    options: Sequence[str],
    ready: Callable[[str], None],
) -> int:
    """Runs `workers` gateways until a signal comes; returns the exit code.

    Args:
        config: What is served; `None` = one embedded engine for all.
        file: Where `config` was read, and is read again.
        listen: Where, if not where the configuration says.
        admin: Where the admin services are, if not where the configuration says; empty = nowhere.
        workers: How many.
        options: More options of `serve`, for each.
        ready: Called once with the address, when all serve.

    Raises:
        CannotListen: The address cannot be had; nothing was started.
        EngineFailed: The embedded engine did not start, or ended.
    """
    stop = asyncio.Event()
    stop_on_signals(stop)
    with (
        held_port(listen or (config.listen if config else DEFAULT_LISTEN)) as address,
        suppress(StoppedAtStart),
    ):
        own = options_of_workers(admin_address(config, admin=admin), workers=workers)
        async with configured(config, listen=address, stop=stop) as chosen:
            arguments = ["serve", "--listen", address, *options]
            with of_workers(chosen.metrics_listen) as metrics:
                supervisor = Supervisor(
                    [sys.executable, "-m", "triphase_server", *arguments],
                    workers=workers,
                    stop=stop,
                    patience_s=chosen.drain_delay_s + chosen.grace_s + _MARGIN_S,
                    metrics=metrics,
                    frame=frame_of(chosen),
                    own=own,
                )
                stop_on_signals(stop, again=supervisor.kill)
                async with reloading(
                    file, config or chosen, apply=partial(_hand, supervisor), reloaded=metrics.reloaded
                ):
                    return await supervisor.run(partial(ready, f"{address} with {workers} workers"))
    return 0


def _hand(supervisor: Supervisor, config: GatewayConfig) -> None:
    supervisor.patience_s = config.drain_delay_s + config.grace_s + _MARGIN_S
    supervisor.hand(frame_of(config))


def tell_supervisor(_address: str) -> None:
    """Says in a worker that it serves."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()


@contextmanager
def held_port(listen: str) -> Iterator[str]:
    """Binds the port of `listen` for the workers and gives the address; raises CannotListen.

    The first bind is exclusive, since a shared one would succeed beside a stranger; the second is shared and kept.
    """
    if listen.startswith("unix:"):
        raise CannotListen(f"cannot listen on {listen}: several workers need a host and a port")
    host, _ = host_and_port(listen)
    family = family_of(listen)
    with socket.socket(family) as exclusive, socket.socket(family) as shared:
        taken = bind(exclusive, listen=listen)
        exclusive.close()
        try:
            shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            shared.bind((host, taken))
        except OSError as error:
            raise cannot(listen, error) from error
        yield f"[{host}]:{taken}" if family is socket.AF_INET6 else f"{host}:{taken}"
