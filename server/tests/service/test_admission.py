"""Admission: who waits, who is refused with which hint, and what is given back, through whole requests."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from server_fakes.clock import now, on_fake_clock
from server_fakes.rig import Rig, ask, deployment, rig
from server_fakes.upstream import chunk, finish
from triphase_server.core.errors import (
    AtCapacity,
    DeadlineExceeded,
    GatewayError,
    RateLimited,
    Stage,
    UpstreamOverloaded,
)
from triphase_server.core.events import AttemptStarted, Completed, Event, Heartbeat, Started, WaitingOn
from triphase_server.core.limits import Concurrency, Limits, PerMinute
from triphase_server.core.retry import RetryPolicy
from triphase_server.core.route import Target
from triphase_server.service.gate import GateView

ANSWER = [chunk(content="85"), finish(), b"data: [DONE]\n\n"]
ONE = Concurrency(max_concurrency=1, max_queue=1, max_wait_s=10.0)
OF_GATEWAY = Limits(gateway=ONE)
OF_UPSTREAM = Limits(upstreams={"u-m-a": ONE})


def views(rig_: Rig) -> dict[str, GateView]:
    return {view.name: view for view in rig_.admission.views()}


def at_rest(rig_: Rig) -> bool:
    return all((view.in_flight, view.waiting) == (0, 0) for view in rig_.admission.views())


async def refused(rig_: Rig, kind: type[GatewayError] = AtCapacity, **changes: Any) -> GatewayError:
    _, error = await rig_.failure(ask(**changes))
    assert isinstance(error, kind)
    return error


@pytest.mark.parametrize("limits", [OF_GATEWAY, OF_UPSTREAM], ids=["gateway", "upstream"])
@on_fake_clock
async def test_one_who_waits_is_told_so_and_served_in_its_turn(limits: Limits) -> None:
    rig_ = rig(ANSWER, ANSWER, opens_after_s=4, heartbeat_s=1.0, limits=limits)
    first = asyncio.create_task(rig_.events(ask()))
    await asyncio.sleep(1)
    seen = [(at, event) async for at, event in rig_.timed(ask())]
    assert isinstance(seen[0][1], Started)
    assert seen[0][0] == 1
    waits = [event.waiting_on for at, event in seen if isinstance(event, Heartbeat) and at < 4]
    assert waits == [WaitingOn.ADMISSION] * 2
    assert [at for at, event in seen if isinstance(event, AttemptStarted)] == [4]
    assert isinstance(seen[-1][1], Completed)
    assert now() == 8
    assert isinstance((await first)[-1], Completed)
    assert at_rest(rig_)


@pytest.mark.parametrize(
    ("limits", "subject"), [(OF_GATEWAY, "gateway"), (OF_UPSTREAM, "upstream:u-m-a")], ids=["gateway", "upstream"]
)
@on_fake_clock
async def test_one_for_whom_the_line_is_too_long_is_refused_at_once_with_a_hint(limits: Limits, subject: str) -> None:
    rig_ = rig(ANSWER, opens_after_s=4, limits=limits)
    others = [asyncio.create_task(rig_.events(ask())) for _ in range(2)]
    await asyncio.sleep(1)
    error = await refused(rig_)
    assert now() == 1
    assert (error.metadata["subject"], error.retry_after_s) == (subject, 10.0)
    await asyncio.gather(*others)
    assert at_rest(rig_)


@on_fake_clock
async def test_a_refusal_by_the_gateway_comes_before_anything_else() -> None:
    rig_ = rig(ANSWER, opens_after_s=4, limits=Limits(gateway=replace(ONE, max_queue=0)))
    other = asyncio.create_task(rig_.events(ask()))
    await asyncio.sleep(1)
    seen, error = await rig_.failure(ask())
    assert (seen, type(error)) == ([], AtCapacity)
    await other


@pytest.mark.parametrize("limits", [OF_GATEWAY, OF_UPSTREAM], ids=["gateway", "upstream"])
@on_fake_clock
async def test_nobody_waits_for_longer_than_the_operator_and_the_caller_allow(limits: Limits) -> None:
    rig_ = rig(ANSWER, opens_after_s=50, limits=limits)
    other = asyncio.create_task(rig_.events(ask()))
    await asyncio.sleep(1)
    await refused(rig_)
    assert now() == 11
    _, error = await rig_.failure(ask(), deadline=13)
    assert isinstance(error, DeadlineExceeded)
    assert now() == 13
    await other
    assert at_rest(rig_)


@pytest.mark.parametrize("limits", [OF_GATEWAY, OF_UPSTREAM], ids=["gateway", "upstream"])
@pytest.mark.parametrize("after_s", [2.0, 4.0], ids=["in line", "as its turn comes"])
@on_fake_clock
async def test_one_who_goes_away_leaves_the_line_and_holds_nothing(limits: Limits, after_s: float) -> None:
    rig_ = rig(ANSWER, opens_after_s=4, limits=limits)
    tasks = [asyncio.create_task(rig_.events(ask())) for _ in range(2)]
    await asyncio.sleep(after_s)
    tasks[1].cancel()
    await asyncio.wait(tasks)
    assert tasks[1].cancelled()
    assert at_rest(rig_)
    assert isinstance((await rig_.events(ask()))[-1], Completed)


@on_fake_clock
async def test_another_deployment_is_asked_before_anyone_waits() -> None:
    targets = [Target(deployment=deployment("m-a")), Target(deployment=deployment("m-b"), priority=1)]
    rig_ = rig(ANSWER, opens_after_s=4, targets=targets, limits=OF_UPSTREAM)
    tasks = [asyncio.create_task(rig_.events(ask())) for _ in range(2)]
    await asyncio.wait(tasks)
    assert now() == 4
    asked = [event.deployment for task in tasks for event in task.result() if isinstance(event, AttemptStarted)]
    assert asked == ["m-a", "m-b"]


@on_fake_clock
async def test_where_all_are_full_the_first_that_has_room_is_asked() -> None:
    targets = [Target(deployment=deployment("m-a")), Target(deployment=deployment("m-b"), priority=1)]
    limits = Limits(upstreams={"u-m-a": ONE, "u-m-b": ONE})
    rig_ = rig(ANSWER, opens_after_s=4, targets=targets, limits=limits)
    tasks: list[asyncio.Task[list[Event]]] = []
    for _ in range(2):
        tasks.append(asyncio.create_task(rig_.events(ask())))
        await asyncio.sleep(1)
    tasks.append(asyncio.create_task(rig_.events(ask())))
    await asyncio.wait(tasks)
    assert now() == 8
    last = [event.deployment for event in tasks[2].result() if isinstance(event, AttemptStarted)]
    assert last == ["m-a"]
    assert at_rest(rig_)


@on_fake_clock
async def test_a_place_is_free_again_before_a_retry_waits() -> None:
    down = UpstreamOverloaded("full", stage=Stage.CONNECT)
    rig_ = rig([down], ANSWER, limits=OF_UPSTREAM, draw=0.5, retry=RetryPolicy(max_attempts=2, initial_s=2.0))
    retrying = asyncio.create_task(rig_.events(ask()))
    await asyncio.sleep(0.5)
    assert views(rig_)["u-m-a"].in_flight == 0
    assert isinstance((await retrying)[-1], Completed)
    assert at_rest(rig_)


@on_fake_clock
async def test_requests_per_minute_are_counted_and_refused_with_the_time_to_come_back() -> None:
    rig_ = rig(ANSWER, limits=Limits(routes={"m": PerMinute(requests_per_minute=2.0)}))
    await rig_.events(ask())
    await rig_.events(ask())
    error = await refused(rig_, RateLimited)
    assert error.metadata["subject"] == "route:m"
    assert error.retry_after_s == pytest.approx(30, abs=0.01)
    await asyncio.sleep(error.retry_after_s or 0)
    await rig_.events(ask())


@on_fake_clock
async def test_a_request_that_is_refused_for_want_of_a_place_takes_nothing_of_the_quota() -> None:
    limits = Limits(gateway=replace(ONE, max_queue=0), routes={"m": PerMinute(requests_per_minute=2.0)})
    rig_ = rig(ANSWER, ANSWER, opens_after_s=1, limits=limits)
    running = asyncio.create_task(rig_.events(ask()))
    await asyncio.sleep(0.5)
    await refused(rig_, AtCapacity)
    await running
    await rig_.events(ask())


@on_fake_clock
async def test_tokens_are_charged_by_estimate_and_settled_by_what_was_used() -> None:
    limits = Limits(routes={"m": PerMinute(tokens_per_minute=1000.0, assumed_output_tokens=900)})
    rig_ = rig(ANSWER, limits=limits)
    for _ in range(5):  # each is charged about 900 and uses some 10
        await rig_.events(ask())


@on_fake_clock
async def test_what_runs_is_charged_by_its_estimate() -> None:
    limits = Limits(routes={"m": PerMinute(tokens_per_minute=1000.0, assumed_output_tokens=900)})
    rig_ = rig(ANSWER, opens_after_s=1, limits=limits)
    running = asyncio.create_task(rig_.events(ask()))
    await asyncio.sleep(0.5)
    await refused(rig_, RateLimited)
    await running
    await rig_.events(ask())


@on_fake_clock
async def test_a_request_that_no_upstream_answered_costs_no_tokens() -> None:
    limits = Limits(routes={"m": PerMinute(tokens_per_minute=1000.0, assumed_output_tokens=900)})
    rig_ = rig([UpstreamOverloaded("full", stage=Stage.CONNECT)], limits=limits)
    for _ in range(3):
        await refused(rig_, UpstreamOverloaded)


@on_fake_clock
async def test_a_request_larger_than_the_quota_can_ever_be_is_told_so_without_a_hint() -> None:
    rig_ = rig(ANSWER, limits=Limits(routes={"m": PerMinute(tokens_per_minute=100.0)}))
    assert (await refused(rig_, RateLimited, max_output_tokens=10_000)).retry_after_s is None


@on_fake_clock
async def test_quotas_that_stay_the_same_keep_their_level_when_limits_are_replaced() -> None:
    limits = Limits(routes={"m": PerMinute(requests_per_minute=1.0)})
    rig_ = rig(ANSWER, limits=limits)
    await rig_.events(ask())
    rig_.admission.replace(replace(limits, gateway=ONE))
    await refused(rig_, RateLimited)
    rig_.admission.replace(Limits(routes={"m": PerMinute(requests_per_minute=2.0)}))
    await rig_.events(ask())
    rig_.admission.replace(Limits())
    await rig_.events(ask())
