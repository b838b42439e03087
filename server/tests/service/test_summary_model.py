"""The second kind of summary: a model writes it, in parallel, behind a time limit."""

import asyncio
from functools import partial
from typing import Any

import pytest
from server_fakes.clock import FakeClockLoop, on_fake_clock
from server_fakes.rig import ask, deployment, open_gates, rig
from server_fakes.upstream import FakeResponse, FakeUpstream, Step, chunk, finish
from triphase_server.core.breaker import BreakerPolicy
from triphase_server.core.errors import Stage, UpstreamOverloaded
from triphase_server.core.events import (
    Completed,
    OutputDelta,
    ReasoningSummaryDelta,
    SummarySource,
)
from triphase_server.core.limits import Concurrency, Limits
from triphase_server.core.request import Reasoning, SummaryDetail
from triphase_server.core.route import Deployment, Route, SummaryModel, Target
from triphase_server.core.transitions import CircuitState
from triphase_server.service.fleet import Fleet
from triphase_server.service.summary_model import SummaryModel as AskedModel

ANSWER = (chunk(content=" The sum\n is 85. "), finish(prompt_tokens=30, completion_tokens=6))
MODEL = SummaryModel(route="small", timeout_s=3)
SMALL = Target(deployment=deployment("small-a"))
STEP = "I need to add 47 and 38, so 47+38=85.\nHmm"


@on_fake_clock
async def test_its_text_stands_in_the_parts_and_its_cost_in_the_usage() -> None:
    thinks: list[Step] = [chunk(reasoning=STEP), 1.0, chunk(content="85"), finish(prompt_tokens=1, completion_tokens=2)]
    rig_ = rig(thinks, ANSWER, summary_model=MODEL)
    events = await rig_.events(ask())
    parts = [event for event in events if isinstance(event, ReasoningSummaryDelta)]
    assert [(part.text, part.source) for part in parts] == [("The sum is 85.", SummarySource.MODEL)]
    completed = events[-1]
    assert isinstance(completed, Completed)
    usage = completed.usage
    assert (usage.output_tokens, usage.summary_input_tokens, usage.summary_output_tokens) == (2, 30, 6)
    assert rig_.upstream.asked[1].deployment.name == "small-a"


@on_fake_clock
async def test_a_part_leaves_when_it_is_there_not_with_the_next_thought() -> None:
    thinks: list[Step] = [chunk(reasoning=STEP), 10.0, chunk(content="85"), finish()]
    rig_ = rig(thinks, [2.0, *ANSWER], summary_model=MODEL)
    seen = [(at, event) async for at, event in rig_.timed(ask())]
    assert [at for at, event in seen if isinstance(event, ReasoningSummaryDelta)] == [2]


@on_fake_clock
async def test_a_late_answer_is_replaced_by_the_local_text_after_the_limit() -> None:
    thinks: list[Step] = [chunk(reasoning=STEP), 10.0, chunk(content="85"), finish()]
    rig_ = rig(thinks, [100.0, *ANSWER], summary_model=MODEL)
    seen = [(at, event) async for at, event in rig_.timed(ask())]
    parts = [(at, event.source) for at, event in seen if isinstance(event, ReasoningSummaryDelta)]
    assert parts == [(3, SummarySource.LOCAL)]
    assert rig_.upstream.responses[1].closed


class BusyUpstream(FakeUpstream):
    """Gives nothing else a turn for a moment after each read: other streams have theirs."""

    async def open(self, deployment: Deployment, **asked: Any) -> FakeResponse:
        response = await super().open(deployment, **asked)
        read = response.read

        async def read_late() -> bytes:
            data = await read()
            loop = asyncio.get_running_loop()
            assert isinstance(loop, FakeClockLoop)
            loop.advance(0.2)
            return data

        response.read = read_late  # type: ignore[method-assign]
        return response


@on_fake_clock
async def test_a_limit_that_passes_while_the_loop_is_busy_ends_the_call() -> None:
    upstream = BusyUpstream([2.9, chunk(content="The sum"), 50.0, *ANSWER])
    fleet = Fleet([SMALL.deployment], gate_of=open_gates(), draw=lambda: 0.0)
    lease = partial(fleet.lease, [Route(name="small", targets=(SMALL,))], affinity_key="")
    answer = await AskedModel(upstream, lease=lease, timeout_s=3).ask(STEP)
    assert answer.text == ""
    assert fleet.members()[0].in_flight == 0
    assert fleet.members()[0].circuit.state is CircuitState.CLOSED
    assert upstream.responses[0].closed


@on_fake_clock
async def test_it_never_delays_output() -> None:
    thinks: list[Step] = [chunk(reasoning=STEP), 1.0, chunk(content="85"), finish()]
    rig_ = rig(thinks, [2.0, *ANSWER], summary_model=MODEL)
    seen = [(at, event) async for at, event in rig_.timed(ask())]
    assert [(at, type(e).__name__) for at, e in seen if isinstance(e, ReasoningSummaryDelta | OutputDelta)] == [
        (1, "ReasoningSummaryDelta"),
        (1, "OutputDelta"),
    ]
    assert seen[-1][0] == 1
    assert rig_.upstream.responses[1].closed


@on_fake_clock
async def test_its_failures_are_not_the_callers_matter() -> None:
    thinks: list[Step] = [chunk(reasoning=STEP), 1.0, chunk(content="85"), finish()]
    failure = UpstreamOverloaded("full", stage=Stage.FIRST_BYTE)
    events = await rig(thinks, [failure], summary_model=MODEL).events(ask())
    sources = [event.source for event in events if isinstance(event, ReasoningSummaryDelta)]
    assert sources == [SummarySource.LOCAL]
    assert isinstance(events[-1], Completed)


@on_fake_clock
async def test_its_failures_open_its_circuit_and_nobody_asks_it_then() -> None:
    thinks: list[Step] = [chunk(reasoning=STEP), 1.0, chunk(content="85"), finish()]
    failure = UpstreamOverloaded("full", stage=Stage.FIRST_BYTE)
    strict = deployment("small-a", breaker=BreakerPolicy(consecutive_failures=1))
    rig_ = rig(thinks, [failure], thinks, summary_model=MODEL, small=strict)
    for _ in range(2):
        assert isinstance((await rig_.events(ask()))[-1], Completed)
    assert [asked.deployment.name for asked in rig_.upstream.asked] == ["m-a", "small-a", "m-a"]


@on_fake_clock
async def test_where_its_upstream_has_no_room_nobody_waits_for_it() -> None:
    thinks: list[Step] = [chunk(reasoning=STEP), 1.0, chunk(content="85"), finish()]
    rig_ = rig(
        thinks, [9.0], summary_model=MODEL, limits=Limits(upstreams={"u-small-a": Concurrency(max_concurrency=1)})
    )
    gate = rig_.admission.gate_of("u-small-a")
    assert gate.enter()
    events = await rig_.events(ask())
    assert [event.source for event in events if isinstance(event, ReasoningSummaryDelta)] == [SummarySource.LOCAL]
    assert len(rig_.upstream.asked) == 1
    assert gate.view().in_flight == 1


@on_fake_clock
async def test_parts_leave_in_their_order_and_few_are_asked_at_once() -> None:
    steps = "".join(f"Then we find that {n}*7={n * 7} holds for box {n}.\n" for n in range(11, 23))
    thinks: list[Step] = [chunk(reasoning=steps), 8.0, chunk(content="85"), finish()]
    rig_ = rig(thinks, [2.0, *ANSWER], summary_model=MODEL)
    events = await rig_.events(ask(reasoning=Reasoning(summary=SummaryDetail.DETAILED)))
    parts = [event for event in events if isinstance(event, ReasoningSummaryDelta)]
    assert [part.part_index for part in parts] == list(range(len(parts)))
    assert [part.source for part in parts[:4]] == [SummarySource.MODEL] * 4
    assert len(rig_.upstream.asked) == 1 + 4
    assert all(part.source is SummarySource.LOCAL for part in parts[4:])


@on_fake_clock
async def test_a_client_that_leaves_ends_its_calls() -> None:
    rig_ = rig([chunk(reasoning=STEP), 1000.0], [1000.0], summary_model=MODEL)
    task = asyncio.create_task(rig_.events(ask()))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [response.closed for response in rig_.upstream.responses] == [True, True]
