"""Hedges: when another deployment is asked beside a slow one, who wins, and what becomes of the one that loses."""

import asyncio
from typing import Any

import pytest
from server_fakes.clock import now, on_fake_clock
from server_fakes.rig import Rig, ask, deployment, rig
from server_fakes.upstream import Step, chunk, finish
from triphase_server.core.breaker import BreakerPolicy
from triphase_server.core.errors import (
    DeadlineExceeded,
    Stage,
    UpstreamConnectionLost,
    UpstreamOverloaded,
    UpstreamServerError,
)
from triphase_server.core.events import AttemptReason, AttemptStarted, Completed, Event, Heartbeat, OutputDelta
from triphase_server.core.retry import RetryPolicy
from triphase_server.core.route import OnMidstreamFailure, Target
from triphase_server.service.ports import AttemptOutcome

SLOW, FAST = deployment("slow"), deployment("fast")
TWO = (Target(deployment=SLOW), Target(deployment=FAST, priority=1))
FIRST, HEDGE, FALLBACK = (
    AttemptReason.FIRST,
    AttemptReason.HEDGE,
    AttemptReason.FALLBACK,
)


class Told:
    """An observer that keeps how attempts ended."""

    def __init__(self) -> None:
        self.attempts: list[AttemptOutcome] = []

    def began(self, route: str) -> None:
        pass

    def attempted(self, attempt: AttemptOutcome) -> None:
        self.attempts.append(attempt)

    def ended(self, outcome: object) -> None:
        pass


def hedged(*scripts: list[Step], **changes: Any) -> Rig:
    policy = RetryPolicy(max_attempts=3, initial_s=2.0)
    settings: dict[str, Any] = {"targets": TWO, "hedge_after_s": 5.0, "retry": policy} | changes
    return rig(*scripts, **settings)


def answer(text: str, *, after_s: float = 0.0) -> list[Step]:
    return [*([after_s] if after_s else []), chunk(content=text), finish()]


def attempts(events: list[Event]) -> list[tuple[int, str, AttemptReason]]:
    return [(e.attempt, e.deployment, e.reason) for e in events if isinstance(e, AttemptStarted)]


def text(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, OutputDelta))


DOWN = UpstreamServerError("down", stage=Stage.FIRST_TOKEN)
ENDINGS: dict[str, list[list[Step]]] = {
    "the hedge wins": [answer("slow", after_s=60.0), [2.0, chunk(content="a"), 2.0, finish()]],
    "the first wins": [[7.0, chunk(content="a"), 2.0, finish()], answer("fast", after_s=60.0)],
    "the hedge fails": [[9.0, chunk(content="a"), finish()], [1.0, DOWN]],
    "both fail": [[6.0, DOWN], [2.0, DOWN]],
    "one is empty": [answer("slow", after_s=9.0), [1.0, finish()]],
}


def at_rest(rig_: Rig) -> bool:
    """Whether nothing runs, and no connection but those of whole answers was left open."""
    return all(member.in_flight == 0 for member in rig_.fleet.members()) and len(asyncio.all_tasks()) == 1


def spend(rig_: Rig, name: str) -> None:
    """Takes all tokens for retries of a deployment's upstream."""
    others = frozenset({"slow", "fast"} - {name})
    lease = rig_.fleet.lease([rig_.routes["m"]], affinity_key="", exclude=others)
    assert lease is not None
    while lease.take_retry_token():
        pass
    lease.end(asyncio.CancelledError())


@on_fake_clock
async def test_the_hedge_answers_where_its_token_comes_first_and_the_loser_is_closed_at_once() -> None:
    rig_ = hedged(answer("slow", after_s=60.0), answer("fast", after_s=2.0))
    seen = [(at, event) async for at, event in rig_.timed(ask())]
    events = [event for _, event in seen]
    assert [(at, e.deployment) for at, e in seen if isinstance(e, AttemptStarted)] == [(0, "slow"), (5, "fast")]
    assert attempts(events) == [(1, "slow", FIRST), (2, "fast", HEDGE)]
    assert (text(events), now()) == ("fast", 7)
    completed = events[-1]
    assert isinstance(completed, Completed)
    assert (completed.deployment, completed.attempts) == ("fast", 2)
    assert [response.closed for response in rig_.upstream.responses] == [True, True]
    assert at_rest(rig_)


@on_fake_clock
async def test_the_first_may_still_win_and_then_it_is_the_one_that_answered() -> None:
    rig_ = hedged(answer("slow", after_s=6.0), answer("fast", after_s=60.0))
    events = await rig_.events(ask())
    assert attempts(events) == [(1, "slow", FIRST), (2, "fast", HEDGE)]
    completed = events[-1]
    assert isinstance(completed, Completed)
    assert (text(events), completed.deployment, completed.attempts, now()) == ("slow", "slow", 2, 6)
    assert at_rest(rig_)


@on_fake_clock
async def test_one_that_is_fast_is_never_hedged() -> None:
    rig_ = hedged(answer("slow", after_s=4.0))
    assert attempts(await rig_.events(ask())) == [(1, "slow", FIRST)]
    assert len(rig_.upstream.asked) == 1


@on_fake_clock
async def test_after_its_first_token_a_stream_may_take_its_time() -> None:
    rig_ = hedged([chunk(content="a"), 30.0, chunk(content="b"), finish()])
    events = await rig_.events(ask())
    assert (text(events), attempts(events)) == ("ab", [(1, "slow", FIRST)])


@on_fake_clock
async def test_heartbeats_pass_during_the_race_and_after_it() -> None:
    rig_ = hedged(
        answer("slow", after_s=60.0), [7.0, chunk(content="a"), 7.0, chunk(content="b"), finish()], heartbeat_s=3.0
    )
    beats = [at async for at, event in rig_.timed(ask()) if isinstance(event, Heartbeat)]
    assert beats == [3, 8, 11, 15, 18]


@pytest.mark.parametrize("failing", ["first", "hedge"])
@on_fake_clock
async def test_an_attempt_that_fails_leaves_the_race_to_the_other(failing: str) -> None:
    lost: list[Step] = [2.0 if failing == "hedge" else 7.0, UpstreamConnectionLost("lost", stage=Stage.FIRST_TOKEN)]
    scripts = [answer("slow", after_s=20.0), lost] if failing == "hedge" else [lost, answer("fast", after_s=10.0)]
    rig_ = hedged(*scripts)
    told = rig_.observer = Told()
    events = await rig_.events(ask())
    assert attempts(events) == [(1, "slow", FIRST), (2, "fast", HEDGE)]
    assert text(events) == ("slow" if failing == "hedge" else "fast")
    failed = next(attempt for attempt in told.attempts if attempt.error is not None)
    assert (failed.deployment, type(failed.error)) == (
        "fast" if failing == "hedge" else "slow",
        UpstreamConnectionLost,
    )
    assert at_rest(rig_)


@on_fake_clock
async def test_an_empty_answer_never_wins_while_the_other_runs() -> None:
    rig_ = hedged(answer("slow", after_s=20.0), [1.0, finish()])
    assert text(await rig_.events(ask())) == "slow"
    assert at_rest(rig_)


@on_fake_clock
async def test_an_error_frame_never_wins() -> None:
    rig_ = hedged(answer("slow", after_s=20.0), [1.0, b'data: {"error": {"message": "no", "code": 503}}\n\n'])
    assert text(await rig_.events(ask())) == "slow"


@on_fake_clock
async def test_where_both_fail_a_third_attempt_follows_as_it_would_without_a_race() -> None:
    down = UpstreamServerError("down", stage=Stage.FIRST_TOKEN)
    rig_ = hedged([6.0, down], [3.0, down], answer("third"), draw=0.5)
    events = await rig_.events(ask())
    assert [reason for _, _, reason in attempts(events)] == [FIRST, HEDGE, FALLBACK]
    assert text(events) == "third"
    assert at_rest(rig_)


@on_fake_clock
async def test_the_last_error_is_told_where_no_attempt_is_left() -> None:
    down = UpstreamServerError("down", stage=Stage.FIRST_TOKEN)
    rig_ = hedged([6.0, down], [3.0, down], retry=RetryPolicy(max_attempts=2))
    _, error = await rig_.failure(ask())
    assert isinstance(error, UpstreamServerError)
    assert error.metadata["attempts"] == "2"
    assert now() == 8
    assert at_rest(rig_)


@on_fake_clock
async def test_the_deployment_that_is_told_is_the_one_whose_token_came_first_not_the_last_that_was_asked() -> None:
    lost = UpstreamConnectionLost("lost", stage=Stage.STREAM)
    rig_ = hedged([6.0, chunk(content="a"), 1.0, lost], answer("fast", after_s=60.0), answer("slow", after_s=6.0))
    _, error = await rig_.failure(ask())
    assert error is lost
    assert lost.metadata | {"deployment": "slow", "attempts": "2", "output_characters": "1"} == lost.metadata
    await rig_.events(ask())
    assert [outcome.deployment for outcome in rig_.outcomes] == ["slow", "slow"]


@on_fake_clock
async def test_one_that_was_only_slow_may_be_asked_again_where_the_winner_breaks() -> None:
    lost = UpstreamConnectionLost("lost", stage=Stage.STREAM)
    scripts: list[list[Step]] = [answer("slow", after_s=60.0), [chunk(content="a"), lost], answer("b")]
    rig_ = hedged(*scripts, on_midstream_failure=OnMidstreamFailure.RESTART)
    events = await rig_.events(ask(accept_restarts=True))
    assert attempts(events) == [(1, "slow", FIRST), (2, "fast", HEDGE), (3, "slow", FALLBACK)]


@on_fake_clock
async def test_who_loses_teaches_its_circuit_nothing() -> None:
    strict = BreakerPolicy(consecutive_failures=1)
    targets = [Target(deployment=deployment("slow", breaker=strict)), Target(deployment=FAST, priority=1)]
    rig_ = hedged(answer("slow", after_s=60.0), answer("fast"), targets=targets)
    told = rig_.observer = Told()
    await rig_.events(ask())
    (loser,) = [attempt for attempt in told.attempts if attempt.deployment == "slow"]
    assert isinstance(loser.error, asyncio.CancelledError)
    assert (loser.reason, told.attempts[-1].reason) == (FIRST, HEDGE)
    assert next(m for m in rig_.fleet.members() if m.deployment.name == "slow").circuit.state.value == "closed"


def latencies(rig_: Rig) -> dict[str, float]:
    return {m.deployment.name: m.latency_s for m in rig_.fleet.members() if m.deployment.name in {"slow", "fast"}}


@on_fake_clock
async def test_routing_learns_how_long_the_loser_was_waited_for_at_least() -> None:
    rig_ = hedged(answer("slow", after_s=60.0), answer("fast", after_s=2.0))
    await rig_.events(ask())
    assert latencies(rig_) == {"slow": 7.0, "fast": 2.0}


@on_fake_clock
async def test_a_hedge_that_had_hardly_begun_is_not_thought_quick() -> None:
    rig_ = hedged(answer("slow", after_s=6.0), answer("fast", after_s=60.0))
    await rig_.events(ask())
    assert latencies(rig_) == {"slow": 6.0, "fast": 0.0}


@pytest.mark.parametrize(
    "changes",
    [
        {"targets": (Target(deployment=SLOW),)},
        {"targets": (Target(deployment=SLOW), Target(deployment=FAST, weight=0.0))},
        {"retry": RetryPolicy(max_attempts=1)},
    ],
    ids=["no other", "none with weight", "no attempt left"],
)
@on_fake_clock
async def test_nothing_is_hedged_where_there_may_be_no_other_attempt(changes: dict[str, Any]) -> None:
    rig_ = hedged(answer("slow", after_s=20.0), **changes)
    events = await rig_.events(ask())
    assert (text(events), attempts(events)) == ("slow", [(1, "slow", FIRST)])


@on_fake_clock
async def test_hedges_stop_where_retries_would_storm() -> None:
    rig_ = hedged(answer("slow", after_s=60.0), answer("fast"))
    spend(rig_, "slow")
    events = await rig_.events(ask())
    assert attempts(events) == [(1, "slow", FIRST)]
    assert at_rest(rig_)


@on_fake_clock
async def test_who_is_slow_pays_so_that_one_that_stands_by_need_not_have_earned_anything() -> None:
    rig_ = hedged(answer("slow", after_s=60.0), answer("fast"))
    spend(rig_, "fast")
    assert attempts(await rig_.events(ask())) == [(1, "slow", FIRST), (2, "fast", HEDGE)]


@pytest.mark.parametrize("at_s", [2.0, 5.0, 6.0], ids=["alone", "as the hedge begins", "in the race"])
@on_fake_clock
async def test_a_caller_that_goes_away_ends_both(at_s: float) -> None:
    rig_ = hedged(answer("slow", after_s=60.0), answer("fast", after_s=60.0))
    task = asyncio.create_task(rig_.events(ask()))
    await asyncio.sleep(at_s)
    task.cancel()
    await asyncio.wait((task,))
    assert all(response.closed for response in rig_.upstream.responses)
    assert at_rest(rig_)


@pytest.mark.parametrize("cancels", [1, 2])
@pytest.mark.parametrize("at_s", [0.0, 5.0, 6.0, 7.0, 9.0], ids=str)
@pytest.mark.parametrize("ending", ["the hedge wins", "the first wins", "the hedge fails", "both fail", "one is empty"])
@on_fake_clock
async def test_nothing_is_left_at_whichever_turn_of_the_loop_a_caller_goes_away(
    ending: str, at_s: float, cancels: int
) -> None:
    for turns in range(16):
        rig_ = hedged(*ENDINGS[ending])
        told = rig_.observer = Told()
        task = asyncio.create_task(rig_.failure(ask()) if ending == "both fail" else rig_.events(ask()))
        await asyncio.sleep(at_s)
        for _ in range(turns):
            await asyncio.sleep(0)
        for _ in range(cancels):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.wait((task,))
        assert at_rest(rig_), turns
        assert all(response.closed for response in rig_.upstream.responses), turns
        assert len(told.attempts) == len(rig_.upstream.asked), turns


@on_fake_clock
async def test_a_deadline_ends_both() -> None:
    rig_ = hedged(answer("slow", after_s=60.0), answer("fast", after_s=60.0))
    _, error = await rig_.failure(ask(), deadline=9)
    assert isinstance(error, DeadlineExceeded)
    assert now() == 9
    assert at_rest(rig_)


@on_fake_clock
async def test_one_that_refuses_before_the_hedge_is_followed_by_a_fallback_as_ever() -> None:
    rig_ = hedged([UpstreamOverloaded("full", stage=Stage.FIRST_BYTE)], answer("fast"))
    assert attempts(await rig_.events(ask())) == [(1, "slow", FIRST), (2, "fast", FALLBACK)]
