"""Where the simulated engine listens, and the process around it: signals, the announcement, its own quiet.

Its rule: while it serves, the garbage collector looks at nothing that was there before, and seldom at the rest, since
its pauses would be the engine's own jitter. Options come from the command line (`engine/simulating.py`).
"""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from triphase_model.engine.server import Running
from triphase_model.engine.simulated.serving.connection import Connection
from triphase_model.engine.simulated.serving.engine import ServingEngine
from triphase_model.engine.simulated.serving.routes import Routes
from triphase_model.engine.simulated.serving.settings import Settings, TimeMode
from triphase_model.engine.stdin_end import call_at_end_of_stdin


class CannotSimulate(Exception):
    """The engine cannot start; the message is one line for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for."""

    settings: Settings
    host: str
    port: int
    time_mode: TimeMode
    truth: Path | None
    announce: bool
    exit_with_stdin: bool


@asynccontextmanager
async def serve_simulated(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    time_mode: TimeMode = TimeMode.REAL,
    truth: Path | None = None,
) -> AsyncIterator[Running]:
    """Serves a simulated engine on this loop until the block ends; port 0 takes a free one.

    Raises:
        OSError: The address cannot be used, or the truth log not be written.
    """
    engine = ServingEngine(settings, time_mode=time_mode, truth=truth)
    routes = Routes(engine)
    connections: set[Connection] = set()

    def connect() -> Connection:
        connection = Connection(routes, server=settings.server, lost=connections.discard)
        connections.add(connection)
        return connection

    try:
        server = await asyncio.get_running_loop().create_server(connect, host, port, backlog=4096)
        bound = server.sockets[0].getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        try:
            yield Running(url=f"http://{shown}:{bound}", host=host, port=bound)
        finally:
            server.close()
            for connection in list(connections):
                connection.close()
    finally:
        engine.close()


def run(options: Options) -> None:
    """Serves until told to stop.

    Raises:
        CannotSimulate: The address cannot be used, or the truth log not be written.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_run(options))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - not everywhere
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _run(options: Options) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if options.exit_with_stdin:
        call_at_end_of_stdin(lambda: loop.call_soon_threadsafe(stop.set))
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    serving = serve_simulated(
        options.settings,
        host=options.host,
        port=options.port,
        time_mode=options.time_mode,
        truth=options.truth,
    )
    try:
        async with serving as running:
            if options.announce:
                sys.stdout.write(msgspec.json.encode({"url": running.url}).decode() + "\n")
                sys.stdout.flush()
            await stop.wait()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        what = f"write {error.filename}" if error.filename else f"listen on {options.host}:{options.port}"
        raise CannotSimulate(f"cannot {what}: {reason}") from error
