"""`--rest`: the REST shim (clients/rest, in Go) beside a gateway, as a child that goes when this process goes.

Rule: it is found before anything starts, begins once the gateway serves, and ends after it, so that answers under way
are passed on while the gateway drains. A shim that ends by itself stops the gateway. Either `triphase-rest` is on PATH,
or Go builds it from the clone that this package is run from.
"""

import asyncio
import logging
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Serve = Callable[[Callable[[str], None]], Awaitable[T]]

DEFAULT_REST = "127.0.0.1:8080"
_SOURCE = Path(__file__).parents[4] / "clients/rest"
_ANNOUNCED = b"triphase-rest is listening on "
_START_TIMEOUT_S = 60.0
_GRACE_S = 35.0  # the shim's own grace is 30 s
_log = logging.getLogger("triphase.rest")


class RestFailed(Exception):
    """The shim cannot be had, did not start, or ended; the message says why, in one line."""


async def built(folder: str, *, source: Path = _SOURCE, path: str | None = None) -> str:
    """Returns the program: that on PATH (or on `path`), or one that Go builds into `folder`; raises RestFailed."""
    if found := shutil.which("triphase-rest", path=path):
        return found
    if not (source / "go.mod").is_file():
        raise RestFailed(
            "--rest needs the program triphase-rest on PATH: build it from clients/rest of a clone, with Go"
        )
    go = shutil.which("go", path=path)
    if go is None:
        raise RestFailed("--rest needs Go, which builds clients/rest, or the program triphase-rest on PATH")
    command = [go, "build", "-o", f"{folder}/triphase-rest", "./cmd/triphase-rest"]
    building = await asyncio.create_subprocess_exec(*command, cwd=source, stderr=asyncio.subprocess.PIPE)
    _, told = await building.communicate()
    if building.returncode:
        raise RestFailed(f"Go could not build clients/rest: {told.decode(errors='replace').strip()[-500:]}")
    return f"{folder}/triphase-rest"


@asynccontextmanager
async def shim(program: str, gateway: str, *, listen: str) -> AsyncIterator[tuple[str, asyncio.Task[None]]]:
    """Runs the shim before a gateway; gives its URL, and a task that ends once it ended by itself.

    Raises:
        RestFailed: It did not start; the message is its own.
    """
    command = [program, "--gateway", gateway, "--listen", listen, "--exit-with-stdin"]
    pipe = asyncio.subprocess.PIPE
    # A session of its own: Ctrl-C at the terminal reaches this process alone, which then ends the child.
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stderr=pipe, start_new_session=True)
    assert child.stderr is not None
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            first = (await child.stderr.readline()).strip()
        if not first.startswith(_ANNOUNCED):
            raise RestFailed(first.decode(errors="replace") or "triphase-rest ended before it listened")
        passing = asyncio.create_task(_pass_on(child.stderr))
        yield first.removeprefix(_ANNOUNCED).decode(), passing
    except TimeoutError:
        raise RestFailed("triphase-rest did not listen in time") from None
    finally:
        if child.returncode is None:
            child.terminate()
        try:
            async with asyncio.timeout(_GRACE_S):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()


async def _pass_on(lines: asyncio.StreamReader) -> None:
    while line := await lines.readline():
        _log.warning("%s", line.decode(errors="replace").rstrip())


async def beside(serve: Serve[T], *, listen: str, ready: Callable[[str], None], tell: Callable[[str], None]) -> T:
    """Serves a gateway with the shim beside it, until the gateway ends; returns what `serve` does.

    Args:
        serve: Serves until a signal; calls what it is given once it serves, with a line that begins with its address.
        listen: Where the shim listens.
        ready: Called with the same.
        tell: Called with a line that says where the shim listens.

    Raises:
        RestFailed: There is no shim, and nothing was started; or it ended, and the gateway was stopped.
    """
    with tempfile.TemporaryDirectory() as folder:
        program = await built(folder)
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        serving = asyncio.ensure_future(serve(address.set_result))
        either: tuple[asyncio.Future[Any], ...] = (serving, address)
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not address.done():
            return await serving
        ready(address.result())
        gateway = address.result().split()[0]  # how many workers there are may stand behind it
        try:
            async with shim(program, gateway, listen=listen) as (url, ended):
                tell(f"triphase-rest is listening on {url}")
                either = (serving, ended)
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if not serving.done():
                    raise RestFailed("triphase-rest ended by itself")
                return await serving
        finally:
            if not serving.done():
                signal.raise_signal(signal.SIGTERM)  # as an operator would: the gateway drains, and ends in order
                await asyncio.wait([serving])
