"""One answer of an upstream: bytes in, deltas out. Composes decoder, chunk parser, splitter and tool-call numbering.

Its rule: any cut of the bytes gives the same deltas, once adjacent ones of a kind are joined; what is complete together
leaves together, as one delta for each run of a kind. Nothing is raised: what is wrong with the bytes stands in
`failure`, after the deltas that came before it. An answer is complete with a finish reason or, where something was
said, with the end marker `[DONE]`; anything else is truncated. Time and connections are the service's.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from triphase_server.core.chunk import (
    Chunk,
    ChunkError,
    ChunkParser,
    ToolCallFragment,
    read_error,
)
from triphase_server.core.classify import error_for_status, status_of_error
from triphase_server.core.detection import Channel, Detection
from triphase_server.core.envelope import Envelope
from triphase_server.core.error_patterns import ErrorPattern, meant_status
from triphase_server.core.errors import (
    Stage,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamServerError,
    UpstreamTruncated,
)
from triphase_server.core.events import (
    Delta,
    Finished,
    FinishReason,
    OutputDelta,
    ReasoningDelta,
    Usage,
)
from triphase_server.core.grouping import regroup
from triphase_server.core.reasoning import ReasoningSplitter, Segment
from triphase_server.core.sse import SSEDecoder, SSEEvent
from triphase_server.core.tool_calls import ToolCallNumbering
from triphase_server.core.usage import UsageMeter

_DONE = b"[DONE]"
_ERROR_BYTES = 16 * 1024  # in which words of an error are looked for
_NAME_CHARS = 256  # what is passed on of a model's name,
_WORD_CHARS = 64  # and of an engine's own finish reason

# OpenAI's words and those that other engines use for the same. Anything else is OTHER.
_FINISH_REASONS: Mapping[str, FinishReason] = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "eos_token": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "tool_use": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
}
# These mean that the engine gave up: what came is not the answer.
_GIVEN_UP = frozenset({"error", "abort"})


class Framing(StrEnum):
    """How a response's body is to be read."""

    SSE = "sse"
    JSON = "json"


class Generation:
    """Reads the body of one successful response (`feed`, then `close` at its end).

    `failure`: what was wrong, or None; look after each call, from then on nothing more is returned. `committed`: the
    first delta has come. `ended`: the end marker was read, so nothing more matters. `finished`: how it ended, once
    `close` has found it complete.
    """

    def __init__(
        self,
        detection: Detection,
        *,
        framing: Framing = Framing.SSE,
        errors: Sequence[ErrorPattern] = (),
        max_body_bytes: int = 16 << 20,
        prelude: str = "",
    ) -> None:
        """`max_body_bytes` bounds a body of JSON, and one event of a stream; half of it, one line of a stream.

        `errors` say what errors inside the body really are; `prelude` is text that the body goes on from.
        """
        self._errors = errors
        self.failure: UpstreamError | None = None
        self.committed = False
        self.ended = False
        self.finished: Finished | None = None
        self._parse = ChunkParser(detection.fields).parse
        self._envelope = Envelope(self._parse, longest=max_body_bytes // 2)
        self._splitter = ReasoningSplitter(detection)
        self._splitter.feed(prelude)
        self._tools = ToolCallNumbering()
        self._decoder = SSEDecoder(max_line_bytes=max_body_bytes // 2, max_event_bytes=max_body_bytes)
        self._framing = framing
        self._body = bytearray()
        self._max_body_bytes = max_body_bytes
        self._field_run: list[str] = []  # texts that are not split yet, those of the field before those of the content
        self._content_run: list[str] = []
        self._ready: list[Delta] = []
        self._native_finish_reason = ""
        self._stop_sequence = False
        self._model = ""
        self._meter = UsageMeter()

    @property
    def concluded(self) -> bool:
        """Whether the finish reason has come: only usage and the end marker may follow."""
        return bool(self._native_finish_reason)

    def feed(self, block: bytes) -> list[Delta]:
        """Takes bytes of the body; returns what is certain by now, never empty deltas."""
        if self.ended or self.failure:
            return []
        if self._framing is Framing.JSON:
            self._collect(block)
            return []
        at = 0
        while at < len(block) and not (self.ended or self.failure):
            at = self._events_alike(block, at) or self._next_events(block, at)
        return self._leave()

    def close(self) -> list[Delta]:
        """Takes the end of the body; returns what was still withheld, and sets `finished` or `failure`."""
        if self.failure or self.finished:
            return []
        self._end_of_body()
        reason = self._finish_reason()
        if not self.failure:
            self._flush()
            stopped = reason is FinishReason.STOP and not self._stop_sequence
            self._add(self._splitter.close(stopped_by_itself=stopped))
        deltas = self._leave()
        if not self.failure:
            self._judge(reason)
        return deltas

    def usage(self, *, input_tokens: int) -> Usage:
        """Returns what the answer cost; `input_tokens` is the caller's estimate, for where the engine did not count."""
        return self._meter.usage(input_tokens=input_tokens)

    @property
    def came(self) -> Mapping[str, int]:
        """How much of the answer has come, in characters, by channel; tool calls count as output."""
        return self._meter.came

    # What comes in.

    def _collect(self, block: bytes) -> None:
        self._body += block
        if len(self._body) > self._max_body_bytes:
            self._body.clear()
            self._fail(UpstreamProtocolError, "the upstream's response is too long")

    def _events_alike(self, block: bytes, at: int) -> int:
        """Processes the events from here on that differ from one before in their text alone.

        Returns where they end, or 0 where there is none.
        """
        texts, end = self._envelope.read(block, at) if self._decoder.at_rest else ([], 0)
        if not texts:
            return 0
        self._take(self._envelope.saying("".join(texts)), count=len(texts))
        return end

    def _next_events(self, block: bytes, at: int) -> int:
        """Processes the event that ends next, which the others may be like, or all where none ever is."""
        end = -1 if self._envelope.idle else block.find(b"\n\n", at)
        end = len(block) if end < 0 else end + 2
        for event in self._decoder.feed(block[at:end]):
            if event.data.startswith(b"{") and not event.event:
                self._payload(event.data)
            else:
                self._rare_event(event)
            if self.ended or self.failure:
                return end
        if self._decoder.fault:
            self._fail(UpstreamProtocolError, f"the upstream's event stream is broken: {self._decoder.fault}")
        return end

    def _rare_event(self, event: SSEEvent) -> None:
        """Processes what is not a plain payload. Events of other names than these are for other listeners."""
        data = event.data.strip()
        match event.event:
            case b"error":
                self._fail_as(status_of_error(read_error(data)), data)
            case b"" | b"message" if data == _DONE:
                self.ended = True
            case b"" | b"message" if data:
                self._payload(data)

    def _payload(self, data: bytes) -> Chunk | None:
        try:
            chunk = self._parse(data)
        except ChunkError:
            self._fail(UpstreamProtocolError, "the upstream sent a payload that is not a completion")
            return None
        if not self._envelope.idle:
            self._envelope.learn(data, chunk)
        self._take(chunk)
        if chunk.error:
            self._fail_as(status_of_error(chunk.error), data)
        return chunk

    def _take(self, chunk: Chunk, *, count: int = 1) -> None:
        """Processes what a payload says, or `count` payloads that hold nothing but text."""
        if chunk.reasoning:
            if self._content_run:
                self._flush()
            self._field_run.append(chunk.reasoning)
        if chunk.content:
            self._content_run.append(chunk.content)
        if chunk.content or chunk.reasoning or chunk.tool_calls:
            self._meter.chunks += count
        if chunk.model:
            self._model = chunk.model
        if chunk.tool_calls or chunk.usage or chunk.finish_reason:
            self._more_than_text(chunk)

    def _more_than_text(self, chunk: Chunk) -> None:
        """Processes what most payloads lack: tool calls, usage, a finish reason."""
        for fragment in chunk.tool_calls:
            if fragment is not None and not self.failure:
                self._tool_call(fragment)
        if chunk.usage:
            self._meter.report = chunk.usage
        if chunk.error:
            return
        if chunk.finish_reason in _GIVEN_UP:
            self._fail(UpstreamServerError, "the upstream gave the answer up")
        elif chunk.finish_reason:
            self._native_finish_reason = chunk.finish_reason[:_WORD_CHARS]
            self._stop_sequence = chunk.stop_sequence

    def _tool_call(self, fragment: ToolCallFragment) -> None:
        self._flush()
        self._add(self._splitter.interrupt())
        delta = self._tools.add(fragment)
        if delta:
            self._ready.append(delta)
        if self._tools.fault:
            self._fail(UpstreamProtocolError, f"the upstream broke a limit: {self._tools.fault}")

    def _end_of_body(self) -> None:
        if self._framing is Framing.JSON and self._body:
            chunk = self._payload(bytes(self._body))
            self._body.clear()
            self.ended = chunk is not None and chunk.answers
            if chunk and not chunk.answers:
                self._fail(UpstreamProtocolError, "the upstream's response has no choice")
        self._decoder.close()

    # What goes out.

    def _flush(self) -> None:
        """Splits the runs: once for all chunks of a block that say the same kind of thing."""
        if self._field_run:
            self._add(self._splitter.feed_field("".join(self._field_run)))
            self._field_run.clear()
        if self._content_run:
            self._add(self._splitter.feed("".join(self._content_run)))
            self._content_run.clear()

    def _add(self, segments: list[Segment]) -> None:
        for channel, text in segments:
            self._ready.append(ReasoningDelta(text) if channel is Channel.REASONING else OutputDelta(text))

    def _leave(self) -> list[Delta]:
        self._flush()
        if not self._ready:
            return []
        deltas = regroup(self._ready)
        self._ready = []
        self.committed = True
        for delta in deltas:
            self._meter.add(delta)
        return deltas

    # How it ends.

    def _finish_reason(self) -> FinishReason:
        """Reads the engine's word; where a call was forced, engines say `stop` although they wait for its result."""
        reason = _FINISH_REASONS.get(self._native_finish_reason, FinishReason.OTHER)
        return FinishReason.TOOL_CALLS if reason is FinishReason.STOP and self._tools.begun else reason

    def _judge(self, reason: FinishReason) -> None:
        """Decides whether the whole body was a complete answer."""
        if not self._native_finish_reason and not (self.ended and self.committed):
            if self._decoder.foreign and not self.committed and not self.ended:
                self._fail(UpstreamProtocolError, "the upstream's response is not an event stream")
            else:
                self._fail(UpstreamTruncated, "the upstream's response ended before the answer was complete")
            return
        self.finished = Finished(
            finish_reason=reason,
            native_finish_reason=self._native_finish_reason,
            usage=self.usage(input_tokens=0) if self._meter.counted else None,
            usage_has_reasoning=self._meter.counted_reasoning,
            model=self._model[:_NAME_CHARS],
            reasoning_unclosed=self._splitter.unclosed and not self._tools.begun,
        )

    def _fail(self, kind: type[UpstreamError], message: str) -> None:
        # The first fault counts.
        stage = self._stop()
        self.failure = self.failure or kind(message, stage=stage)

    def _fail_as(self, status: int, data: bytes) -> None:
        meant = meant_status(status, data[:_ERROR_BYTES].decode(errors="replace"), self._errors)
        self.failure = error_for_status(status, stage=self._stop(), meant=meant)

    def _stop(self) -> Stage:
        """Makes what came before a fault ready to leave; returns how far the answer had come."""
        self._flush()
        self._add(self._splitter.close(stopped_by_itself=False))
        return Stage.STREAM if self.committed or self._ready else Stage.FIRST_TOKEN
