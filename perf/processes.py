"""The processes of a run: which there are, on which cores, and what each has used.

Its rule: the servers that are compared share one core, of which only one works at a time; the upstream and the client
(this process) have the others. A child inherits the cores of the one that starts it, so that all of its threads are
bound. Where the system cannot bind (macOS) or has a single core, nothing is bound, and the report says so.
"""

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from perf.upstream import PACES

ROOT = Path(__file__).parent.parent
_START_S = 30.0
_ADDRESS = re.compile(rb":[0-9]+\s*$")
# CPUCLOCK_SCHED of Linux's posix-timers.h: with a process's number it makes the number of its CPU-time clock.
_CPU_CLOCK = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """The cores of the servers under test, and those of the client and the upstream; empty = not bound."""

    servers: frozenset[int]
    others: frozenset[int]


def cores() -> Cores:
    """Deals the cores that this process may use."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(usable) < 2:
        return Cores(servers=frozenset(), others=frozenset())
    return Cores(servers=frozenset(usable[:1]), others=frozenset(usable[1:]))


@contextmanager
def bound_to(numbers: frozenset[int]) -> Iterator[None]:
    """Binds this thread, and whatever it starts meanwhile."""
    if not numbers:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, numbers)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Server:
    """A running server: where it is, and what it has used."""

    def __init__(self, process: asyncio.subprocess.Process, *, address: str) -> None:
        self.address = address
        self._process = psutil.Process(process.pid)

    def cpu_s(self) -> float:
        """Returns the CPU time of all threads, user and system, in seconds."""
        if sys.platform == "linux":  # to the nanosecond, where the table of processes has hundredths of a second
            return time.clock_gettime(~self._process.pid << 3 | _CPU_CLOCK)
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def rss_bytes(self) -> int:
        """Returns the resident memory."""
        return int(self._process.memory_info().rss)


@asynccontextmanager
async def running(
    *arguments: str, on: frozenset[int], program: Sequence[str] = (sys.executable, "-m")
) -> AsyncIterator[Server]:
    """Runs `python -m arguments…`, or `program`; its address is the last word of the first line that it prints."""
    with bound_to(on):
        process = await asyncio.create_subprocess_exec(
            *program, *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    assert process.stdout is not None
    drain: asyncio.Task[bytes] | None = None
    try:
        async with asyncio.timeout(_START_S):
            first = await process.stdout.readline()
        if not _ADDRESS.search(first):
            raise RuntimeError(f"{arguments[0]} did not start: {first.decode()}")
        drain = asyncio.create_task(process.stdout.read())
        yield Server(process, address=first.decode().split()[-1])
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        if drain is not None:
            await drain


def gateway_config(upstream: str) -> str:
    """Returns the gateway's configuration: a route for each pace of the upstream, and the defaults for all else."""
    tables = [
        f"[upstreams.{pace}]\nbase_url = '{upstream}/{pace}/v1'\n"
        f"[deployments.{pace}]\nupstream = '{pace}'\nmodel = 'perf'\n"
        f"[routes.{pace}]\ndeployments = ['{pace}']\n"
        for pace in PACES
    ]
    # Without metrics: the control has none, and the first line that is printed is the address.
    return "\n".join(["metrics_listen = ''", *tables])
