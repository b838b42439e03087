"""What stands at a moment in this process: tasks, sockets, and what of a request lives on after its end.

Its rule: leaks are counted, not timed. Objects are found by the garbage collector, so that nothing has to report
itself; what is left of a request that ended is a leak whoever holds it. Memory of another process is `resident_bytes`.
"""

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]
from triphase_server.core.generation import Generation
from triphase_server.service.attempt import Attempt
from triphase_server.service.fleet import Fleet, Lease
from triphase_server.service.run import Run
from triphase_server.upstream.exchange import Exchange
from triphase_server.upstream.pool import Pool
from triphase_server.upstream.response import HttpResponse

# What lives as long as its request, and no longer.
_OF_A_REQUEST = (Run, Attempt, Lease, Generation, Exchange, HttpResponse)
_GUARD_S = 10.0  # only against hanging: what ends does so within a few turns of the loop


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What there is of requests: objects by type, in flight at deployments, in use at upstreams."""

    alive: Counter[str]
    in_flight: int
    in_use: int

    def covers(self, other: "Left") -> bool:
        """Whether there is no more in `other`; but grpc.aio keeps a handler's last error (1.85), with its request."""
        grown = other.alive - self.alive
        return max(grown.values(), default=0) <= 1 and other.in_flight <= self.in_flight and other.in_use <= self.in_use


def left() -> Left:
    """Counts what there is of requests, whoever left it: other tests may have."""
    gc.collect()
    found = gc.get_objects()
    return Left(
        alive=Counter(type(one).__name__ for one in found if type(one) in _OF_A_REQUEST),
        in_flight=sum(member.in_flight for fleet in found if type(fleet) is Fleet for member in fleet.members()),
        in_use=sum(pool.in_use for pool in found if type(pool) is Pool),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What stood before something began, and must stand again once it has ended."""

    tasks: int
    sockets: int
    requests: Left

    @staticmethod
    def now() -> "Baseline":
        """Counts this process's tasks, its sockets of TCP, and what there is of requests."""
        sockets = psutil.Process().net_connections(kind="tcp")
        return Baseline(tasks=len(asyncio.all_tasks()), sockets=len(sockets), requests=left())

    async def idle(self) -> None:
        """Returns once nothing more of any request is left; raises AssertionError where something stays."""
        await until(lambda: self.requests.covers(left()), lambda: (self, left()))

    async def restored(self) -> None:
        """Returns once no more stands than did; raises AssertionError where something stays."""
        await until(lambda: self._covers(Baseline.now()), lambda: (self, Baseline.now()))

    def _covers(self, other: "Baseline") -> bool:
        fewer = other.tasks <= self.tasks and other.sockets <= self.sockets
        return fewer and self.requests.covers(other.requests)


def resident_bytes(pid: int) -> int:
    """Returns the resident memory of a process."""
    return int(psutil.Process(pid).memory_info().rss)


def share_of(times_s: Sequence[float], share: float) -> float:
    """The time that this share of sorted times does not exceed."""
    return times_s[int(share * (len(times_s) - 1))]


async def until(holds: Callable[[], bool], state: Callable[[], object]) -> None:
    """Returns once something holds; raises AssertionError, with the `state`, where it never does."""
    try:
        async with asyncio.timeout(_GUARD_S):
            while not holds():  # noqa: ASYNC110 - what closes a socket has no event to wait for
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"left over: {state()}") from None
