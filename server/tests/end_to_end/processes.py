"""The command line as a process of its own, and what it says on standard error."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

GUARD_S = 100.0  # only against hanging: a start takes seconds on a busy machine


@dataclass
class Process:
    """A running command; `log` holds the lines of its standard error so far."""

    handle: asyncio.subprocess.Process
    log: list[str] = field(default_factory=list)

    async def line(self, pattern: str) -> re.Match[str]:
        """Reads on to the next line that matches."""
        assert self.handle.stderr is not None
        while line := (await self.handle.stderr.readline()).decode():
            self.log.append(line.rstrip("\n"))
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"no line matches {pattern!r} in {self.log}")

    async def ended(self) -> int:
        """Reads to the end; returns the exit code."""
        assert self.handle.stderr is not None
        rest = (await self.handle.stderr.read()).decode()
        self.log += rest.splitlines()
        return await self.handle.wait()

    async def address(self) -> str:
        """Waits until it listens; returns where."""
        return (await self.line(r"is listening on (\S+)"))[1]


@asynccontextmanager
async def command(
    *arguments: str, environ: Mapping[str, str] | None = None, guard_s: float = GUARD_S
) -> AsyncIterator[Process]:
    """Runs `triphase-server` with these arguments; at the end it is killed if it still runs."""
    handle = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "triphase_server", *arguments),
        env={**os.environ, **(environ or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(guard_s):
            yield Process(handle)
    finally:
        if handle.returncode is None:
            handle.kill()
        async with asyncio.timeout(GUARD_S):
            await handle.communicate()  # to the end: its children, who hold the pipes too, end soon after it


async def run(*arguments: str, environ: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Runs a command to its end; returns exit code, standard output and standard error."""
    async with command(*arguments, environ=environ) as process:
        out, err = await process.handle.communicate()
        assert process.handle.returncode is not None
        return process.handle.returncode, out.decode(), err.decode()


async def refuses(address: str) -> None:
    """Returns once nobody listens at `host:port` any more."""
    host, _, port = address.rpartition(":")
    while True:
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except ConnectionError:
            return
        writer.close()
        await asyncio.sleep(0.02)
