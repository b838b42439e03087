"""What the tests of whole commands begin with: simulated engines, engines that are none, and the command line."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from triphase_model.engine.process import SimulatedProcess

GUARD_S = 90.0  # only against hanging: no test waits for it
QUICK = ("timing.step_s=0.001",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended: its exit code and what it said."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line of its error, without the name of the program."""
        (line,) = self.err.splitlines()
        return line.removeprefix("triphase-benchmark: ")


async def started(*arguments: str, cwd: Path) -> asyncio.subprocess.Process:
    """Starts a command in a folder."""
    command = (sys.executable, "-m", "triphase_benchmark", *arguments)
    environ = {**os.environ, "COLUMNS": "120", "TERM": "dumb"}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, cwd=cwd, env=environ, stdout=pipe, stderr=pipe)


async def ended(process: asyncio.subprocess.Process) -> Ended:
    """Waits for the end of a command."""
    async with asyncio.timeout(GUARD_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(code=process.returncode, out=out.decode(), err=err.decode())


async def command(*arguments: str, cwd: Path) -> Ended:
    """Runs a command to its end."""
    return await ended(await started(*arguments, cwd=cwd))


@asynccontextmanager
async def simulated(*settings: str, profile: str = "null", seed: int = 1) -> AsyncIterator[str]:
    """An engine of which nothing is real but its protocol; gives its URL."""
    async with SimulatedProcess(profile=profile, settings=settings, seed=seed) as engine:
        yield engine.url


@asynccontextmanager
async def answering(text: bytes, *, content_type: str = "text/html") -> AsyncIterator[str]:
    """A server that answers everything alike, and is no engine; gives its URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            writer.close()
            return
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(text)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + text)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"
