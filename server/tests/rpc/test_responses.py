"""Events to messages: one member for each event, one value for each value, and the transcript of the contract."""

import json
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.json_format import MessageToDict, ParseDict
from triphase.gateway.v1 import (
    GenerateResponse,
    ListModelsResponse,
    StreamGenerateResponse,
    events_pb2,
    generation_pb2,
)
from triphase_server.core import events
from triphase_server.core.detection import Detection
from triphase_server.core.effort_policy import EffortPolicy
from triphase_server.core.fold import Fold
from triphase_server.core.request import Effort
from triphase_server.core.route import Deployment, Route, Target
from triphase_server.rpc.responses import (
    to_duration,
    to_generate_response,
    to_models_response,
    to_stream_response,
)

VECTORS = Path(__file__).parents[3] / "testdata/events"
APPLIED = events.AppliedReasoning(
    requested_effort=Effort.LOW,
    applied_effort=Effort.LOW,
    method="reasoning_effort",
    control=events.Control.ENGINE_FIELD,
    source=events.Source.REQUEST,
)
STARTED = events.Started(response_id="r1", route="reference", model="triphase-reference", reasoning=APPLIED)
ATTEMPT = events.AttemptStarted(
    attempt=1,
    deployment="embedded/reference",
    reason=events.AttemptReason.FIRST,
    reasoning=events.AppliedReasoning(),
)
COMPLETED = events.Completed(
    finish_reason=events.FinishReason.STOP,
    native_finish_reason="stop",
    usage=events.Usage(input_tokens=14, output_tokens=61, reasoning_tokens=49, reasoning_estimated=True),
    timings=events.Timings(first_reasoning_s=0.110, first_output_s=2.080, upstream_responded_s=0.020, total_s=2.310),
    reasoning=events.AppliedReasoning(),
    deployment="embedded/reference",
    model="triphase-reference",
    attempts=1,
)
LOCAL = events.SummarySource.LOCAL
TRANSCRIPT: list[events.Event] = [
    STARTED,
    events.PhaseStarted(phase=events.Phase.PROMPT_SUMMARY),
    events.PromptSummaryDelta(text="What is 47 + 38?", source=LOCAL),
    events.PhaseCompleted(phase=events.Phase.PROMPT_SUMMARY, duration_s=0.0),
    ATTEMPT,
    events.PhaseStarted(phase=events.Phase.REASONING_SUMMARY),
    events.ReasoningSummaryDelta(part_index=0, text="Ones: 7+8=15.", source=LOCAL),
    events.ReasoningSummaryDelta(part_index=1, text="Tens: 4+3+1=8.", source=LOCAL),
    events.PhaseCompleted(phase=events.Phase.REASONING_SUMMARY, duration_s=1.970),
    events.PhaseStarted(phase=events.Phase.FINAL_OUTPUT),
    events.OutputDelta("47 + "),
    events.OutputDelta("38 = 85"),
    events.PhaseCompleted(phase=events.Phase.FINAL_OUTPUT, duration_s=0.230),
    COMPLETED,
]


def vector(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text())
    return read


def without_empty_messages(message: dict[str, Any]) -> dict[str, Any]:
    # We write `reasoning: {}` where nothing was asked; the transcript leaves it out. To a reader both are the same.
    return {key: without_empty_messages(v) if isinstance(v, dict) else v for key, v in message.items() if v != {}}


def test_the_transcript_of_the_contract() -> None:
    written = [to_stream_response(event, sequence=sequence) for sequence, event in enumerate(TRANSCRIPT)]
    expected = [ParseDict(event, StreamGenerateResponse()) for event in vector("worked-transcript")["events"]]
    assert [without_empty_messages(MessageToDict(message)) for message in written] == [
        without_empty_messages(MessageToDict(message)) for message in expected
    ]


def test_the_fold_of_the_transcript() -> None:
    fold = Fold()
    for event in TRANSCRIPT:
        fold.feed(event)
    expected = ParseDict(vector("worked-transcript")["expect"]["fold"], GenerateResponse())
    written = MessageToDict(to_generate_response(fold.response))
    assert without_empty_messages(written) == without_empty_messages(MessageToDict(expected))


def test_a_whole_response_has_every_field() -> None:
    fold = Fold()
    for event in (
        replace(STARTED, client_request_id="mine"),
        events.PromptSummaryDelta(text="Asks.", source=LOCAL),
        events.ReasoningDelta("hm"),
        events.ReasoningSummaryDelta(part_index=0, text="Wrong.", source=LOCAL),
        events.ReasoningSummaryDelta(part_index=1, text="Right.", source=events.SummarySource.MODEL, replaces=0),
        events.OutputDelta("85"),
        events.ToolCallDelta(index=0, id="c", name="add", arguments="{"),
        events.ToolCallDelta(index=0, arguments="}"),
        COMPLETED,
    ):
        fold.feed(event)
    written = to_generate_response(fold.response)
    assert {field.name for field, _ in written.ListFields()} == set(written.DESCRIPTOR.fields_by_name)
    assert [(part.text, part.source) for part in written.reasoning_summary] == [
        ("Right.", events_pb2.SUMMARY_SOURCE_MODEL)
    ]
    assert (written.tool_calls[0].id, written.tool_calls[0].arguments) == ("c", "{}")


# Every event with all its fields set, and the member that it becomes.
MEMBERS: dict[str, events.Event] = {
    "started": replace(STARTED, client_request_id="mine"),
    "phase_started": events.PhaseStarted(phase=events.Phase.FINAL_OUTPUT),
    "prompt_summary_delta": events.PromptSummaryDelta(text="é", source=LOCAL),
    "reasoning_summary_delta": events.ReasoningSummaryDelta(part_index=3, text="界", source=LOCAL, replaces=2),
    "reasoning_delta": events.ReasoningDelta("hm"),
    "output_delta": events.OutputDelta("😀"),
    "tool_call_delta": events.ToolCallDelta(index=1, arguments="{", id="call-1", name="add"),
    "phase_completed": events.PhaseCompleted(phase=events.Phase.FINAL_OUTPUT, duration_s=1.5),
    "attempt_started": replace(ATTEMPT, reasoning=APPLIED),
    "heartbeat": events.Heartbeat(waiting_on=events.WaitingOn.FIRST_TOKEN),
    "completed": replace(COMPLETED, reasoning=APPLIED, reasoning_unclosed=True),
}


def test_every_member_but_one_has_its_event() -> None:
    oneof = {field.name for field in StreamGenerateResponse.DESCRIPTOR.oneofs_by_name["event"].fields}
    # A stream that breaks midway fails; nothing voids events yet.
    assert MEMBERS.keys() == oneof - {"restarted"}


@pytest.mark.parametrize("member", MEMBERS)
def test_an_event_becomes_its_member_with_every_field(member: str) -> None:
    written = to_stream_response(MEMBERS[member], sequence=7)
    assert written.sequence == 7
    assert written.WhichOneof("event") == member
    body = getattr(written, member)
    assert {field.name for field, _ in body.ListFields()} == set(body.DESCRIPTOR.fields_by_name)


def test_part_zero_can_be_replaced() -> None:
    delta = events.ReasoningSummaryDelta(part_index=1, text="x", source=LOCAL, replaces=0)
    written = to_stream_response(delta, sequence=0).reasoning_summary_delta
    assert (written.HasField("replaces_part_index"), written.replaces_part_index) == (True, 0)
    plain = to_stream_response(replace(delta, replaces=None), sequence=0).reasoning_summary_delta
    assert not plain.HasField("replaces_part_index")


@pytest.mark.parametrize("event", [events.OutputDelta(""), events.Restarted(discard_from_sequence=0)])
def test_a_member_of_zeros_is_there(event: events.Event) -> None:
    assert to_stream_response(event, sequence=0).WhichOneof("event") is not None


def phase(value: Any) -> int:
    return to_stream_response(events.PhaseStarted(phase=value), sequence=0).phase_started.phase


def source(value: Any) -> int:
    delta = events.PromptSummaryDelta(text="x", source=value)
    return to_stream_response(delta, sequence=0).prompt_summary_delta.source


def waiting_on(value: Any) -> int:
    return to_stream_response(events.Heartbeat(waiting_on=value), sequence=0).heartbeat.waiting_on


def reason(value: Any) -> int:
    return to_stream_response(replace(ATTEMPT, reason=value), sequence=0).attempt_started.reason


def finish_reason(value: Any) -> int:
    return to_stream_response(replace(COMPLETED, finish_reason=value), sequence=0).completed.finish_reason


def effort(value: Any) -> int:
    applied = events.AppliedReasoning(applied_effort=value)
    return to_stream_response(replace(STARTED, reasoning=applied), sequence=0).started.reasoning.applied_effort


def control(value: Any) -> int:
    applied = events.AppliedReasoning(control=value)
    return to_stream_response(replace(STARTED, reasoning=applied), sequence=0).started.reasoning.control


def decider(value: Any) -> int:
    applied = events.AppliedReasoning(source=value)
    return to_stream_response(replace(STARTED, reasoning=applied), sequence=0).started.reasoning.source


ENUMS: list[tuple[type[StrEnum], Any, Any]] = [
    (events.Phase, events_pb2.Phase, phase),
    (events.SummarySource, events_pb2.SummarySource, source),
    (events.WaitingOn, events_pb2.WaitingOn, waiting_on),
    (events.AttemptReason, events_pb2.AttemptReason, reason),
    (events.FinishReason, generation_pb2.FinishReason, finish_reason),
    (Effort, generation_pb2.ReasoningEffort, effort),
    (events.Control, generation_pb2.ReasoningControl, control),
    (events.Source, generation_pb2.ReasoningSource, decider),
]


@pytest.mark.parametrize(("ours", "wire", "written"), ENUMS, ids=[ours.__name__ for ours, _, _ in ENUMS])
def test_every_value_of_an_enum_has_its_value_on_the_wire(
    ours: type[StrEnum], wire: EnumTypeWrapper, written: Any
) -> None:
    names = {member: wire.Name(written(member)) for member in ours}
    assert all(name.endswith(f"_{member.name}") for member, name in names.items())
    assert len(set(names.values())) == len(names)
    # And back: every value of the wire but the unspecified one is one of ours.
    assert set(names.values()) == set(wire.keys()[1:])


def test_no_effort_is_unspecified() -> None:
    assert effort(None) == generation_pb2.REASONING_EFFORT_UNSPECIFIED


def test_what_was_applied_has_every_field() -> None:
    applied = replace(
        APPLIED, max_tokens=512, max_tokens_control=events.Control.FORCED_STOP, minimum_tokens=9, stopped=True
    )
    written = to_stream_response(replace(COMPLETED, reasoning=applied), sequence=0).completed.reasoning
    assert {field.name for field, _ in written.ListFields()} == set(written.DESCRIPTOR.fields_by_name)
    assert written.max_tokens_control == generation_pb2.REASONING_CONTROL_FORCED_STOP


def test_times_that_did_not_come_are_unset() -> None:
    written = to_stream_response(replace(COMPLETED, timings=events.Timings(total_s=1.0)), sequence=0).completed
    assert [field.name for field, _ in written.timings.ListFields()] == ["total"]


@pytest.mark.parametrize(
    ("seconds", "nanoseconds"),
    [(0.0, 0), (1.5, 1_500_000_000), (1e-6, 1000), (1e-9, 0), (-0.001, 0), (3600.000001, 3_600_000_001_000)],
)
def test_durations_are_microseconds_and_never_negative(seconds: float, nanoseconds: int) -> None:
    assert to_duration(seconds).ToNanoseconds() == nanoseconds


def test_models_tell_their_efforts_and_whether_they_think() -> None:
    thinker = Deployment(name="a", upstream="u", model="x", effort=EffortPolicy(supported=(Effort.LOW, Effort.MAX)))
    plain = replace(thinker, detection=Detection(fields=(), markers=()), effort=EffortPolicy(supported=()))
    deployments = {"thinker": thinker, "plain": plain}
    routes = tuple(Route(name=name, targets=(Target(deployment=one),)) for name, one in deployments.items())
    assert MessageToDict(to_models_response(routes)) == {
        "models": [
            {"name": "thinker", "efforts": ["REASONING_EFFORT_LOW", "REASONING_EFFORT_MAX"], "reasons": True},
            {"name": "plain"},
        ]
    }
    assert to_models_response(()) == ListModelsResponse()


@pytest.mark.parametrize(
    ("policy", "bounds"),
    [
        (EffortPolicy(), False),
        (EffortPolicy(budget_field="thinking_token_budget"), True),
        (EffortPolicy(enforces=True), True),
    ],
)
def test_models_tell_whether_thoughts_can_be_bounded(policy: EffortPolicy, *, bounds: bool) -> None:
    one = Deployment(name="a", upstream="u", model="x", effort=policy)
    (model,) = to_models_response((Route(name="r", targets=(Target(deployment=one),)),)).models
    assert model.bounds_reasoning is bounds
