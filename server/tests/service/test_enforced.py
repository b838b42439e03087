"""An attempt whose thoughts the gateway bounds: one answer out of several streams, each closed before the next."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from server_fakes.clock import now, on_fake_clock
from server_fakes.rig import Rig, ask, deployment, rig
from server_fakes.upstream import Step, chunk, finish
from triphase_server.core.effort_policy import EffortPolicy
from triphase_server.core.enforcement import Enforcement, Template, Way
from triphase_server.core.errors import (
    InvalidRequest,
    Stage,
    UpstreamConnectionLost,
    UpstreamContinuationFailed,
    UpstreamFirstByteTimeout,
    UpstreamFirstTokenTimeout,
    UpstreamModelMissing,
    UpstreamOutputTimeout,
    UpstreamReasoningTimeout,
    UpstreamRejected,
    UpstreamServerError,
    UpstreamTimeout,
    UpstreamTotalTimeout,
    UpstreamTruncated,
    Violation,
)
from triphase_server.core.events import (
    AttemptStarted,
    Completed,
    Event,
    Heartbeat,
    OutputDelta,
    ReasoningDelta,
    ToolCallDelta,
)
from triphase_server.core.request import Effort, GenerationRequest, Reasoning
from triphase_server.core.retry import RetryPolicy
from triphase_server.core.route import OnMidstreamFailure, Target, Timeouts

ENFORCEMENT = Enforcement(template=Template(source=""), controls=("<think>", "</think>"), opening="<think>")
CLOSING = ENFORCEMENT.closing
THINKS: list[Step] = [chunk(reasoning="one two"), chunk(reasoning=" three"), chunk(reasoning=" four"), 1000.0]


def answers(text: str = "Four.", **usage: int) -> list[Step]:
    return [text_chunk(text), finish("stop", **usage)]


def text_chunk(text: str) -> bytes:
    return chunk(content=text)


def bounded(*scripts: list[Step], way: Way = Way.COMPLETIONS, **changes: Any) -> Rig:
    enforcement = replace(ENFORCEMENT, way=way, **changes.pop("enforcement", {}))
    timeouts = changes.pop("timeouts", Timeouts())
    policy = EffortPolicy(enforces=True, minimum=True, supported=())
    one = deployment("m-a", enforcement=enforcement, effort=policy, timeouts=timeouts)
    return rig(*scripts, targets=[Target(deployment=one)], **changes)


def bound(tokens: int = 2, **fields: Any) -> GenerationRequest:
    return ask(reasoning=Reasoning(max_tokens=tokens, include_raw=True), **fields)


def at_least(tokens: int) -> GenerationRequest:
    return ask(reasoning=Reasoning(minimum_tokens=tokens, include_raw=True))


def told(events: list[Event]) -> tuple[str, str]:
    """The thoughts and the output."""
    thoughts = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    return thoughts, "".join(event.text for event in events if isinstance(event, OutputDelta))


def completed(events: list[Event]) -> Completed:
    assert isinstance(events[-1], Completed)
    return events[-1]


@on_fake_clock
async def test_a_thought_is_closed_at_its_budget_and_the_answer_follows_in_one_attempt() -> None:
    rig_ = bounded(THINKS, answers(prompt_tokens=20, completion_tokens=3))
    events = await rig_.events(bound(max_output_tokens=1000))
    assert told(events) == ("one two", "Four.")
    assert completed(events).reasoning.stopped
    assert completed(events).attempts == 1
    assert sum(isinstance(event, AttemptStarted) for event in events) == 1
    first, second = rig_.upstream.asked
    assert first.continuation is None
    assert second.continuation is not None
    assert second.continuation.prompt == f"{rig_.upstream.rendering.text}<think>one two{CLOSING}"
    assert second.continuation.written == f"<think>one two{CLOSING}"
    assert (second.continuation.delivered, second.continuation.max_tokens) == (2, 998)
    assert [response.closed for response in rig_.upstream.responses] == [True, True]
    assert now() == 0  # the first stream was left at once


@on_fake_clock
async def test_usage_counts_the_prompt_once_and_says_what_is_estimated() -> None:
    events = await bounded(THINKS, answers(prompt_tokens=20, completion_tokens=3)).events(bound())
    usage = completed(events).usage
    assert (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens) == (17, 5, 2)
    assert (usage.estimated, usage.reasoning_estimated) == (True, True)


@on_fake_clock
async def test_of_what_the_engine_counted_in_a_stream_that_was_cut_only_the_prompt_counts() -> None:
    counted = b'data: {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 300, '
    counted += b'"prompt_tokens_details": {"cached_tokens": 7}}}\n\n'
    thinks: list[Step] = [counted + chunk(reasoning="one two three four"), 1000.0]
    usage = completed(await bounded(thinks, answers(prompt_tokens=20, completion_tokens=4)).events(bound())).usage
    assert (usage.input_tokens, usage.cached_tokens) == (11, 7)
    assert (usage.output_tokens, usage.reasoning_tokens, usage.estimated) == (6, 2, True)


@on_fake_clock
async def test_where_no_engine_counts_everything_is_an_estimate() -> None:
    usage = completed(await bounded(THINKS, answers()).events(bound())).usage
    assert usage.estimated
    assert (usage.reasoning_tokens, usage.output_tokens) == (2, 3)
    assert usage.input_tokens == 4


@on_fake_clock
async def test_a_thought_that_ends_by_itself_is_one_stream_and_teaches_the_estimate() -> None:
    rig_ = bounded([chunk(reasoning="one two"), *answers(prompt_tokens=5, completion_tokens=40)])
    events = await rig_.events(bound(5))
    assert told(events) == ("one two", "Four.")
    assert not completed(events).reasoning.stopped
    assert completed(events).usage.input_tokens == 5
    assert len(rig_.upstream.asked) == 1
    assert rig_.upstream.rendering.learned == [(12, 40)]


@on_fake_clock
async def test_an_answer_that_nobody_counted_teaches_nothing() -> None:
    rig_ = bounded([chunk(reasoning="one two"), *answers()])
    await rig_.events(bound(5))
    assert rig_.upstream.rendering.learned == []


@on_fake_clock
async def test_none_asks_for_an_answer_behind_a_closed_thought() -> None:
    rig_ = bounded(answers(prompt_tokens=9, completion_tokens=2))
    events = await rig_.events(ask(reasoning=Reasoning(effort=Effort.NONE, include_raw=True)))
    assert told(events) == ("", "Four.")
    (asked,) = rig_.upstream.asked
    assert asked.continuation is not None
    assert asked.continuation.written == f"<think>{CLOSING}"
    assert not completed(events).reasoning.stopped


@on_fake_clock
async def test_a_thought_in_markers_is_cut_as_one_in_a_field_is() -> None:
    rig_ = bounded([text_chunk("<think>one two thr"), text_chunk("ee four"), 1000.0], answers("\n\nFour."))
    assert told(await rig_.events(bound())) == ("one two", "Four.")


@on_fake_clock
async def test_a_marker_that_the_model_repeats_in_the_continuation_is_framing() -> None:
    rig_ = bounded(THINKS, answers("</think>\n\nFour."))
    assert told(await rig_.events(bound())) == ("one two", "Four.")


@on_fake_clock
async def test_thoughts_after_the_end_are_closed_again_and_not_delivered() -> None:
    again: list[Step] = [text_chunk("<think>But wait. "), 1000.0]
    rig_ = bounded(THINKS, again, answers())
    assert told(await rig_.events(bound())) == ("one two", "Four.")
    last = rig_.upstream.asked[-1].continuation
    assert last is not None
    assert last.written == f"<think>one two{CLOSING}<think>{CLOSING}"


@on_fake_clock
async def test_a_model_that_never_stops_thinking_fails_typed() -> None:
    again: list[Step] = [text_chunk("<think>But wait. "), 1000.0]
    rig_ = bounded(THINKS, again)
    _, error = await rig_.failure(bound())
    assert type(error) is UpstreamContinuationFailed
    assert error.metadata["committed"] == "true"
    assert len(rig_.upstream.asked) == 4
    assert all(response.closed for response in rig_.upstream.responses)


@pytest.mark.parametrize("kind", [UpstreamRejected, UpstreamModelMissing])
@on_fake_clock
async def test_an_engine_that_refuses_to_go_on_is_told_of(kind: type[UpstreamRejected]) -> None:
    rig_ = bounded(THINKS, [kind("no", stage=Stage.FIRST_BYTE)], retry=RetryPolicy(max_attempts=3))
    events, error = await rig_.failure(bound())
    assert type(error) is UpstreamContinuationFailed
    assert error.stage is Stage.STREAM
    assert told(events) == ("one two", "")
    assert len(rig_.upstream.asked) == 2
    assert (error.metadata["reasoning_characters"], error.metadata["attempts"]) == ("7", "1")


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([UpstreamServerError("no", stage=Stage.FIRST_BYTE)], UpstreamServerError),
        ([text_chunk("Fo"), UpstreamConnectionLost("lost", stage=Stage.STREAM)], UpstreamConnectionLost),
        ([text_chunk("Fo")], UpstreamTruncated),
        ([b'data: {"error": {"message": "no", "code": 500}}\n\n'], UpstreamServerError),
    ],
    ids=["status", "reset", "cut", "in band"],
)
@on_fake_clock
async def test_what_fails_in_the_continuation_fails_the_answer_midstream(
    script: list[Step], kind: type[UpstreamServerError]
) -> None:
    rig_ = bounded(THINKS, script, retry=RetryPolicy(max_attempts=3))
    _, error = await rig_.failure(bound())
    assert type(error) is kind
    assert (error.stage, error.metadata["stage"]) == (Stage.STREAM, "stream")
    assert len(rig_.upstream.asked) == 2
    assert all(response.closed for response in rig_.upstream.responses)


@on_fake_clock
async def test_an_answer_that_fails_midstream_may_begin_anew_where_it_may_restart() -> None:
    fails: list[Step] = [UpstreamServerError("no", stage=Stage.FIRST_BYTE)]
    rig_ = bounded(
        THINKS,
        fails,
        THINKS,
        answers(),
        retry=RetryPolicy(max_attempts=2),
        on_midstream_failure=OnMidstreamFailure.RESTART,
    )
    events = await rig_.events(bound(accept_restarts=True))
    assert told(events) == ("one twoone two", "Four.")
    assert completed(events).attempts == 2


@on_fake_clock
async def test_the_first_stream_fails_as_any_does() -> None:
    refuses: list[Step] = [UpstreamRejected("no", stage=Stage.FIRST_BYTE)]
    _, error = await bounded(refuses).failure(bound())
    assert type(error) is UpstreamRejected


@pytest.mark.parametrize(
    ("script", "timeouts", "kind", "at"),
    [
        ([b": alive\n\n", 1000.0], {"first_token_s": 30}, UpstreamFirstTokenTimeout, 32),
        ([text_chunk("Fo"), 1000.0], {"between_output_s": 20}, UpstreamOutputTimeout, 22),
        ([1000.0], {"between_reasoning_s": 25}, UpstreamReasoningTimeout, 27),
        ([text_chunk("Fo"), 1000.0], {"total_s": 50}, UpstreamTotalTimeout, 50),
    ],
)
@on_fake_clock
async def test_a_continuation_has_the_limits_of_time_that_an_answer_has(
    script: list[Step], timeouts: dict[str, float], kind: type[UpstreamTimeout], at: float
) -> None:
    late: list[Step] = [chunk(reasoning="one two"), 2.0, chunk(reasoning=" three four"), 1000.0]
    rig_ = bounded(late, script, timeouts=Timeouts(**timeouts))
    _, error = await rig_.failure(bound())
    assert type(error) is kind
    assert (error.stage, now()) == (Stage.STREAM, at)
    assert all(response.closed for response in rig_.upstream.responses)


@on_fake_clock
async def test_a_head_that_does_not_come_in_time_closes_nothing_that_is_not_there() -> None:
    rig_ = bounded(THINKS, answers(), opens_after_s=20.0, timeouts=Timeouts(first_byte_s=15.0))
    _, error = await rig_.failure(bound())
    assert type(error) is UpstreamFirstByteTimeout
    assert (now(), rig_.upstream.cancelled) == (15, 1)


@on_fake_clock
async def test_nothing_of_a_continuation_is_read_ahead_of_a_slow_client() -> None:
    rig_ = bounded(THINKS, [text_chunk(f"{number} ") for number in range(50)] + answers())
    stream = rig_.timed(bound())
    async for _, event in stream:
        if isinstance(event, OutputDelta):
            break
    await asyncio.sleep(60)
    assert rig_.upstream.responses[1].reads == 1
    await stream.aclose()


@on_fake_clock
async def test_heartbeats_pass_while_the_continuation_is_awaited() -> None:
    events = await bounded(THINKS, [40.0, *answers()], heartbeat_s=15.0).events(bound())
    assert sum(isinstance(event, Heartbeat) for event in events) == 2
    assert told(events) == ("one two", "Four.")


@pytest.mark.parametrize("streams", [1, 2])
@on_fake_clock
async def test_a_client_that_leaves_closes_whichever_stream_is_open(streams: int) -> None:
    slow: list[Step] = [chunk(reasoning="one"), 1000.0] if streams == 1 else THINKS
    rig_ = bounded(slow, [text_chunk("Fo"), 1000.0])
    seen = ReasoningDelta if streams == 1 else OutputDelta
    stream = rig_.timed(bound(300 if streams == 1 else 2))
    async for _, event in stream:
        if isinstance(event, seen):
            break
    await stream.aclose()
    assert [response.closed for response in rig_.upstream.responses] == [True] * streams
    assert rig_.fleet.members()[0].in_flight == 0


@on_fake_clock
async def test_what_keeps_the_prompt_from_being_rendered_is_known_before_anything_is_asked() -> None:
    rig_ = bounded(THINKS, retry=RetryPolicy(max_attempts=3))
    rig_.upstream.rendering.refusal = InvalidRequest((Violation(field="messages", description="no"),))
    _, error = await rig_.failure(bound())
    assert isinstance(error, InvalidRequest)
    assert rig_.upstream.asked == []
    assert rig_.fleet.members()[0].in_flight == 0


@on_fake_clock
async def test_a_request_that_cannot_be_bounded_goes_where_it_can_be() -> None:
    able = deployment("m-b", effort=EffortPolicy(budget_field="budget"))
    unable = deployment("m-a", enforcement=ENFORCEMENT, effort=EffortPolicy(enforces=True))
    rig_ = rig(answers(), targets=[Target(deployment=unable), Target(deployment=able, priority=1)])
    events = await rig_.events(replace(bound(), messages=ask("Say <think>.").messages))
    assert completed(events).deployment == "m-b"


@on_fake_clock
async def test_why_a_bound_cannot_be_kept_is_told_by_the_deployment_that_has_one() -> None:
    able = deployment("m-b", enforcement=ENFORCEMENT, effort=EffortPolicy(enforces=True))
    rig_ = rig(answers(), targets=[Target(deployment=deployment("m-a")), Target(deployment=able)])
    with pytest.raises(InvalidRequest, match="control token"):
        await rig_.events(replace(bound(), messages=ask("Say <think>.").messages))
    assert not rig_.upstream.asked


@on_fake_clock
async def test_a_prefill_that_the_template_keeps_exactly_is_used() -> None:
    rig_ = bounded(THINKS, answers(), way=Way.PREFILL)
    assert told(await rig_.events(bound())) == ("one two", "Four.")


@on_fake_clock
async def test_a_prefill_that_it_does_not_keep_is_told_before_anything_is_asked() -> None:
    rig_ = bounded(THINKS, answers(), way=Way.PREFILL, retry=RetryPolicy(max_attempts=3))
    rig_.upstream.rendering.is_exact = False
    _, error = await rig_.failure(bound())
    assert type(error) is UpstreamContinuationFailed
    assert error.stage is Stage.CONNECT
    assert rig_.upstream.asked == []


@on_fake_clock
async def test_a_thought_that_is_too_short_goes_on_and_says_so() -> None:
    short: list[Step] = [chunk(reasoning="one two"), chunk(content="Four."), 1000.0]
    more: list[Step] = [text_chunk(", three"), text_chunk(" four.</think>\n\n"), *answers("Five.")]
    rig_ = bounded(short, more)
    events = await rig_.events(at_least(4))
    assert told(events) == ("one two\nWait, three four.", "Five.")
    asked = rig_.upstream.asked[1].continuation
    assert asked is not None
    assert asked.prompt.endswith("<think>one two\nWait")
    assert not completed(events).reasoning.stopped
    assert completed(events).reasoning.minimum_tokens == 4
    assert completed(events).usage.reasoning_estimated


@on_fake_clock
async def test_a_word_that_is_withheld_leaves_with_the_end_of_the_stream() -> None:
    thinks: list[Step] = [chunk(reasoning="one two"), finish()]
    events = await bounded(thinks).events(bound(5))
    assert told(events) == ("one two", "")
    assert completed(events).reasoning_unclosed


@on_fake_clock
async def test_tool_calls_count_as_output() -> None:
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
    rig_ = bounded([chunk(reasoning="one"), chunk(tool_calls=[call]), 1.0, b"data: broken\n\n"], way=Way.PREFILL)
    events, error = await rig_.failure(bound(5))
    assert any(isinstance(event, ToolCallDelta) for event in events)
    assert isinstance(error, Exception)
    assert getattr(error, "metadata", {})["output_characters"] == "2"


@on_fake_clock
async def test_a_hedge_may_be_bounded_too() -> None:
    both = [deployment(name, enforcement=ENFORCEMENT, effort=EffortPolicy(enforces=True)) for name in ("m-a", "m-b")]
    targets = [Target(deployment=one, priority=place) for place, one in enumerate(both)]
    rig_ = rig([1000.0], THINKS, answers(), targets=targets, retry=RetryPolicy(max_attempts=2), hedge_after_s=3.0)
    events = await rig_.events(bound())
    assert told(events) == ("one two", "Four.")
    assert completed(events).deployment == "m-b"
    assert now() == 3
    assert all(response.closed for response in rig_.upstream.responses)
