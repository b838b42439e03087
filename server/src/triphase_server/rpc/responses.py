"""Values of core to the wire: one table from events to the members of `StreamGenerateResponse.event`."""

from collections.abc import Mapping
from typing import assert_never

from google.protobuf.duration_pb2 import Duration
from triphase.gateway.v1 import (
    GenerateResponse,
    ListModelsResponse,
    Model,
    ReasoningSummaryPart,
    StreamGenerateResponse,
    conversation_pb2,
    events_pb2,
    generation_pb2,
)

from triphase_server.core import events
from triphase_server.core.fold import FoldedResponse
from triphase_server.core.request import Effort
from triphase_server.core.route import Route

_PHASES: Mapping[events.Phase, "events_pb2.Phase.ValueType"] = {
    events.Phase.PROMPT_SUMMARY: events_pb2.PHASE_PROMPT_SUMMARY,
    events.Phase.REASONING_SUMMARY: events_pb2.PHASE_REASONING_SUMMARY,
    events.Phase.FINAL_OUTPUT: events_pb2.PHASE_FINAL_OUTPUT,
}
_SOURCES: Mapping[events.SummarySource, "events_pb2.SummarySource.ValueType"] = {
    events.SummarySource.LOCAL: events_pb2.SUMMARY_SOURCE_LOCAL,
    events.SummarySource.MODEL: events_pb2.SUMMARY_SOURCE_MODEL,
}
_WAITING_ON: Mapping[events.WaitingOn, "events_pb2.WaitingOn.ValueType"] = {
    events.WaitingOn.ADMISSION: events_pb2.WAITING_ON_ADMISSION,
    events.WaitingOn.UPSTREAM: events_pb2.WAITING_ON_UPSTREAM,
    events.WaitingOn.FIRST_TOKEN: events_pb2.WAITING_ON_FIRST_TOKEN,
    events.WaitingOn.NEXT_TOKEN: events_pb2.WAITING_ON_NEXT_TOKEN,
}
_REASONS: Mapping[events.AttemptReason, "events_pb2.AttemptReason.ValueType"] = {
    events.AttemptReason.FIRST: events_pb2.ATTEMPT_REASON_FIRST,
    events.AttemptReason.RETRY: events_pb2.ATTEMPT_REASON_RETRY,
    events.AttemptReason.FALLBACK: events_pb2.ATTEMPT_REASON_FALLBACK,
    events.AttemptReason.HEDGE: events_pb2.ATTEMPT_REASON_HEDGE,
}
_FINISH_REASONS: Mapping[events.FinishReason, "generation_pb2.FinishReason.ValueType"] = {
    events.FinishReason.STOP: generation_pb2.FINISH_REASON_STOP,
    events.FinishReason.LENGTH: generation_pb2.FINISH_REASON_LENGTH,
    events.FinishReason.TOOL_CALLS: generation_pb2.FINISH_REASON_TOOL_CALLS,
    events.FinishReason.CONTENT_FILTER: generation_pb2.FINISH_REASON_CONTENT_FILTER,
    events.FinishReason.OTHER: generation_pb2.FINISH_REASON_OTHER,
}
_EFFORTS: Mapping[Effort | None, "generation_pb2.ReasoningEffort.ValueType"] = {
    None: generation_pb2.REASONING_EFFORT_UNSPECIFIED,
    Effort.NONE: generation_pb2.REASONING_EFFORT_NONE,
    Effort.MINIMAL: generation_pb2.REASONING_EFFORT_MINIMAL,
    Effort.LOW: generation_pb2.REASONING_EFFORT_LOW,
    Effort.MEDIUM: generation_pb2.REASONING_EFFORT_MEDIUM,
    Effort.HIGH: generation_pb2.REASONING_EFFORT_HIGH,
    Effort.XHIGH: generation_pb2.REASONING_EFFORT_XHIGH,
    Effort.MAX: generation_pb2.REASONING_EFFORT_MAX,
}
_CONTROLS: Mapping[events.Control | None, "generation_pb2.ReasoningControl.ValueType"] = {
    None: generation_pb2.REASONING_CONTROL_UNSPECIFIED,
    events.Control.TEMPLATE_VARIABLE: generation_pb2.REASONING_CONTROL_TEMPLATE_VARIABLE,
    events.Control.ENGINE_FIELD: generation_pb2.REASONING_CONTROL_ENGINE_FIELD,
    events.Control.ENGINE_BUDGET: generation_pb2.REASONING_CONTROL_ENGINE_BUDGET,
    events.Control.FORCED_STOP: generation_pb2.REASONING_CONTROL_FORCED_STOP,
    events.Control.PREFILL: generation_pb2.REASONING_CONTROL_PREFILL,
}
_DECIDERS: Mapping[events.Source | None, "generation_pb2.ReasoningSource.ValueType"] = {
    None: generation_pb2.REASONING_SOURCE_UNSPECIFIED,
    events.Source.REQUEST: generation_pb2.REASONING_SOURCE_REQUEST,
    events.Source.DEFAULT: generation_pb2.REASONING_SOURCE_DEFAULT,
    events.Source.CLAMP: generation_pb2.REASONING_SOURCE_CLAMP,
    events.Source.EXTRA_BODY: generation_pb2.REASONING_SOURCE_EXTRA_BODY,
}


def to_stream_response(event: events.Event, *, sequence: int) -> StreamGenerateResponse:  # noqa: C901, PLR0912 - one flat table
    """Returns the message of one event. The deltas come first: they are nearly all of the traffic."""
    message = StreamGenerateResponse(sequence=sequence)
    match event:  # filled in place where that is short: a message of its own for the member would be copied
        case events.OutputDelta(text):
            message.output_delta.text = text
        case events.ReasoningSummaryDelta():
            message.reasoning_summary_delta.CopyFrom(_summary_delta(event))
        case events.ReasoningDelta(text):
            message.reasoning_delta.text = text
        case events.ToolCallDelta():
            message.tool_call_delta.CopyFrom(_tool_call_delta(event))
        case events.Heartbeat():
            message.heartbeat.waiting_on = _WAITING_ON[event.waiting_on]
        case events.Restarted():
            message.restarted.discard_from_sequence = event.discard_from_sequence
        case events.PhaseStarted():
            message.phase_started.phase = _PHASES[event.phase]
        case events.PhaseCompleted():
            message.phase_completed.CopyFrom(_phase_completed(event))
        case events.PromptSummaryDelta():
            message.prompt_summary_delta.text = event.text
            message.prompt_summary_delta.source = _SOURCES[event.source]
        case events.Started():
            message.started.CopyFrom(_started(event))
        case events.AttemptStarted():
            message.attempt_started.CopyFrom(_attempt_started(event))
        case events.Completed():
            message.completed.CopyFrom(to_completed(event))
        case _:
            assert_never(event)
    return message


def to_generate_response(folded: FoldedResponse) -> GenerateResponse:
    """Returns the message of a whole response."""
    return GenerateResponse(
        response_id=folded.started.response_id,
        route=folded.started.route,
        prompt_summary=folded.prompt_summary,
        reasoning_summary=[
            ReasoningSummaryPart(text=part.text, source=_SOURCES[part.source]) for part in folded.reasoning_summary
        ],
        reasoning=folded.reasoning,
        output=folded.output,
        tool_calls=[
            conversation_pb2.ToolCall(id=call.id, name=call.name, arguments=call.arguments)
            for call in folded.tool_calls
        ],
        completed=to_completed(folded.completed),
        client_request_id=folded.started.client_request_id,
    )


def to_models_response(routes: tuple[Route, ...]) -> ListModelsResponse:
    """Returns the message of the routes."""
    return ListModelsResponse(
        models=[
            Model(
                name=route.name,
                efforts=[_EFFORTS[effort] for effort in route.efforts],
                reasons=route.reasons,
                bounds_reasoning=route.bounds_reasoning,
            )
            for route in routes
        ]
    )


def to_completed(event: events.Completed) -> events_pb2.Completed:
    """Returns the message of a stream's end."""
    return events_pb2.Completed(
        finish_reason=_FINISH_REASONS[event.finish_reason],
        native_finish_reason=event.native_finish_reason,
        usage=_usage(event.usage),
        timings=_timings(event.timings),
        reasoning=_applied(event.reasoning),
        deployment=event.deployment,
        model=event.model,
        attempts=event.attempts,
        reasoning_unclosed=event.reasoning_unclosed,
    )


def to_duration(seconds: float) -> Duration:
    """Returns a duration, to the microsecond."""
    duration = Duration()
    duration.FromMicroseconds(max(0, round(seconds * 1_000_000)))
    return duration


def _summary_delta(event: events.ReasoningSummaryDelta) -> events_pb2.ReasoningSummaryDelta:
    return events_pb2.ReasoningSummaryDelta(
        part_index=event.part_index,
        text=event.text,
        source=_SOURCES[event.source],
        replaces_part_index=event.replaces,
    )


def _tool_call_delta(event: events.ToolCallDelta) -> events_pb2.ToolCallDelta:
    return events_pb2.ToolCallDelta(index=event.index, id=event.id, name=event.name, arguments=event.arguments)


def _phase_completed(event: events.PhaseCompleted) -> events_pb2.PhaseCompleted:
    return events_pb2.PhaseCompleted(phase=_PHASES[event.phase], duration=to_duration(event.duration_s))


def _started(event: events.Started) -> events_pb2.Started:
    return events_pb2.Started(
        response_id=event.response_id,
        route=event.route,
        model=event.model,
        reasoning=_applied(event.reasoning),
        client_request_id=event.client_request_id,
    )


def _attempt_started(event: events.AttemptStarted) -> events_pb2.AttemptStarted:
    return events_pb2.AttemptStarted(
        attempt=event.attempt,
        deployment=event.deployment,
        reason=_REASONS[event.reason],
        reasoning=_applied(event.reasoning),
    )


def _applied(applied: events.AppliedReasoning) -> generation_pb2.AppliedReasoning:
    return generation_pb2.AppliedReasoning(
        requested_effort=_EFFORTS[applied.requested_effort],
        applied_effort=_EFFORTS[applied.applied_effort],
        method=applied.method,
        max_tokens=applied.max_tokens,
        control=_CONTROLS[applied.control],
        source=_DECIDERS[applied.source],
        max_tokens_control=_CONTROLS[applied.max_tokens_control],
        minimum_tokens=applied.minimum_tokens,
        stopped=applied.stopped,
    )


def _usage(usage: events.Usage) -> generation_pb2.Usage:
    return generation_pb2.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cached_tokens=usage.cached_tokens,
        estimated=usage.estimated,
        reasoning_estimated=usage.reasoning_estimated,
        summary_input_tokens=usage.summary_input_tokens,
        summary_output_tokens=usage.summary_output_tokens,
    )


def _timings(timings: events.Timings) -> generation_pb2.Timings:
    return generation_pb2.Timings(
        first_reasoning=_optional_duration(timings.first_reasoning_s),
        first_output=_optional_duration(timings.first_output_s),
        upstream_responded=_optional_duration(timings.upstream_responded_s),
        total=to_duration(timings.total_s),
    )


def _optional_duration(seconds: float | None) -> Duration | None:
    return None if seconds is None else to_duration(seconds)
