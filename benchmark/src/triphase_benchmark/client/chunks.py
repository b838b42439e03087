"""One payload of `/chat/completions`, streamed or whole: text by channel, usage, how it ended, what went wrong.

Its rule: `null` is allowed everywhere, unknown members are ignored, thoughts may stand under any name that is known,
and text that no JSON should hold (lone surrogates, bytes that are no UTF-8) is replaced, not refused. Only the choice
of index 0 counts. What makes a chunk a token chunk is `says_something`.
"""

import json
from collections.abc import Sequence
from typing import Any

import msgspec


class ChunkError(ValueError):
    """The payload is not JSON, or not what an OpenAI-compatible server sends."""


class _Part(msgspec.Struct, gc=False):
    text: str | None = None
    thinking: "str | list[_Part | None] | None" = None


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class _ToolCall(msgspec.Struct, gc=False):
    function: _Function | None = None


_Content = str | list[_Part | None] | None


class _Delta(msgspec.Struct, gc=False):
    content: _Content = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall | None] | None = None


class _Choice(msgspec.Struct, gc=False):
    index: int | None = 0
    delta: _Delta | None = None
    message: _Delta | None = None
    text: str | None = None
    finish_reason: str | None = None


class _InputDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None


class _OutputDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None


class Usage(msgspec.Struct, gc=False):
    """What the engine counted, as far as it tells."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    reasoning_tokens: int | None = None  # SGLang has it here

    @property
    def cached(self) -> int | None:
        """Tokens of the prompt that came from the engine's cache."""
        return self.prompt_tokens_details.cached_tokens if self.prompt_tokens_details else None

    @property
    def reasoning(self) -> int | None:
        """Those of the output that were thoughts."""
        details = self.completion_tokens_details
        told = details.reasoning_tokens if details else None
        return self.reasoning_tokens if told is None else told


class _Frame(msgspec.Struct, gc=False):
    choices: list[_Choice | None] | None = None
    usage: Usage | None = None
    error: Any = None
    object: Any = None
    message: Any = None
    model: Any = None
    sent_ns: int | None = None  # of the null engine: when it sent this


class Chunk(msgspec.Struct, gc=False):
    """What a payload says; empty or `None` = nothing. `whole`: it is no increment but a whole answer."""

    thoughts: str = ""
    output: str = ""
    calls: int = 0  # characters of tool calls
    usage: Usage | None = None
    finish_reason: str | None = None
    error: str | None = None
    whole: bool = False
    sent_ns: int | None = None

    @property
    def says_something(self) -> bool:
        """Whether it holds at least one token: text of any channel, or something of a tool call."""
        return bool(self.thoughts or self.output or self.calls)


def input_details(cached_tokens: int) -> _InputDetails:
    """The part of usage that tells of the prompt."""
    return _InputDetails(cached_tokens=cached_tokens)


def output_details(reasoning_tokens: int) -> _OutputDetails:
    """The part of usage that tells of the output."""
    return _OutputDetails(reasoning_tokens=reasoning_tokens)


_decode = msgspec.json.Decoder(_Frame).decode


def read_chunk(data: bytes) -> Chunk:
    """Reads one payload. Raises ChunkError."""
    try:
        frame = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        frame = _mended(data)
    if frame.error or frame.object == "error":
        return Chunk(error=error_text(frame.error or frame.message), usage=frame.usage)
    if frame.choices is None and frame.usage is None:
        raise ChunkError("neither choices, usage nor an error")
    chunk = Chunk(usage=frame.usage, sent_ns=frame.sent_ns)
    choice = next((one for one in frame.choices or () if one is not None and not one.index), None)
    if choice is not None:
        chunk.finish_reason = choice.finish_reason or None
        chunk.output = choice.text or ""
        delta = choice.delta or choice.message
        chunk.whole = choice.message is not None
        if delta is not None:
            _read_delta(delta, chunk)
    return chunk


def error_text(error: object) -> str:
    """What an error says for a person, whatever its shape."""
    for key in ("error", "message", "detail"):
        if isinstance(error, dict) and error.get(key):
            return error_text(error[key])
    return error if isinstance(error, str) else json.dumps(error, ensure_ascii=False, default=str)


def _mended(data: bytes) -> _Frame:
    try:  # Python's reader takes lone surrogates, which engines in Python send
        plain = json.loads(data.decode(errors="replace"))
        return msgspec.convert(plain, _Frame)
    except (ValueError, RecursionError) as error:
        raise ChunkError(str(error)) from None


def _read_delta(delta: _Delta, chunk: Chunk) -> None:
    chunk.thoughts = delta.reasoning or delta.reasoning_content or ""
    content = delta.content
    if isinstance(content, list):
        chunk.thoughts += _thoughts_of(content)
        content = "".join(part.text for part in content if part and part.text)
    chunk.output += (content or "") + (delta.refusal or "")
    for call in delta.tool_calls or ():
        if call is not None and call.function is not None:
            chunk.calls += len(call.function.name or "") + _length(call.function.arguments)


def _thoughts_of(parts: Sequence[_Part | None]) -> str:
    texts = (part.thinking for part in parts if part and part.thinking)
    return "".join(
        text if isinstance(text, str) else "".join(part.text for part in text if part and part.text) for text in texts
    )


def _length(arguments: str | dict[str, Any] | None) -> int:
    return len(arguments) if isinstance(arguments, str) else len(msgspec.json.encode(arguments)) if arguments else 0
