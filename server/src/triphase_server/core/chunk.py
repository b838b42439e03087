"""What one payload of `/chat/completions` or `/completions` says: the one home of what differs between engines.

Only choice 0 counts. Whole responses (`message`) and increments (`delta`, `text`) read alike. Unknown members are
ignored and `null` is allowed everywhere; a member that is used and has the wrong type raises ChunkError. Text is always
valid Unicode: an escaped lone surrogate becomes U+FFFD. How chunks become a generation is `generation.py`.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

_NO_USAGE = msgspec.Raw()


class ChunkError(ValueError):
    """The payload is not JSON, or not what an OpenAI-compatible server sends."""


class FunctionFragment(msgspec.Struct, gc=False):
    """The `function` of a tool call; some engines give the arguments as an object instead of its text."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class ToolCallFragment(msgspec.Struct, gc=False):
    """One entry of `tool_calls`."""

    index: int | None = None
    id: str | None = None
    function: FunctionFragment | None = None

    @property
    def name(self) -> str:
        """The function's name, or empty."""
        return (self.function and self.function.name) or ""

    @property
    def arguments(self) -> str:
        """The JSON text of the arguments, or the piece of it that came."""
        arguments = (self.function and self.function.arguments) or ""
        return arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()


class _Part(msgspec.Struct, gc=False):
    """One entry of a `content` that is a list, as Mistral's API sends it; a thought may be a list in turn."""

    text: str | None = None
    thinking: "str | list[_Part | None] | None" = None


class Chunk(msgspec.Struct, gc=False):
    """What a payload says; empty = nothing. `error` is what stands in `error`, as plain Python values."""

    reasoning: str = ""
    content: str = ""
    tool_calls: Sequence[ToolCallFragment | None] = ()
    usage: bytes = b""  # its JSON, for `usage.UsageMeter`
    model: str = ""
    error: Any = None
    answers: bool = False  # choice 0 is there
    finish_reason: str = ""
    stop_sequence: bool = False  # the caller's own ended it, as vLLM tells


class ChunkParser:
    """Reads payloads; `fields` are the names that may hold thoughts, the first that is not empty wins."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self._decode, self._thoughts = _decoder(fields)

    def parse(self, data: bytes) -> Chunk:
        """Returns what the payload says. Raises ChunkError."""
        try:
            frame = self._decode(data)
        except (ValueError, RecursionError):
            frame = self._mended(data)
        usage = b"" if frame.usage is _NO_USAGE else bytes(frame.usage).removeprefix(b"null")
        choices = frame.choices
        choice = choices[0] if choices else None
        if choice is None or choice.index:
            choice = next((choice for choice in choices or () if choice is not None and not choice.index), None)
        if choice is None or frame.error:
            return Chunk(usage=usage, model=frame.model or "", error=frame.error or _bare_error(frame))
        delta = choice.delta or choice.message
        if delta is None:
            chunk = Chunk("", choice.text or "", (), usage, frame.model or "", None, True)
        else:
            reasoning = self._thoughts(delta)
            content = delta.content or delta.refusal or ""
            if isinstance(content, list):
                reasoning, content = reasoning + _thought_parts(content), _text_parts(content)
            chunk = Chunk(reasoning, content, delta.tool_calls or (), usage, frame.model or "", None, True)
        if choice.finish_reason:
            chunk.finish_reason = choice.finish_reason
            chunk.stop_sequence = isinstance(choice.stop_reason, str)  # a number is a token of the model's own
        return chunk

    def _mended(self, data: bytes) -> Any:
        # Python's own JSON writers escape lone surrogates, so engines send them; msgspec does not take them.
        try:
            return self._decode(_ESCAPE.sub(_replace_lone_surrogate, data))
        except (ValueError, RecursionError):
            raise ChunkError from None


def read_error(data: bytes) -> object:
    """Returns the error object of an event that is named `error`, wrapped in `error` or not; `None` if unreadable."""
    try:
        payload = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return None
    return payload.get("error", payload) if isinstance(payload, dict) else None


@lru_cache(maxsize=256)  # field names come from the configuration
def _decoder(fields: tuple[str, ...]) -> tuple[Callable[[bytes], Any], Callable[[Any], str]]:
    """Makes the decoder of frames, and the reader of what a delta has in each of the fields."""
    slots = [f"field_{n}" for n in range(len(fields))]
    delta: Any = msgspec.defstruct(
        "Delta",
        [
            ("content", str | list[_Part | None] | None, None),
            ("refusal", str | None, None),  # OpenAI: the model's own words for not answering
            ("tool_calls", list[ToolCallFragment | None] | None, None),
            *((slot, str | None, None) for slot in slots),
        ],
        rename=dict(zip(slots, fields, strict=True)),
        gc=False,
    )
    choice: Any = msgspec.defstruct(
        "Choice",
        [
            ("index", int | None, 0),
            ("delta", delta | None, None),
            ("message", delta | None, None),
            ("text", str | None, None),
            ("finish_reason", str | None, None),
            ("stop_reason", Any, None),
        ],
        gc=False,
    )
    frame = msgspec.defstruct(
        "Frame",
        [
            ("choices", list[choice | None] | None, None),
            ("model", str | None, None),
            ("usage", msgspec.Raw, _NO_USAGE),
            ("error", Any, None),
            ("object", Any, None),
            ("code", Any, None),
            ("type", Any, None),
        ],
        gc=False,
    )
    return msgspec.json.Decoder(frame).decode, _reader(slots)


def _reader(slots: list[str]) -> Callable[[Any], str]:
    """Makes what reads the first of the fields that is not empty; one for each payload, so the usual two go first."""
    match slots:
        case []:
            return lambda _: ""
        case [_]:
            return lambda delta: delta.field_0 or ""
        case [_, _]:
            return lambda delta: delta.field_0 or delta.field_1 or ""
        case _:
            values = attrgetter(*slots)
            return lambda delta: next(filter(None, values(delta)), "")


def _text_parts(content: Sequence[_Part | None]) -> str:
    return "".join(part.text for part in content if part and part.text)


def _thought_parts(content: Sequence[_Part | None]) -> str:
    thoughts = (part.thinking for part in content if part and part.thinking)
    return "".join(thought if isinstance(thought, str) else _text_parts(thought) for thought in thoughts)


def _bare_error(frame: Any) -> Any:
    """Finds the error of older vLLM, whose members stand in the frame itself."""
    return {"code": frame.code, "type": frame.type} if frame.object == "error" else None


_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)


def _replace_lone_surrogate(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape[1] else escape[0]
