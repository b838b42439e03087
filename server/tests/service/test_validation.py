"""Who may have a repository checked: as many as there are places, in turn, and each place is given back."""

import asyncio

import pytest
from server_fakes.clock import now, on_fake_clock
from triphase_server.core.errors import AtCapacity, DeadlineExceeded, InvalidRequest, ValidationOff
from triphase_server.core.validation import ValidationPolicy
from triphase_server.service.ports import CheckOutcome
from triphase_server.service.validation import Validation

ONE = ValidationPolicy(max_concurrency=1, max_queue=1, max_wait_s=10.0, max_s=60.0)


class Told:
    """A CheckObserver that keeps what it is told."""

    def __init__(self) -> None:
        self.all: list[CheckOutcome] = []

    def checked(self, outcome: CheckOutcome) -> None:
        self.all.append(outcome)


def validation(policy: ValidationPolicy = ONE, *, told: Told | None = None) -> Validation:
    return Validation(policy, observer=told or Told(), draw=lambda: 0.5)


async def check(checks: Validation, lasting_s: float, *, deadline: float | None = None, failing: bool = False) -> float:
    """Holds a place for some time; returns when it was given back."""
    async with checks.admitted(deadline=deadline):
        await asyncio.sleep(lasting_s)
        _ = 1 / (not failing)
    return now()


@on_fake_clock
async def test_one_waits_for_the_other_and_a_third_is_refused() -> None:
    checks = validation()
    first, second = (asyncio.create_task(check(checks, 3.0)) for _ in range(2))
    await asyncio.sleep(0)
    with pytest.raises(AtCapacity, match="no more may wait") as refused:
        await check(checks, 1.0)
    assert (refused.value.subject, refused.value.retry_after_s) == ("validation", 15.0)
    assert (await first, await second) == (3.0, 6.0)


@on_fake_clock
async def test_nobody_waits_longer_than_the_operator_allows() -> None:
    checks = validation()
    first = asyncio.create_task(check(checks, 30.0))
    await asyncio.sleep(0)
    with pytest.raises(AtCapacity, match="no place became free in time"):
        await check(checks, 1.0)
    assert now() == 10.0
    await first
    assert await check(checks, 1.0) == 31.0


@on_fake_clock
async def test_a_deadline_ends_the_wait_and_the_check() -> None:
    checks = validation()
    first = asyncio.create_task(check(checks, 30.0, deadline=5.0))
    await asyncio.sleep(0)
    with pytest.raises(DeadlineExceeded):
        await check(checks, 1.0, deadline=2.0)
    assert now() == 2.0
    with pytest.raises(DeadlineExceeded):
        await first
    assert await check(checks, 1.0) == 6.0


@on_fake_clock
async def test_a_place_is_given_back_by_who_fails_goes_away_or_waits_no_more() -> None:
    checks = validation()
    with pytest.raises(ZeroDivisionError):
        async with checks.admitted(deadline=None):
            _ = 1 / 0
    running, waiting = (asyncio.create_task(check(checks, 30.0)) for _ in range(2))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait((waiting,))
    running.cancel()
    await asyncio.wait((running,))
    assert await check(checks, 1.0) == 1.0


@on_fake_clock
async def test_a_timeout_of_the_work_itself_is_no_deadline() -> None:
    with pytest.raises(TimeoutError):
        async with validation().admitted(deadline=5.0):
            raise TimeoutError


@on_fake_clock
async def test_another_policy_is_in_force_at_once_and_ends_nothing() -> None:
    checks = validation()
    first = asyncio.create_task(check(checks, 3.0))
    await asyncio.sleep(0)
    checks.replace(ValidationPolicy(enabled=False))
    with pytest.raises(ValidationOff, match="turned validation off"):
        await check(checks, 1.0)
    checks.replace(ValidationPolicy(max_concurrency=2))
    assert await check(checks, 1.0) == 1.0
    assert await first == 3.0


@pytest.mark.parametrize(("workers", "shares"), [(1, [(3, 16)]), (2, [(2, 8), (1, 8)]), (4, [(1, 4)] * 4)])
def test_workers_share_what_is_allowed(workers: int, shares: list[tuple[int, int]]) -> None:
    policy = ValidationPolicy(max_concurrency=3)
    own = [policy.share(place, workers=workers) for place in range(workers)]
    assert [(one.max_concurrency, one.max_queue) for one in own] == shares


@on_fake_clock
async def test_the_observer_is_told_of_every_end() -> None:
    told = Told()
    checks = validation(told=told)

    async def found() -> None:
        async with checks.admitted(deadline=None) as one:
            await asyncio.sleep(30.0)
            one.verdict, one.findings = "errors", 3

    first = asyncio.create_task(found())
    await asyncio.sleep(0)
    with pytest.raises(AtCapacity):
        await check(checks, 1.0)
    second = asyncio.create_task(check(checks, 1.0))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait((second,))
    await first
    with pytest.raises(DeadlineExceeded):
        await check(checks, 9.0, deadline=now() + 2.0)
    with pytest.raises(ZeroDivisionError):
        await check(checks, 1.0, failing=True)
    checks.refuse(InvalidRequest(()))
    checks.replace(ValidationPolicy(enabled=False))
    with pytest.raises(ValidationOff):
        await check(checks, 1.0)
    assert [(type(one.error), one.waited_s, one.total_s) for one in told.all] == [
        (AtCapacity, 10.0, 10.0),
        (asyncio.CancelledError, 0.0, 0.0),
        (type(None), 0.0, 30.0),
        (DeadlineExceeded, 0.0, 2.0),
        (ZeroDivisionError, 0.0, 1.0),
        (InvalidRequest, 0.0, 0.0),
        (ValidationOff, 0.0, 0.0),
    ]
    assert [(one.verdict, one.findings) for one in told.all if one.error is None] == [("errors", 3)]
    assert {one.verdict for one in told.all if one.error is not None} == {""}
