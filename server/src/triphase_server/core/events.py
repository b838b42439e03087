"""What can happen in a stream: one frozen value for each member of the proto's `StreamGenerateResponse.event`.

Deltas are made by `generation.Generation` and pass through the service unchanged. Sequence numbers are not here: the
writer counts (`rpc/servicer.py`). Times are float seconds since the request was accepted.
"""

from dataclasses import dataclass
from enum import StrEnum

from triphase_server.core.request import Effort


class Phase(StrEnum):
    """A phase of the stream."""

    PROMPT_SUMMARY = "prompt_summary"
    REASONING_SUMMARY = "reasoning_summary"
    FINAL_OUTPUT = "final_output"


class SummarySource(StrEnum):
    """Who wrote a summary: the local rules, or a summary model."""

    LOCAL = "local"
    MODEL = "model"


class WaitingOn(StrEnum):
    """What the gateway waits for."""

    ADMISSION = "admission"
    UPSTREAM = "upstream"
    FIRST_TOKEN = "first_token"  # noqa: S105 - a token of text, not a password
    NEXT_TOKEN = "next_token"  # noqa: S105 - likewise


class AttemptReason(StrEnum):
    """Why an attempt was started."""

    FIRST = "first"
    RETRY = "retry"
    HEDGE = "hedge"
    FALLBACK = "fallback"


class FinishReason(StrEnum):
    """Why the model stopped."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    OTHER = "other"


class Control(StrEnum):
    """What holds a model to an effort, or to a bound on its reasoning tokens."""

    TEMPLATE_VARIABLE = "template_variable"
    ENGINE_FIELD = "engine_field"
    ENGINE_BUDGET = "engine_budget"
    FORCED_STOP = "forced_stop"
    PREFILL = "prefill"


class Source(StrEnum):
    """Who decided on an effort or a bound."""

    REQUEST = "request"
    DEFAULT = "default"
    CLAMP = "clamp"
    EXTRA_BODY = "extra_body"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedReasoning:
    """How a request for reasoning is carried out; `None` = nothing asked, or nothing said to the engine.

    `control` brings the effort about and `max_tokens_control` holds the bound; `stopped` says that the gateway closed
    the thought at it.
    """

    requested_effort: Effort | None = None
    applied_effort: Effort | None = None
    method: str = ""
    max_tokens: int = 0
    control: Control | None = None
    source: Source | None = None
    max_tokens_control: Control | None = None
    minimum_tokens: int = 0
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts; `estimated` marks input and output as ours, `reasoning_estimated` the reasoning tokens."""

    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    estimated: bool = False
    reasoning_estimated: bool = False
    summary_input_tokens: int = 0
    summary_output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """When things happened, in seconds since the request was accepted; `None` = they did not."""

    first_reasoning_s: float | None = None
    first_output_s: float | None = None
    upstream_responded_s: float | None = None
    total_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Opens the stream."""

    response_id: str
    route: str
    model: str
    reasoning: AppliedReasoning
    client_request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStarted:
    """Opens a phase."""

    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseCompleted:
    """Closes a phase that was open for `duration_s` seconds."""

    phase: Phase
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSummaryDelta:
    """Adds to the prompt summary."""

    text: str
    source: SummarySource


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningSummaryDelta:
    """Adds to a part of the reasoning summary; `replaces` names the earlier part that this one corrects."""

    part_index: int
    text: str
    source: SummarySource
    replaces: int | None = None


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """Adds to the raw thoughts. Never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class OutputDelta:
    """Adds to the answer. Never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """Adds to the arguments of a tool call; `id` and `name` only in the call's first delta."""

    index: int
    arguments: str
    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted:
    """Tells that a deployment is asked; `attempt` counts from 1."""

    attempt: int
    deployment: str
    reason: AttemptReason
    reasoning: AppliedReasoning


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """Shows that the gateway is alive while it waits."""

    waiting_on: WaitingOn


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """Voids all events from `discard_from_sequence` on, up to this one."""

    discard_from_sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """Ends a successful stream."""

    finish_reason: FinishReason
    native_finish_reason: str
    usage: Usage
    timings: Timings
    reasoning: AppliedReasoning
    deployment: str
    model: str
    attempts: int
    reasoning_unclosed: bool = False


Delta = ReasoningDelta | OutputDelta | ToolCallDelta
Event = (
    Started
    | PhaseStarted
    | PromptSummaryDelta
    | ReasoningSummaryDelta
    | Delta
    | PhaseCompleted
    | AttemptStarted
    | Heartbeat
    | Restarted
    | Completed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The last word of a generation, for the service alone: what `Completed` is made of.

    `usage` is `None` where the engine did not count, and `usage_has_reasoning` says whether it counted thoughts apart.
    """

    finish_reason: FinishReason
    native_finish_reason: str
    usage: Usage | None
    usage_has_reasoning: bool
    model: str
    reasoning_unclosed: bool
