"""Ten times as many requests as can be served: what can be served is, and the rest learns at once when to come back.

The upstream has the capacity, whatever this machine has: beyond it all of its answers become slower, as an engine's do.
The small cut counts, in a burst and a second of it; `tox -e chaos` offers ten times the peak for longer, and judges how
much of the peak is left, and how soon health answers meanwhile. It also shows what would be left without the limits.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import grpc
from google.rpc.error_details_pb2 import ErrorInfo, QuotaFailure, RetryInfo  # type: ignore[import-untyped]
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from triphase.gateway.v1 import GatewayServiceStub

from resilience.engine import Engine
from resilience.gateways import NONE, beside
from resilience.meter import share_of, until
from resilience.replies import request
from resilience.scale import Scale

if TYPE_CHECKING:
    from triphase.gateway.v1.gateway_service_pb2_grpc import GatewayServiceAsyncStub

PLACES = 4  # how many the upstream serves without becoming slower,
PACE_S = 0.02  # each in some 0.3 s: 13 a second, which no machine notices
LIMITS = {"max_concurrency": PLACES, "max_queue": PLACES, "max_wait_s": 1.0}
TIMES = 10
IN_TIME_S = 2.0  # later than that an answer is worth nothing: an answer's time, the longest wait, and some to spare
GUARD_S = 300.0  # only against hanging: no test waits for it
LEAST_GOODPUT = 0.9  # of the peak
MOST_HEALTH_S = 0.05
HEALTH_EACH_S = 0.1
OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
WHOLE, LATE, REFUSED = "whole", "late", "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One who asks, and one who looks after the gateway's health, over a connection of its own as probes have."""

    stub: "GatewayServiceAsyncStub"
    health: health_pb2_grpc.HealthStub

    async def asks(self, ended: Counter[str]) -> None:
        """Asks once, and counts how it ended; a refusal that does not say all it must is an error of its own."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            completed = [event async for event in self.stub.StreamGenerate(request("m"))][-1].HasField("completed")
        except grpc.aio.AioRpcError as error:
            ended[what_is_wrong(error) or REFUSED] += 1
        else:
            assert completed
            ended[WHOLE if loop.time() - began <= IN_TIME_S else LATE] += 1

    async def serves(self) -> float:
        """Asks for health, and returns after how many seconds it said yes."""
        began = asyncio.get_running_loop().time()
        answer = await self.health.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        return asyncio.get_running_loop().time() - began


def what_is_wrong(error: grpc.aio.AioRpcError) -> str:
    """Returns what is missing in a refusal, or an empty text."""
    info, quota, retry = ErrorInfo(), QuotaFailure(), RetryInfo()
    status = rpc_status.from_call(cast("grpc.Call", error))
    for detail in status.details if status else ():
        for known in (info, quota, retry):
            detail.Unpack(known)
    rules = {
        f"{error.code()}": error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED,
        f"reason {info.reason!r}": info.reason == "POLICY_AT_CAPACITY",
        "no quota": [violation.subject for violation in quota.violations] == ["upstream:engine"],
        "no hint": retry.retry_delay.ToTimedelta().total_seconds() >= 1.0,
    }
    return ", ".join(wrong for wrong, right in rules.items() if not right)


@asynccontextmanager
async def served(folder: Path, engine: Engine, limits: Mapping[str, float]) -> AsyncIterator[Caller]:
    async with (
        beside(folder, engine.base_url, guard_s=GUARD_S, limits=limits) as gateway,
        grpc.aio.insecure_channel(gateway.address, OPTIONS) as channel,
        grpc.aio.insecure_channel(gateway.address, OPTIONS) as beside_it,
    ):
        stub = cast("GatewayServiceAsyncStub", GatewayServiceStub(channel))
        yield Caller(stub=stub, health=health_pb2_grpc.HealthStub(beside_it))


async def test_of_a_burst_as_many_as_may_run_and_wait_are_served_and_the_rest_refused(tmp_path: Path) -> None:
    burst = TIMES * PLACES
    async with Engine(pace_s=0.0).serving() as engine, served(tmp_path, engine, LIMITS | {"max_wait_s": 60}) as caller:
        engine.released.clear()
        ended: Counter[str] = Counter()
        asking = [asyncio.create_task(caller.asks(ended)) for _ in range(burst)]
        await until(lambda: ended.total() == burst - 2 * PLACES and engine.holding == PLACES, lambda: ended)
        await caller.serves()
        engine.released.set()
        await asyncio.gather(*asking)
    assert ended == {WHOLE: 2 * PLACES, REFUSED: burst - 2 * PLACES}
    assert engine.most_open == PLACES


async def test_ten_times_the_capacity_costs_next_to_nothing_of_the_peak(scale: Scale, tmp_path: Path) -> None:
    seconds = scale.overload_s
    async with Engine(pace_s=PACE_S, capacity=PLACES).serving() as engine:
        async with served(tmp_path, engine, LIMITS) as caller:
            peak = await closed_loop(caller, seconds=seconds / 3)
            load = await open_loop(caller, per_second=TIMES * peak, seconds=seconds)
        report(load, peak=peak)
        assert set(load.ended) <= {WHOLE, LATE, REFUSED}
        assert engine.most_open <= PLACES
        if scale.measures:
            assert load.goodput >= LEAST_GOODPUT * peak
            assert share_of(load.health_s, 0.99) < MOST_HEALTH_S
            async with served(tmp_path, engine, NONE) as caller:
                unlimited = await open_loop(caller, per_second=TIMES * peak, seconds=seconds / 3)
            print(f"without limits: {unlimited.goodput / peak:.0%} of the peak")
            assert unlimited.goodput < LEAST_GOODPUT * peak / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoop:
    """What came of requests that were offered for some seconds; `health_s` is sorted."""

    seconds: float
    ended: Counter[str]
    health_s: list[float]

    @property
    def goodput(self) -> float:
        """Answers in time, a second."""
        return self.ended[WHOLE] / self.seconds


def report(load: OpenLoop, *, peak: float) -> None:
    offered = load.ended.total() / load.seconds
    health = ", ".join(f"{1000 * share_of(load.health_s, share):.1f} ms" for share in (0.5, 0.99, 1.0))
    print(f"\n{peak:.1f} answers a second at the peak; {offered:.0f} asked for, for {load.seconds:.0f} s")
    print(f"goodput: {load.goodput:.1f} a second, {load.goodput / peak:.0%} of the peak; {dict(load.ended)}")
    print(f"health answered after {health} (p50, p99, at most), of {len(load.health_s)}")


async def closed_loop(caller: Caller, *, seconds: float) -> float:
    """Returns how many whole answers a second there are, where as many ask all the time as can be served."""
    ended: Counter[str] = Counter()
    await repeated(lambda: caller.asks(ended), seconds, at_once=PLACES)
    assert set(ended) <= {WHOLE, LATE}  # which it is depends on the machine
    return ended.total() / seconds


async def open_loop(caller: Caller, *, per_second: float, seconds: float) -> OpenLoop:
    """Asks at random moments, whatever has become of the others, and for health all the while."""
    loop, chance = asyncio.get_running_loop(), random.Random(4711)
    began, due = loop.time(), 0.0
    ended: Counter[str] = Counter()
    health_s: list[float] = []
    checking = asyncio.create_task(repeated(lambda: checks(caller, health_s), seconds, at_once=1))
    asking = []
    while (due := due + chance.expovariate(per_second)) < seconds:
        await asyncio.sleep(began + due - loop.time())
        asking.append(asyncio.create_task(caller.asks(ended)))
    await asyncio.wait(asking, timeout=IN_TIME_S)
    for late in (one for one in asking if not one.done()):
        late.cancel()
        ended[LATE] += 1
    await asyncio.gather(*asking, return_exceptions=True)
    await checking
    assert ended.total() == len(asking)
    return OpenLoop(seconds=seconds, ended=ended, health_s=sorted(health_s))


async def checks(caller: Caller, health: list[float]) -> None:
    health.append(await caller.serves())
    await asyncio.sleep(HEALTH_EACH_S)


async def repeated(once: Callable[[], Awaitable[None]], seconds: float, *, at_once: int) -> None:
    """Does it again and again for so long, by so many at once; what has begun is ended."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds

    async def one() -> None:
        while loop.time() < end:
            await once()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(one())
