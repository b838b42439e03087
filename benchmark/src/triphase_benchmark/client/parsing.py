"""The reads of one answer → what REQUESTS tells of it: token chunks with their times, counts, and whether it succeeded.

Its rule: pure, and run only when the stream has ended. A token chunk's time is that of the read that completed its
event. Chunks that hold only a role, nothing, usage or an end are none. Tokens of each chunk are told only where the
engine counted them in every one. How a body becomes events is `sse.py`, what a payload says `chunks.py`, what broke on
the way `exchange.py`.
"""

import json
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from triphase_benchmark.client.chunks import Chunk, ChunkError, Usage, error_text, read_chunk
from triphase_benchmark.client.sse import events
from triphase_benchmark.records.error_kinds import ErrorKind

# Times and bytes of the body, in the order of arrival; pieces of one read have the same time.
Reads = Sequence[tuple[int, bytes]]
Failure = tuple[ErrorKind, str]

_END = b"[DONE]"
_MOST_DETAIL = 300


@dataclass(slots=True, kw_only=True)
class Answer:
    """What an answer held. Times are those of the reads. `failure`: what in it was wrong; `None` = nothing."""

    chunk_times: list[int] = field(default_factory=list)
    chunk_tokens: list[int] | None = None
    chunk_output: list[bool] = field(default_factory=list)
    shared_reads: int = 0
    usage: Usage | None = None
    reasoning_characters: int = 0
    output_characters: int = 0
    output: str = ""
    thoughts: str = ""
    finish_reason: str | None = None
    ended_well: bool = False  # its end mark came
    sent_ns: list[int] = field(default_factory=list)  # of the null engine's chunks
    events: int = 0
    role_first: bool = False  # the first chunk held no token
    # Through the gateway: when each phase came; 0 = it did not.
    accepted: int = 0
    prompt_summary: int = 0
    reasoning_summary: int = 0
    usage_is_estimate: bool = False
    reasoning_is_estimate: bool = False
    applied_effort: str = ""  # what it says that it asked for
    failure: Failure | None = None


def read_stream(reads: Reads) -> Answer:
    """Reads a body of server-sent events."""
    answer = Answer()
    body = b"".join([data for _, data in reads])
    ends = list(accumulate(len(data) for _, data in reads))
    counted: list[int | None] = []
    texts: list[str] = []
    thoughts: list[str] = []
    for event in events(body):
        if event.data == _END:
            answer.ended_well = True
            break
        answer.events += 1
        chunk = _chunk(event.name, event.data, answer)
        if chunk is None:
            # What the end of the body cut off is no chunk, and no fault of its own.
            if event.end == len(body) - 1 and not body.endswith((b"\n", b"\r")):
                answer.failure = None
            break
        _note(chunk, answer)
        if chunk.says_something:
            at = reads[bisect_left(ends, event.end + 1)][0]
            answer.chunk_times.append(at)
            answer.chunk_output.append(bool(chunk.output or chunk.calls))
            counted.append(chunk.usage.completion_tokens if chunk.usage else None)
            texts.append(chunk.output)
            thoughts.append(chunk.thoughts)
            if chunk.sent_ns is not None:
                answer.sent_ns.append(chunk.sent_ns)
        elif answer.events == 1:
            answer.role_first = True
    answer.output = "".join(texts)
    answer.thoughts = "".join(thoughts)
    answer.chunk_tokens = _tokens(counted)
    answer.shared_reads = shared_reads(answer.chunk_times)
    return answer


def read_whole(reads: Reads) -> Answer:
    """Reads a body that is one JSON: an answer that was not streamed has no token chunks, hence no times of any."""
    answer = Answer(events=1)
    chunk = _chunk(b"", b"".join([data for _, data in reads]), answer)
    if chunk is not None:
        _note(chunk, answer)
        answer.output = chunk.output
        answer.thoughts = chunk.thoughts
        answer.ended_well = True
    return answer


def whole_error(reads: Reads) -> str:
    """What the body of a refusal says, in a line: a JSON error's message, else the beginning of its text."""
    body = b"".join([data for _, data in reads])
    try:
        return one_line(read_chunk(body).error or body.decode(errors="replace"))
    except ChunkError:
        return one_line(_plain_error(body))


def one_line(text: str) -> str:
    """At most 300 characters of one line, all of them printable."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * _MOST_DETAIL]).split())
    return line if len(line) <= _MOST_DETAIL else line[: _MOST_DETAIL - 1] + "…"


def judge(answer: Answer, *, asked_tokens: int | None) -> Failure | None:
    """Decides whether an answer whose transport went well has succeeded; the first of these that applies."""
    counted = answer.usage.completion_tokens if answer.usage else None
    if answer.failure is not None:
        return answer.failure
    if not answer.ended_well and answer.finish_reason is None:
        return ErrorKind.TRUNCATED, "the stream ended without an end mark and without a finish reason"
    if not answer.chunk_times:
        return ErrorKind.EMPTY, "the stream held no token"
    if asked_tokens is not None and counted is not None and counted != asked_tokens:
        return ErrorKind.LENGTH, f"{counted} tokens instead of {asked_tokens}"
    return None


def _chunk(name: bytes, data: bytes, answer: Answer) -> Chunk | None:
    """Reads one payload; where it is none, or an error, says so in `answer`."""
    if name == b"error":
        answer.failure = ErrorKind.IN_BAND, one_line(_plain_error(data))
        return None
    try:
        chunk = read_chunk(data)
    except ChunkError as error:
        answer.failure = ErrorKind.PROTOCOL, one_line(f"not a chunk ({error}): {data[:120].decode(errors='replace')}")
        return None
    if chunk.error is not None:
        answer.failure = ErrorKind.IN_BAND, one_line(chunk.error)
        return None
    return chunk


def _note(chunk: Chunk, answer: Answer) -> None:
    answer.reasoning_characters += len(chunk.thoughts)
    answer.output_characters += len(chunk.output) + chunk.calls
    answer.usage = chunk.usage or answer.usage
    answer.finish_reason = chunk.finish_reason or answer.finish_reason


def _plain_error(data: bytes) -> str:
    try:
        return error_text(json.loads(data))
    except (ValueError, RecursionError):
        return data.decode(errors="replace")


def _tokens(counted: Iterable[int | None]) -> list[int] | None:
    """The tokens of each chunk, of the counts up to and with it; `None` unless all are there and never shrink."""
    before, tokens = 0, []
    for count in counted:
        if count is None or count < before:
            return None
        tokens.append(count - before)
        before = count
    return tokens or None


def shared_reads(times: Sequence[int]) -> int:
    """How many have the time of one beside them: reads come in order, and no two have the same."""
    last = len(times) - 1
    return sum(
        (place > 0 and times[place - 1] == at) or (place < last and times[place + 1] == at)
        for place, at in enumerate(times)
    )
