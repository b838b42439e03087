"""A steady load over a long time: what one answer leaves behind, memory shows sooner or later.

The small cut counts the objects that answers leave in this process; `tox -e soak` loads a process of its own for
minutes, and judges how fast its memory grows.
"""

import asyncio
import gc
import statistics
from itertools import pairwise
from pathlib import Path

from resilience.engine import Engine
from resilience.gateways import Gateway, beside, within
from resilience.replies import COMPLETED, ask
from resilience.scale import Scale

CALLERS = 8
BATCH = 100
PACE_S = 0.01
GUARD_S = 3600.0  # only against hanging: no test waits for it
MIB = 1 << 20
MOST_GROWTH = 1.0  # MiB a minute
SETTLING = 1 / 3  # of the time: pools, caches and the allocator find their size


async def answers(gateway: Gateway, engine: Engine, count: int) -> None:
    """Asks so many times, a few at once."""
    waiting = iter(range(count))

    async def callers() -> None:
        for _ in waiting:
            reply = await ask(gateway.client, "m")
            assert (reply.outcome, reply.told, reply.mistakes) == (COMPLETED, engine.truth, ())

    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(callers())


def objects() -> int:
    """Counts all but timers and their contexts: asyncio keeps those that were cancelled, to drop many at once."""
    gc.collect()
    return sum(type(one).__name__ not in {"TimerHandle", "Context"} for one in gc.get_objects())


async def test_answers_leave_no_objects_behind(tmp_path: Path) -> None:
    async with Engine(pace_s=0.0).serving() as engine, within(tmp_path, engine.base_url) as gateway:
        counts = []
        for _ in range(4):
            await answers(gateway, engine, BATCH)
            counts.append(objects())
    left = [after - before for before, after in pairwise(counts)]
    print(f"\nof {BATCH} answers each, these objects were left: {left}")
    # What a pool or a cache takes once is no leak; a leak comes each time, with an object or more of each answer.
    assert min(left) < BATCH / 2


async def test_memory_does_not_grow_under_a_steady_load(scale: Scale, tmp_path: Path) -> None:
    async with (
        Engine(pace_s=PACE_S).serving() as engine,
        beside(tmp_path, engine.base_url, guard_s=GUARD_S) as gateway,
    ):
        loop = asyncio.get_running_loop()
        began, total = loop.time(), 0
        samples: list[tuple[float, float]] = []
        while loop.time() < began + scale.soak_s or not total:
            await answers(gateway, engine, BATCH)
            total += BATCH
            samples.append((loop.time() - began, gateway.resident_bytes / MIB))
    print(f"\n{total} answers in {samples[-1][0]:.0f} s: {samples[0][1]:.1f} MiB first, {samples[-1][1]:.1f} MiB last")
    if scale.measures:
        growth = per_minute(samples)
        print(f"memory: {growth:+.2f} MiB a minute, once settled")
        assert growth < MOST_GROWTH


def per_minute(samples: list[tuple[float, float]]) -> float:
    """The slope of the samples of seconds and MiB, without those of the settling."""
    settled = samples[int(len(samples) * SETTLING) :]
    return 60.0 * statistics.linear_regression(*zip(*settled, strict=True)).slope
