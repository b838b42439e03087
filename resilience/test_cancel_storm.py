"""Callers that leave at random moments, many at once: each one's upstream is closed, and nothing of them is left.

The small cut looks into a gateway in this process; `tox -e chaos` sends 20 000 to one of its own, and measures how soon
the upstream is closed and what memory grows by.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triphase_client import Client

from resilience.engine import Engine, numbered
from resilience.gateways import beside, within
from resilience.meter import Baseline, share_of, until
from resilience.replies import request
from resilience.scale import SMALL, Scale

AT_ONCE = 16
PACE_S = 0.01  # before each of some 15 events, so that an answer takes 0.15 s;
LONGEST_S = 0.25  # the moment to leave is anywhere in it, or behind it
GUARD_S = 900.0  # only against hanging: no test waits for it
CLOSED_WITHIN_S = 0.1
MOST_GROWTH_BYTES = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """What came of it.

    `answered`: callers whose answer had ended; `unasked`: those who left before the upstream was asked; `late`: when it
    had sent all; `closed_s`: of those who left while it answered, how soon it noticed, in seconds, sorted.
    """

    answered: int
    unasked: int
    late: int
    closed_s: Sequence[float]


async def storm(client: Client, engine: Engine, numbers: range) -> Storm:
    """Lets a caller of each number ask and leave; returns once the upstream has seen all exchanges end."""
    loop = asyncio.get_running_loop()
    left_at: dict[int, float] = {}
    waiting = iter(numbers)

    async def callers() -> None:
        for number in waiting:
            asking = asyncio.create_task(client.generate(request("m", numbered(number))))
            await asyncio.wait((asking,), timeout=random.Random(number).uniform(0, LONGEST_S))
            if not asking.done():
                left_at[number] = loop.time()
                asking.cancel()
                await asyncio.wait((asking,))
            if not asking.cancelled():
                asking.result()

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(callers())
    await until(lambda: engine.open == 0, lambda: f"{engine.open} exchanges")
    delays = [engine.ended_at[number] - at for number, at in left_at.items() if number in engine.ended_at]
    closed_s = sorted(delay for delay in delays if delay >= 0)
    return Storm(
        answered=len(numbers) - len(left_at),
        unasked=len(left_at) - len(delays),
        late=len(delays) - len(closed_s),
        closed_s=closed_s,
    )


async def test_whenever_callers_leave_their_upstream_is_closed_and_nothing_is_left(tmp_path: Path) -> None:
    async with Engine(pace_s=PACE_S).serving() as engine:
        before = Baseline.now()
        async with within(tmp_path, engine.base_url) as gateway:
            found = await storm(gateway.client, engine, range(SMALL.cancels))
            await before.idle()
        await before.restored()
    assert found.closed_s


async def test_a_storm_is_over_at_once_and_leaves_no_memory_behind(scale: Scale, tmp_path: Path) -> None:
    warm_up = range(scale.cancels // 10)
    callers = range(len(warm_up), len(warm_up) + scale.cancels)
    async with (
        Engine(pace_s=PACE_S).serving() as engine,
        beside(tmp_path, engine.base_url, guard_s=GUARD_S) as gateway,
    ):
        await storm(gateway.client, engine, warm_up)
        before = gateway.resident_bytes
        found = await storm(gateway.client, engine, callers)
        growth = gateway.resident_bytes - before
        while await gateway.running():  # noqa: ASYNC110 - its gauges are sampled each second
            await asyncio.sleep(0.1)
    report(found, before=before, growth=growth)
    if scale.measures:
        assert share_of(found.closed_s, 0.99) < CLOSED_WITHIN_S
        assert growth < MOST_GROWTH_BYTES


def report(found: Storm, *, before: int, growth: int) -> None:
    print(f"\n{found.answered} had their answer, {found.unasked} left before the upstream was asked, {found.late} when")
    shares = {"p50": 0.5, "p99": 0.99, "at most": 1.0}
    times = ", ".join(f"{1000 * share_of(found.closed_s, share):.1f} ms ({name})" for name, share in shares.items())
    print(f"it had sent all, {len(found.closed_s)} while it answered; it noticed after {times}")
    print(f"memory: {before / 1e6:.1f} MB before, {growth / 1e6:+.2f} MB")
