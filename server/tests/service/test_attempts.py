"""Several attempts: who is asked next, what the client is told, and when it ends."""

import asyncio
from dataclasses import replace

import pytest
from server_fakes.clock import now, on_fake_clock
from server_fakes.rig import Rig, ask, deployment, rig
from server_fakes.upstream import Step, chunk, finish
from triphase_server.core.breaker import BreakerPolicy
from triphase_server.core.effort_policy import EffortPolicy
from triphase_server.core.errors import (
    CircuitsOpen,
    DeadlineExceeded,
    InvalidRequest,
    Stage,
    UpstreamAuthFailed,
    UpstreamConnectionLost,
    UpstreamOverloaded,
    UpstreamRejected,
    UpstreamServerError,
)
from triphase_server.core.events import (
    AttemptReason,
    AttemptStarted,
    Completed,
    Event,
    Heartbeat,
    OutputDelta,
    PhaseStarted,
    ReasoningSummaryDelta,
    Restarted,
    Started,
)
from triphase_server.core.fold import Fold
from triphase_server.core.request import Effort, Reasoning
from triphase_server.core.retry import RetryPolicy
from triphase_server.core.route import OnMidstreamFailure, Route, SummaryModel, Target, WhenAllOpen
from triphase_server.core.routing import Strategy
from triphase_server.service.catalog import Catalog

ANSWER: list[Step] = [chunk(content="42"), finish()]
RETRY = RetryPolicy(max_attempts=3, initial_s=2.0)
TWO = (Target(deployment=deployment("a")), Target(deployment=deployment("b"), priority=1))


def down(retry_after_s: float | None = None) -> UpstreamOverloaded:
    return UpstreamOverloaded("full", stage=Stage.FIRST_BYTE, retry_after_s=retry_after_s)


def lost() -> UpstreamConnectionLost:
    return UpstreamConnectionLost("lost", stage=Stage.STREAM)


def attempts(events: list[Event]) -> list[tuple[int, str, AttemptReason]]:
    return [(e.attempt, e.deployment, e.reason) for e in events if isinstance(e, AttemptStarted)]


def output(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, OutputDelta))


@on_fake_clock
async def test_another_deployment_is_asked_at_once() -> None:
    events = await rig([down()], ANSWER, targets=TWO, retry=RETRY).events(ask())
    assert attempts(events) == [(1, "a", AttemptReason.FIRST), (2, "b", AttemptReason.FALLBACK)]
    assert output(events) == "42"
    completed = events[-1]
    assert isinstance(completed, Completed)
    assert (completed.deployment, completed.attempts) == ("b", 2)
    assert now() == 0


@on_fake_clock
async def test_the_only_deployment_is_asked_again_after_a_wait_with_heartbeats() -> None:
    rig_ = rig([down()], ANSWER, retry=replace(RETRY, initial_s=100.0, max_s=100.0), draw=0.5)
    events = await rig_.events(ask())
    assert attempts(events) == [(1, "m-a", AttemptReason.FIRST), (2, "m-a", AttemptReason.RETRY)]
    assert now() == 50
    assert len([event for event in events if isinstance(event, Heartbeat)]) == 3


@on_fake_clock
async def test_retry_after_is_honoured() -> None:
    await rig([down(7.0)], ANSWER, retry=RETRY, targets=[_calm("m-a")]).events(ask())
    assert now() == 7


@on_fake_clock
async def test_attempts_are_bounded_and_the_last_error_is_told() -> None:
    rig_ = rig([down()], retry=RETRY)
    seen, error = await rig_.failure(ask())
    assert isinstance(error, UpstreamOverloaded)
    assert error.metadata["attempts"] == "3"
    assert error.metadata["committed"] == "false"
    assert len(attempts(seen)) == 3


@on_fake_clock
async def test_a_request_that_would_fail_anywhere_is_not_repeated() -> None:
    rig_ = rig([UpstreamRejected("no", stage=Stage.FIRST_BYTE)], ANSWER, targets=TWO, retry=RETRY)
    _, error = await rig_.failure(ask())
    assert isinstance(error, UpstreamRejected)
    assert len(rig_.upstream.asked) == 1


@on_fake_clock
async def test_no_wait_is_begun_that_the_deadline_would_cut() -> None:
    rig_ = rig([down()], ANSWER, retry=replace(RETRY, initial_s=100.0, max_s=100.0), draw=0.5)
    _, error = await rig_.failure(ask(), deadline=20.0)
    assert isinstance(error, UpstreamOverloaded)
    assert now() == 0


@on_fake_clock
async def test_after_the_first_token_nothing_is_switched() -> None:
    rig_ = rig([chunk(content="4"), lost()], ANSWER, targets=TWO, retry=RETRY)
    seen, error = await rig_.failure(ask())
    assert isinstance(error, UpstreamConnectionLost)
    assert error.metadata["committed"] == "true"
    assert output(seen) == "4"
    assert len(rig_.upstream.asked) == 1


@on_fake_clock
async def test_retries_cannot_storm() -> None:
    rig_ = rig([down()], retry=RetryPolicy(max_attempts=2, initial_s=0.0), targets=[_calm("m-a")])
    for _ in range(100):
        await rig_.failure(ask())
    # A burst of 20 and a fifth of the requests: RetryTokens.
    assert 100 + 20 <= len(rig_.upstream.asked) <= 100 + 20 + 100 * 0.2


class TestRestart:
    """`restarted`: only where both the route and the request want it."""

    BROKEN: tuple[Step, ...] = (chunk(reasoning="2+2=5. Hm"), chunk(content="wrong"), lost())

    def rig(self) -> Rig:
        return rig(self.BROKEN, ANSWER, targets=TWO, retry=RETRY, on_midstream_failure=OnMidstreamFailure.RESTART)

    @on_fake_clock
    async def test_what_came_is_void_and_the_stream_begins_anew(self) -> None:
        events = await self.rig().events(ask(accept_restarts=True))
        (restarted,) = [event for event in events if isinstance(event, Restarted)]
        void = events[restarted.discard_from_sequence : events.index(restarted)]
        assert isinstance(events[restarted.discard_from_sequence - 1], AttemptStarted)
        assert isinstance(void[0], PhaseStarted)
        kept = [event for event in events if event not in void]
        assert output(kept) == "42"
        assert not [event for event in kept if isinstance(event, ReasoningSummaryDelta)]
        assert attempts(kept) == [(1, "a", AttemptReason.FIRST), (2, "b", AttemptReason.FALLBACK)]

    @on_fake_clock
    async def test_its_fold_has_only_what_stands(self) -> None:
        fold = Fold()
        for event in await self.rig().events(ask(accept_restarts=True)):
            fold.feed(event)
        assert (fold.response.output, fold.response.reasoning_summary) == ("42", ())

    @on_fake_clock
    async def test_parts_of_the_summary_count_on(self) -> None:
        thought = chunk(reasoning="I need to add 47 and 38, so 47+38=85.\nHmm")
        rig_ = rig([thought, lost()], [thought, *ANSWER], retry=RETRY, on_midstream_failure=OnMidstreamFailure.RESTART)
        events = await rig_.events(ask(accept_restarts=True))
        parts = [event for event in events if isinstance(event, ReasoningSummaryDelta)]
        assert [part.part_index for part in parts] == [0, 1]
        assert len({part.text for part in parts}) == 1

    @on_fake_clock
    async def test_what_void_summaries_cost_counts(self) -> None:
        thought = chunk(reasoning="I need to add 47 and 38, so 47+38=85.\nHmm")
        summary = (chunk(content="The sum is 85."), finish(prompt_tokens=30, completion_tokens=6))
        rig_ = rig(
            [thought, 1.0, lost()], summary, ANSWER,
            retry=RETRY,
            on_midstream_failure=OnMidstreamFailure.RESTART,
            summary_model=SummaryModel(route="small", timeout_s=3),
        )  # fmt: skip
        completed = (await rig_.events(ask(accept_restarts=True)))[-1]
        assert isinstance(completed, Completed)
        assert (completed.usage.summary_input_tokens, completed.usage.summary_output_tokens) == (30, 6)

    @on_fake_clock
    async def test_a_request_that_does_not_accept_it_fails(self) -> None:
        _, error = await self.rig().failure(ask())
        assert isinstance(error, UpstreamConnectionLost)


class TestCircuits:
    """The circuit of each deployment, as requests meet it."""

    TRIPS = BreakerPolicy(consecutive_failures=2, open_s=10.0, jitter=0.0)

    def broken(self, *, when_all_open: WhenAllOpen = WhenAllOpen.FAIL_FAST) -> Rig:
        target = Target(deployment=deployment("m-a", breaker=self.TRIPS))
        return rig([down()], [down()], ANSWER, targets=[target], when_all_open=when_all_open)

    @on_fake_clock
    async def test_an_open_circuit_fails_fast_and_says_when_to_come_back(self) -> None:
        rig_ = self.broken()
        await rig_.failure(ask())
        await rig_.failure(ask())
        seen, error = await rig_.failure(ask())
        assert isinstance(error, CircuitsOpen)
        assert error.retry_after_s == 10
        told = {"attempts": "0", "committed": "false", "retry_may_help": "true"}
        assert error.metadata | told == error.metadata
        assert isinstance(seen[0], Started)
        assert len(rig_.upstream.asked) == 2

    @on_fake_clock
    async def test_one_probe_closes_it(self) -> None:
        rig_ = self.broken()
        await rig_.failure(ask())
        await rig_.failure(ask())
        await asyncio.sleep(10)
        for _ in range(2):
            assert output(await rig_.events(ask())) == "42"

    @on_fake_clock
    async def test_it_can_be_waited_for(self) -> None:
        rig_ = self.broken(when_all_open=WhenAllOpen.TRY_SOONEST)
        await rig_.failure(ask())
        await rig_.failure(ask())
        assert output(await rig_.events(ask())) == "42"
        assert now() == 10

    @on_fake_clock
    async def test_waiting_for_it_ends_with_the_deadline(self) -> None:
        rig_ = self.broken(when_all_open=WhenAllOpen.TRY_SOONEST)
        await rig_.failure(ask())
        await rig_.failure(ask())
        _, error = await rig_.failure(ask(), deadline=4.0)
        assert isinstance(error, DeadlineExceeded)

    @on_fake_clock
    async def test_a_probe_succeeds_at_its_first_token(self) -> None:
        script: list[Step] = [chunk(content="4"), 100.0, chunk(content="2"), finish()]
        target = Target(deployment=deployment("m-a", breaker=self.TRIPS))
        rig_ = rig([down()], [down()], script, ANSWER, targets=[target])
        await rig_.failure(ask())
        await rig_.failure(ask())
        await asyncio.sleep(10)
        probe = asyncio.create_task(rig_.events(ask()))
        await asyncio.sleep(1)
        assert output(await rig_.events(ask())) == "42"
        assert output(await probe) == "42"

    @on_fake_clock
    async def test_a_client_that_leaves_says_nothing_about_it(self) -> None:
        target = Target(deployment=deployment("m-a", breaker=self.TRIPS))
        rig_ = rig([1000.0], targets=[target])
        for _ in range(3):
            task = asyncio.create_task(rig_.events(ask()))
            await asyncio.sleep(1)
            task.cancel()
            await asyncio.wait((task,))
        (view,) = [member for member in rig_.fleet.members() if member.deployment.name == "m-a"]
        assert (view.circuit.calls, view.in_flight) == (0, 0)

    @on_fake_clock
    async def test_an_isolated_deployment_is_not_asked_until_it_is_restored(self) -> None:
        rig_ = rig(ANSWER, targets=TWO, retry=RETRY)
        rig_.fleet.isolate("a")
        assert attempts(await rig_.events(ask()))[0][1] == "b"
        rig_.fleet.restore("a")
        assert attempts(await rig_.events(ask()))[0][1] == "a"


class TestRoutes:
    """Fallback routes, affinity, and deployments that differ."""

    @on_fake_clock
    async def test_a_fallback_route_stands_in_when_no_deployment_is_left(self) -> None:
        events = await rig([down()], ANSWER, retry=RETRY, fallbacks=("small",)).events(ask())
        assert [name for _, name, _ in attempts(events)] == ["m-a", "small-a"]

    @on_fake_clock
    async def test_a_key_keeps_to_its_deployment(self) -> None:
        targets = [Target(deployment=deployment(name)) for name in "abcde"]
        rig_ = rig(ANSWER, targets=targets, strategy=Strategy.LEAST_IN_FLIGHT)
        chosen = {attempts(await rig_.events(ask(affinity_key="session-7")))[0][1] for _ in range(5)}
        assert len(chosen) == 1
        others = {attempts(await rig_.events(ask(affinity_key=f"s{n}")))[0][1] for n in range(20)}
        assert len(others) > 1

    @on_fake_clock
    async def test_a_deployment_that_cannot_give_the_effort_is_passed_over(self) -> None:
        plain = deployment("a", effort=EffortPolicy(supported=()))
        rig_ = rig(ANSWER, targets=[Target(deployment=plain), Target(deployment=deployment("b"), priority=1)])
        request = ask(reasoning=Reasoning(effort=Effort.HIGH))
        assert [name for _, name, _ in attempts(await rig_.events(request))] == ["b"]
        with pytest.raises(InvalidRequest):
            await rig(ANSWER, targets=[Target(deployment=plain)]).events(request)

    def test_a_chain_of_routes_has_each_once(self) -> None:
        def make(name: str, *fallbacks: str) -> Route:
            return Route(name=name, targets=TWO, fallbacks=fallbacks)

        routes = {"a": make("a", "b", "c"), "b": make("b", "d", "a"), "c": make("c"), "d": make("d", "c")}
        assert [route.name for route in Catalog(routes).chain(routes["a"])] == ["a", "b", "c", "d"]


@on_fake_clock
async def test_permits_and_counts_are_given_back_however_it_ends() -> None:
    rig_ = rig([down()], [UpstreamServerError("x", stage=Stage.FIRST_BYTE)], ANSWER, targets=TWO, retry=RETRY)
    for _ in range(4):
        task = asyncio.create_task(rig_.failure(ask()) if rig_.upstream.asked == [] else rig_.events(ask()))
        await asyncio.wait((task,))
    assert [member.in_flight for member in rig_.fleet.members()] == [0, 0, 0]


def _calm(name: str) -> Target:
    never = BreakerPolicy(retry_after_opens=False, consecutive_failures=0, failure_rate=None)
    return Target(deployment=deployment(name, breaker=never))


@on_fake_clock
async def test_a_stream_that_breaks_midway_says_how_much_had_come_and_whether_a_new_try_makes_sense() -> None:
    for error, helps in ((lost(), "true"), (UpstreamRejected("no", stage=Stage.STREAM), "false")):
        rig_ = rig([chunk(reasoning="I think."), chunk(content="47 + 38"), error])
        _, told = await rig_.failure(ask())
        assert told is error
        assert error.metadata["committed"] == "true"
        assert error.metadata["retry_may_help"] == helps
        assert (error.metadata["reasoning_characters"], error.metadata["output_characters"]) == ("8", "7")


@on_fake_clock
async def test_what_would_only_fail_again_is_not_asked_again() -> None:
    refused = UpstreamAuthFailed("refused", stage=Stage.FIRST_BYTE)
    events = await rig([refused], [down()], ANSWER, targets=TWO, retry=RETRY).events(ask())
    assert [(name, reason) for _, name, reason in attempts(events)] == [
        ("a", AttemptReason.FIRST),
        ("b", AttemptReason.FALLBACK),
        ("b", AttemptReason.RETRY),
    ]


@on_fake_clock
async def test_a_deadline_that_passes_midway_says_how_much_had_come_too() -> None:
    _, error = await rig([chunk(content="47 + 38"), 100.0]).failure(ask(), deadline=4.0)
    assert isinstance(error, DeadlineExceeded)
    told = {"committed": "true", "retry_may_help": "false", "output_characters": "7", "deployment": "m-a"}
    assert error.metadata | told == error.metadata
