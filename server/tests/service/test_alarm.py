"""The alarm: what ends a wait, whose cancellation it was, and how many timers it costs."""

import asyncio
from collections.abc import Callable

import pytest
from server_fakes.clock import now, on_fake_clock
from triphase_server.service.alarm import Alarm, Rang


async def after(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


@on_fake_clock
async def test_a_wait_that_ends_in_time_gives_its_result() -> None:
    assert await Alarm().wait(lambda: after(3), until=5) == "done"
    assert now() == 3


@on_fake_clock
async def test_a_wait_ends_at_its_limit_whichever_came_before_it() -> None:
    alarm = Alarm()
    for until in (10, 4, 20):  # the timer is set, then moved forward, then left to ring early
        if until < now():
            continue
        with pytest.raises(Rang):
            await alarm.wait(lambda: after(100), until=until)
        assert now() == until


@on_fake_clock
async def test_many_waits_share_one_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    alarm, set_at = Alarm(), list[float]()
    call_at = loop.call_at

    def noted(when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        set_at.append(when)
        return call_at(when, callback)

    monkeypatch.setattr(loop, "call_at", noted)
    ready: asyncio.Future[str] = loop.create_future()
    ready.set_result("done")
    for number in range(100):
        assert await alarm.wait(lambda: ready, until=now() + 60 + number) == "done"
    assert set_at == [60]
    alarm.close()


@on_fake_clock
async def test_a_task_is_as_uncancelled_after_a_ring_as_before() -> None:
    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(Rang):
        await Alarm().wait(lambda: after(100), until=1)
    assert task.cancelling() == 0
    await asyncio.sleep(1)  # and no cancellation is left over


@on_fake_clock
async def test_ring_ends_the_running_wait_once_and_nothing_else() -> None:
    alarm = Alarm()
    alarm.ring()
    loop = asyncio.get_running_loop()
    loop.call_later(2, alarm.ring)
    loop.call_later(2, alarm.ring)
    with pytest.raises(Rang):
        await alarm.wait(lambda: after(100), until=50)
    assert now() == 2
    assert await alarm.wait(lambda: after(1), until=50) == "done"


@on_fake_clock
async def test_a_cancellation_of_the_task_is_not_taken_for_a_ring_even_at_the_same_moment() -> None:
    alarm = Alarm()
    task = asyncio.create_task(alarm.wait(lambda: after(100), until=5))
    asyncio.get_running_loop().call_at(5, task.cancel)
    await asyncio.wait((task,))
    assert task.cancelled()


@on_fake_clock
async def test_errors_of_the_step_pass_through() -> None:
    async def fails() -> None:
        raise TimeoutError("of the step")

    with pytest.raises(TimeoutError, match="of the step"):
        await Alarm().wait(fails, until=5)


@on_fake_clock
async def test_nothing_rings_between_waits_and_nothing_is_left_after_the_end() -> None:
    alarm = Alarm()
    await alarm.wait(lambda: after(1), until=5)
    await asyncio.sleep(10)  # past the limit of the wait that has ended
    await alarm.wait(lambda: after(1), until=20)
    alarm.close()
    alarm.close()
    await asyncio.sleep(20)
