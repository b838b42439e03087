"""The use case on a fake upstream and a fake clock: which events come, in which order, and when."""

import asyncio
from contextlib import aclosing

import pytest
from server_fakes.clock import now, on_fake_clock
from server_fakes.rig import ask, deployment, rig
from server_fakes.upstream import Step, chunk, finish
from triphase_server.core.effort_policy import EffortPolicy
from triphase_server.core.errors import (
    InvalidRequest,
    Stage,
    UnknownModel,
    UpstreamConnectionLost,
    UpstreamOverloaded,
    UpstreamTruncated,
)
from triphase_server.core.events import (
    AttemptStarted,
    Completed,
    Event,
    FinishReason,
    Heartbeat,
    OutputDelta,
    Phase,
    PhaseCompleted,
    PhaseStarted,
    PromptSummaryDelta,
    ReasoningDelta,
    ReasoningSummaryDelta,
    Started,
    ToolCallDelta,
    WaitingOn,
)
from triphase_server.core.request import Effort, Reasoning, SummaryDetail
from triphase_server.core.route import Target, Timeouts

THOUGHTS = "I need to add 47 and 38. Ones: 7+8=15. Write 5, carry 1. Tens: 4+3+1=8. So 47+38=85.\n"
THINKS = [chunk(reasoning=THOUGHTS), chunk(content="47 + 38 = 85"), finish(prompt_tokens=19, completion_tokens=68)]


def kinds(events: list[Event]) -> list[str]:
    """The types in order, runs of one type as one."""
    names = [type(event).__name__ for event in events]
    return [name for index, name in enumerate(names) if index == 0 or names[index - 1] != name]


@on_fake_clock
async def test_the_three_phases_in_their_order() -> None:
    events = await rig(THINKS).events(ask(client_request_id="mine"))
    assert kinds(events) == [
        "Started", "PhaseStarted", "PromptSummaryDelta", "PhaseCompleted", "AttemptStarted",
        "PhaseStarted", "ReasoningSummaryDelta", "PhaseCompleted", "PhaseStarted", "OutputDelta", "PhaseCompleted",
        "Completed",
    ]  # fmt: skip
    started, completed = events[0], events[-1]
    assert isinstance(started, Started)
    assert (started.response_id, started.route, started.model) == ("resp-1", "m", "engine-m-a")
    assert started.client_request_id == "mine"
    assert isinstance(completed, Completed)
    assert completed.finish_reason is FinishReason.STOP
    assert (completed.usage.input_tokens, completed.usage.output_tokens) == (19, 68)
    assert (completed.deployment, completed.attempts) == ("m-a", 1)
    phases = [event.phase for event in events if isinstance(event, PhaseStarted)]
    assert phases == [Phase.PROMPT_SUMMARY, Phase.REASONING_SUMMARY, Phase.FINAL_OUTPUT]


@on_fake_clock
async def test_the_first_events_do_not_wait_for_the_upstream() -> None:
    seen = [(at, event) async for at, event in rig(THINKS, opens_after_s=60).timed(ask())]
    assert [at for at, _ in seen[:5]] == [0, 0, 0, 0, 0]
    assert isinstance(seen[4][1], AttemptStarted)
    assert isinstance(seen[2][1], PromptSummaryDelta)
    assert seen[-1][0] == 60


@on_fake_clock
async def test_heartbeats_say_what_is_waited_for() -> None:
    script: list[Step] = [18.0, chunk(content="4"), 20.0, chunk(content="2"), finish()]
    seen = [(at, event) async for at, event in rig(script, opens_after_s=40).timed(ask())]
    beats = [(at, event.waiting_on) for at, event in seen if isinstance(event, Heartbeat)]
    assert beats == [
        (15, WaitingOn.UPSTREAM),
        (30, WaitingOn.UPSTREAM),
        (45, WaitingOn.FIRST_TOKEN),
        (73, WaitingOn.NEXT_TOKEN),
    ]


@on_fake_clock
async def test_heartbeats_come_while_thoughts_stream_that_nobody_sees() -> None:
    script = [step for _ in range(40) for step in (1.0, chunk(reasoning="hm "))]
    request = ask(reasoning=Reasoning(summary=SummaryDetail.NONE))
    seen = [(at, event) async for at, event in rig([*script, chunk(content="x"), finish()]).timed(request)]
    assert [at for at, event in seen if isinstance(event, Heartbeat)] == [15, 30]


@on_fake_clock
async def test_comments_of_the_upstream_are_life_but_no_event() -> None:
    script = [step for _ in range(40) for step in (4.0, b": ping\n\n")]
    timeouts = Timeouts(between_reasoning_s=10, between_output_s=10)
    rig_ = rig([*script, chunk(content="x"), finish()], timeouts=timeouts)
    seen = [(at, event) async for at, event in rig_.timed(ask())]
    assert [at for at, event in seen if isinstance(event, Heartbeat)] == [15.0 * n for n in range(1, 11)]
    assert isinstance(seen[-1][1], Completed)


@on_fake_clock
async def test_comments_behind_the_finish_reason_hold_an_answer_for_a_few_seconds_only() -> None:
    script = [step for _ in range(40) for step in (2.0, b": ping\n\n")]
    without_end_marker = finish().removesuffix(b"data: [DONE]\n\n")
    rig_ = rig([chunk(content="x"), without_end_marker, *script])
    seen = [(at, event) async for at, event in rig_.timed(ask())]
    assert isinstance(seen[-1][1], Completed)
    assert seen[-1][0] == 5
    assert rig_.upstream.responses[0].closed


@on_fake_clock
async def test_a_model_that_does_not_think_has_no_reasoning_phase() -> None:
    events = await rig([chunk(content="Hello"), finish()]).events(ask())
    phases = [event.phase for event in events if isinstance(event, PhaseStarted)]
    assert phases == [Phase.PROMPT_SUMMARY, Phase.FINAL_OUTPUT]


@on_fake_clock
async def test_phases_alternate_where_a_model_thinks_again() -> None:
    script = [chunk(reasoning="First 1+1=2. "), chunk(content="a"), chunk(reasoning="Then 2+2=4. "), chunk(content="b")]
    events = await rig([*script, finish()]).events(ask())
    spans = [event.phase for event in events if isinstance(event, PhaseStarted | PhaseCompleted)]
    thinking, output = Phase.REASONING_SUMMARY, Phase.FINAL_OUTPUT
    assert spans[2:] == [thinking, thinking, output, output, thinking, thinking, output, output]
    indices = [event.part_index for event in events if isinstance(event, ReasoningSummaryDelta)]
    assert indices == list(range(len(indices)))
    assert len(indices) == 2


@on_fake_clock
async def test_tool_calls_belong_to_the_output() -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "add", "arguments": "{}"}}
    events = await rig([chunk(tool_calls=[call]), finish("tool_calls")]).events(ask())
    assert [event for event in events if isinstance(event, ToolCallDelta)] == [
        ToolCallDelta(index=0, id="c1", name="add", arguments="{}")
    ]
    assert isinstance(events[-1], Completed)
    assert events[-1].finish_reason is FinishReason.TOOL_CALLS


@on_fake_clock
async def test_raw_thoughts_only_on_request() -> None:
    events = await rig(THINKS).events(ask())
    assert not [event for event in events if isinstance(event, ReasoningDelta)]
    events = await rig(THINKS).events(ask(reasoning=Reasoning(include_raw=True)))
    raw = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    assert raw.strip() == THOUGHTS.strip()


@on_fake_clock
async def test_summaries_can_be_turned_off() -> None:
    off = rig(THINKS, prompt_summary=False, reasoning_summary=False)
    phases = [event.phase for event in await off.events(ask()) if isinstance(event, PhaseStarted)]
    assert phases == [Phase.FINAL_OUTPUT]


@on_fake_clock
async def test_a_route_can_refuse_raw_thoughts() -> None:
    with pytest.raises(InvalidRequest, match=r"reasoning\.include_raw"):
        await rig(THINKS, raw_reasoning=False).events(ask(reasoning=Reasoning(include_raw=True)))


@on_fake_clock
async def test_what_is_ready_together_leaves_as_one_event() -> None:
    block = b"".join(chunk(content=letter) for letter in "abcdef")
    events = await rig([block, finish()]).events(ask())
    assert [event for event in events if isinstance(event, OutputDelta)] == [OutputDelta("abcdef")]


@on_fake_clock
async def test_effort_is_planned_reported_and_sent() -> None:
    effort = EffortPolicy(supported=(Effort.LOW, Effort.HIGH))
    rig_ = rig(THINKS, targets=[Target(deployment=deployment("m-a", effort=effort))])
    events = await rig_.events(ask(reasoning=Reasoning(effort=Effort.HIGH)))
    assert rig_.upstream.asked[0].reasoning_body == {"reasoning_effort": "high"}
    applied = [event.reasoning for event in events if isinstance(event, Started | AttemptStarted | Completed)]
    assert {(a.requested_effort, a.applied_effort, a.method) for a in applied} == {
        (Effort.HIGH, Effort.HIGH, "reasoning_effort")
    }
    with pytest.raises(InvalidRequest, match="this model supports: low, high"):
        await rig_.events(ask(reasoning=Reasoning(effort=Effort.MEDIUM)))


@on_fake_clock
async def test_an_effort_that_no_deployment_gives_is_refused_with_those_of_the_whole_route() -> None:
    some = {"m-a": (Effort.NONE, Effort.HIGH), "m-b": (Effort.LOW,)}
    targets = [Target(deployment=deployment(n, effort=EffortPolicy(supported=e))) for n, e in some.items()]
    with pytest.raises(InvalidRequest, match=r"this model supports: none, low, high$"):
        await rig(THINKS, targets=targets).events(ask(reasoning=Reasoning(effort=Effort.MAX)))
    # What is wrong for another reason is told as it is.
    with pytest.raises(InvalidRequest, match=r"reasoning\.max_tokens"):
        await rig(THINKS, targets=targets).events(ask(reasoning=Reasoning(effort=Effort.HIGH, max_tokens=5)))


@on_fake_clock
async def test_an_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(UnknownModel, match="no model is named 'n'; known models: m, small"):
        await rig(THINKS).events(ask(model="n"))


@on_fake_clock
async def test_an_upstream_that_refuses_fails_the_stream_after_its_opening() -> None:
    refusal = UpstreamOverloaded("full", stage=Stage.FIRST_BYTE, retry_after_s=7)
    rig_ = rig([refusal])
    seen, error = await rig_.failure(ask())
    assert len(seen) == 5
    assert error is refusal
    known = {"response_id": "resp-1", "route": "m", "deployment": "m-a", "stage": "first_byte"}
    assert refusal.metadata == known | {"attempts": "1", "committed": "false", "retry_may_help": "true"}
    assert rig_.outcomes[0].error is refusal


@on_fake_clock
async def test_a_stream_that_breaks_gives_first_what_had_come() -> None:
    lost = UpstreamConnectionLost("reset", stage=Stage.STREAM)
    seen, error = await rig([chunk(content="half"), lost]).failure(ask())
    assert error is lost
    assert [event for event in seen if isinstance(event, OutputDelta)] == [OutputDelta("half")]
    assert not [event for event in seen if isinstance(event, Completed)]


@on_fake_clock
async def test_a_stream_without_an_end_is_truncated() -> None:
    seen, error = await rig([chunk(content="half")]).failure(ask())
    assert isinstance(error, UpstreamTruncated)
    assert OutputDelta("half") in seen


@pytest.mark.parametrize("leave_at", [0.5, 1.5, 2.5], ids=["before the head", "before a token", "in the output"])
@on_fake_clock
async def test_a_client_that_leaves_closes_the_upstream(leave_at: float) -> None:
    rig_ = rig([1.0, chunk(content="a"), 1000.0], opens_after_s=1.0)
    task = asyncio.create_task(rig_.events(ask()))
    await asyncio.sleep(leave_at)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert rig_.upstream.cancelled or rig_.upstream.responses[0].closed
    outcome = rig_.outcomes[0]
    assert (outcome.completed, outcome.error) == (None, None)


@on_fake_clock
async def test_the_upstream_is_asked_while_the_prompt_summary_leaves() -> None:
    rig_ = rig(THINKS)
    asked: dict[str, tuple[int, int]] = {}
    async with aclosing(rig_.timed(ask())) as timed:
        async for _, event in timed:
            before = len(rig_.upstream.asked)
            await asyncio.sleep(0.001)  # a client that takes its time
            asked.setdefault(type(event).__name__, (before, len(rig_.upstream.asked)))
    assert asked["PhaseStarted"] == (0, 0)
    assert asked["PromptSummaryDelta"] == (0, 1)


@on_fake_clock
async def test_without_a_prompt_summary_the_upstream_is_asked_all_the_same() -> None:
    events = await rig(THINKS, prompt_summary=False).events(ask())
    assert kinds(events)[:3] == ["Started", "AttemptStarted", "PhaseStarted"]
    assert isinstance(events[-1], Completed)


@pytest.mark.parametrize("events_seen", [2, 3, 5])
@on_fake_clock
async def test_a_client_that_leaves_in_the_opening_leaves_nothing_open(events_seen: int) -> None:
    rig_ = rig([1000.0])
    async with aclosing(rig_.timed(ask())) as timed:
        for _ in range(events_seen):
            await anext(timed)
        await asyncio.sleep(1.0)
    assert len(rig_.upstream.asked) == (events_seen > 2)
    assert all(response.closed for response in rig_.upstream.responses)


@on_fake_clock
async def test_a_client_that_leaves_as_the_head_arrives_leaves_nothing_open() -> None:
    rig_ = rig([1000.0], opens_after_s=1.0)
    task = asyncio.create_task(rig_.events(ask()))
    asyncio.get_running_loop().call_at(1.0, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert rig_.upstream.cancelled or rig_.upstream.responses[0].closed


@on_fake_clock
async def test_nothing_is_read_ahead_of_a_slow_reader() -> None:
    rig_ = rig([chunk(content="a") for _ in range(100)] + [finish()])
    outputs = 0
    async for _, event in rig_.timed(ask()):
        if isinstance(event, OutputDelta):
            outputs += 1
            await asyncio.sleep(1)
            assert rig_.upstream.responses[0].reads == outputs


@on_fake_clock
async def test_timings_tell_when_things_came() -> None:
    script: list[Step] = [1.0, chunk(reasoning="2+2=4. "), 2.0, chunk(content="4"), 3.0, finish()]
    completed = (await rig(script, opens_after_s=0.5).events(ask()))[-1]
    assert isinstance(completed, Completed)
    timings = completed.timings
    times = (timings.upstream_responded_s, timings.first_reasoning_s, timings.first_output_s, timings.total_s)
    assert times == (0.5, 1.5, 3.5, 6.5)


@on_fake_clock
async def test_usage_is_estimated_where_the_engine_does_not_count() -> None:
    completed = (await rig([chunk(content="four four"), finish()]).events(ask("x" * 40)))[-1]
    assert isinstance(completed, Completed)
    assert completed.usage.estimated
    assert completed.usage.input_tokens == 10
    assert completed.usage.output_tokens > 0


@on_fake_clock
async def test_a_body_is_read_to_its_end_so_that_its_connection_can_be_used_again() -> None:
    rig_ = rig([chunk(content="a"), finish(), 0.01, b": bye\n\n"])
    await rig_.events(ask())
    assert rig_.upstream.responses[0].steps == []


@pytest.mark.parametrize(
    "after", [1000.0, UpstreamConnectionLost("reset", stage=Stage.STREAM)], ids=["silence", "reset"]
)
@on_fake_clock
async def test_what_comes_after_the_end_marker_can_neither_delay_nor_fail_the_answer(after: Step) -> None:
    timed = [(at, event) async for at, event in rig([chunk(content="a"), finish(), after]).timed(ask())]
    at, last = timed[-1]
    assert isinstance(last, Completed)
    assert at == 0
    assert now() <= 0.1


@on_fake_clock
async def test_an_engine_that_stays_silent_after_its_finish_reason_has_answered() -> None:
    end = finish().removesuffix(b"data: [DONE]\n\n")
    events = await rig([chunk(content="a"), end, 1000.0]).events(ask())
    assert isinstance(events[-1], Completed)
    assert now() == 5


@pytest.mark.parametrize(
    ("heartbeat_s", "timeouts", "ended_at"),
    [(2.0, Timeouts(), 5), (15.0, Timeouts(between_output_s=3.0), 3)],
    ids=["heartbeats come meanwhile", "silence is bounded more tightly"],
)
@on_fake_clock
async def test_silence_after_the_finish_reason_never_fails_the_answer(
    heartbeat_s: float, timeouts: Timeouts, ended_at: float
) -> None:
    script: list[Step] = [chunk(content="a"), finish().removesuffix(b"data: [DONE]\n\n"), 1000.0]
    events = await rig(script, heartbeat_s=heartbeat_s, timeouts=timeouts).events(ask())
    assert isinstance(events[-1], Completed)
    assert now() == ended_at


@on_fake_clock
async def test_a_connection_that_breaks_after_the_finish_reason_does_not_fail_the_answer() -> None:
    script: list[Step] = [
        chunk(content="a"),
        finish().removesuffix(b"data: [DONE]\n\n"),
        UpstreamConnectionLost("reset", stage=Stage.STREAM),
    ]
    rig_ = rig(script)
    completed = (await rig_.events(ask()))[-1]
    assert isinstance(completed, Completed)
    assert completed.finish_reason is FinishReason.STOP
    assert completed.usage.estimated
    assert rig_.upstream.responses[0].closed
