"""The alarm: by the kernel's timer and by the loop's, it rings once, and never too early."""

import asyncio
import sys
import time

import pytest
from triphase_model.engine.simulated.serving.alarm import Alarm

MS = 1_000_000


class Bell:
    """Counts rings, and lets a test wait for them."""

    def __init__(self) -> None:
        self.rings_ns: list[int] = []
        self._rang = asyncio.Event()

    def __call__(self) -> None:
        self.rings_ns.append(time.monotonic_ns())
        self._rang.set()

    async def wait(self) -> None:
        async with asyncio.timeout(20):
            await self._rang.wait()
        self._rang.clear()


@pytest.fixture(params=["linux", "elsewhere"])
def bell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Bell:
    if request.param == "linux" and sys.platform != "linux":
        pytest.skip("this is the timer of Linux")
    monkeypatch.setattr(sys, "platform", request.param)
    return Bell()


async def test_it_rings_at_its_time_and_once(bell: Bell) -> None:
    ring = Alarm(bell)
    due_ns = time.monotonic_ns() + 5 * MS
    ring.set(due_ns)
    ring.set(due_ns)
    await bell.wait()
    ring.set(later_ns := time.monotonic_ns() + 5 * MS)
    await bell.wait()
    assert len(bell.rings_ns) == 2
    # The clocks of timers are coarser than the one that is asked here by up to a millisecond where the loop keeps them.
    assert bell.rings_ns[0] >= due_ns - MS
    assert bell.rings_ns[1] >= later_ns - MS
    ring.close()


async def test_the_time_that_was_set_last_counts(bell: Bell) -> None:
    ring = Alarm(bell)
    ring.set(time.monotonic_ns() + 3_600_000 * MS)
    ring.set(time.monotonic_ns() + MS)
    await bell.wait()
    ring.set(time.monotonic_ns() - MS)
    await bell.wait()
    ring.set(time.monotonic_ns() + MS)
    ring.set(time.monotonic_ns() + 3_600_000 * MS)
    ring.close()
    assert len(bell.rings_ns) == 2


async def test_it_is_silent_once_it_is_closed(bell: Bell) -> None:
    ring = Alarm(bell)
    ring.set(0)
    ring.close()
    other = Bell()
    second = Alarm(other)
    second.set(time.monotonic_ns() + MS)
    await other.wait()
    second.close()
    assert bell.rings_ns == []
