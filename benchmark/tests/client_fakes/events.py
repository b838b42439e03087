"""The events of a gateway's stream, each once."""

from triphase.gateway.v1 import (
    Completed,
    FinishReason,
    Heartbeat,
    OutputDelta,
    PromptSummaryDelta,
    ReasoningDelta,
    ReasoningSummaryDelta,
    Started,
    StreamGenerateResponse,
    ToolCallDelta,
    Usage,
)

STARTED = StreamGenerateResponse(started=Started(response_id="r"))
SUMMARY = StreamGenerateResponse(prompt_summary_delta=PromptSummaryDelta(text="asks"))
THOUGHT = StreamGenerateResponse(reasoning_delta=ReasoningDelta(text="hmm"))
STEP = StreamGenerateResponse(reasoning_summary_delta=ReasoningSummaryDelta(text="thinks"))
OUTPUT = StreamGenerateResponse(output_delta=OutputDelta(text="Hi"))
CALL = StreamGenerateResponse(tool_call_delta=ToolCallDelta(name="f", arguments="{}"))
BEAT = StreamGenerateResponse(heartbeat=Heartbeat())
COMPLETED = StreamGenerateResponse(
    completed=Completed(
        finish_reason=FinishReason.FINISH_REASON_LENGTH,
        usage=Usage(input_tokens=4, output_tokens=3, reasoning_tokens=1, cached_tokens=2),
    )
)
WHOLE = (STARTED, SUMMARY, THOUGHT, STEP, OUTPUT, CALL, BEAT, COMPLETED)
