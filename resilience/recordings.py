"""A recorded exchange of a real engine, and what a stretch of its bytes is worth: what the other proofs compare with.

Its rule: HTTP is un-framed by h11, the body is read by the core's own machine in memory, whose vectors were checked by
eye; so what comes over sockets has two measures, the first bytes' worth and the truth of the recording. What a fault
makes of it is `expectations.py`.
"""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from itertools import groupby
from pathlib import Path

import h11
from triphase_server.core.classify import error_for_status
from triphase_server.core.detection import Detection
from triphase_server.core.errors import Stage, UpstreamError, UpstreamProtocolError
from triphase_server.core.events import OutputDelta, ReasoningDelta
from triphase_server.core.generation import Framing, Generation

# What the chaos suite breaks.
NAMES = (
    "vllm-0.32-stop-sequence",  # thoughts in a field of their own
    "vllm-0.32-inline-think-low",  # thoughts between markers
    "vllm-0.32-whole",  # a body of JSON
    "vllm-0.32-error-unknown-model",  # a refusal
    "llama-cpp-python-0.3.36-length-in-think",  # another server, which stops amid its thoughts
)

_FOLDER = Path(__file__).parents[1] / "testdata" / "upstream"
# What marks in `told` that a text is of the other kind from here on.
_MARKS = {"reasoning": "\ue000", "output": "\ue001"}


class Place(IntEnum):
    """How far an exchange has come."""

    HEAD = 0  # the head is not whole
    OPEN = 1  # no token has come
    COMMITTED = 2
    CONCLUDED = 3  # the finish reason has come, or a whole body of JSON: what follows decides nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What bytes are worth: how far they reach, the text that they tell, and the fault of theirs, if any."""

    place: Place
    told: str = ""
    failure: type[UpstreamError] | None = None

    @property
    def answers(self) -> bool:
        """Whether any output has come, not thoughts alone."""
        return _MARKS["output"] in self.told


class Recording:
    """One exchange: `data` is all that the engine sent, head included."""

    def __init__(self, name: str) -> None:
        self.name = name
        vector = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        self.data = b"".join(base64.b64decode(block["b64"]) for block in vector["reads"])
        expected = json.loads((_FOLDER / f"{name}.expected.json").read_text(encoding="utf-8"))
        self.truth = told(expected.get("deltas", []))

    @cached_property
    def events(self) -> tuple[bytes, ...]:
        """The body of a stream, event by event."""
        _, body, _, _ = _unframed(self.data, ended=False)
        return tuple(event + b"\n\n" for event in body.split(b"\n\n") if event)

    @cached_property
    def payload(self) -> frozenset[int]:
        """The offsets of bytes of the body itself; all others are head or framing."""
        start = self.data.index(b"\r\n\r\n") + 4
        if b"chunked" not in self.data[:start].lower():
            return frozenset(range(start, len(self.data)))
        found: set[int] = set()
        while size := int(self.data[start : (line := self.data.index(b"\r\n", start))], 16):
            found.update(range(line + 2, line + 2 + size))
            start = line + 2 + size + 2
        return frozenset(found)


def told(deltas: Iterable[tuple[str, str] | list[str]]) -> str:
    """Joins pairs of kind and text to one text, of which what is told earlier is a prefix."""
    runs = groupby(deltas, key=lambda pair: pair[0])
    return "".join(_MARKS[kind] + "".join(text for _, text in run) for kind, run in runs)


def worth(data: bytes, *, ended: bool = False) -> Worth:
    """Returns what an exchange is worth that came so far; `ended` says that the connection was closed there."""
    head, body, fault, whole = _unframed(data, ended=ended)
    if head is None:
        return Worth(place=Place.HEAD, failure=fault)
    if head.status_code >= 400:
        return Worth(place=Place.OPEN, failure=type(error_for_status(head.status_code, stage=Stage.FIRST_BYTE)))
    is_stream = dict(head.headers)[b"content-type"].startswith(b"text/event-stream")
    generation = Generation(Detection(), framing=Framing.SSE if is_stream else Framing.JSON)
    deltas = generation.feed(body)
    # The gateway, too, reads no further than a finish reason where the connection breaks or says nothing behind it.
    if whole or generation.concluded or generation.ended:
        deltas += generation.close()
    failure = type(generation.failure) if generation.failure is not None else None
    if generation.finished is not None:
        place = Place.CONCLUDED
    else:
        place = Place.COMMITTED if generation.committed else Place.OPEN
        failure = failure or fault
    return Worth(place=place, told=told(pairs(deltas)), failure=failure)


def pairs(deltas: Iterable[object]) -> list[tuple[str, str]]:
    """Returns kind and text of each delta; the recordings have no others."""
    named = {ReasoningDelta: "reasoning", OutputDelta: "output"}
    return [(named[type(delta)], delta.text) for delta in deltas if isinstance(delta, ReasoningDelta | OutputDelta)]


_Unframed = tuple[h11.Response | None, bytes, type[UpstreamError] | None, bool]


def _unframed(data: bytes, *, ended: bool) -> _Unframed:
    """Returns the head, the body so far, what was wrong with the framing, and whether the body is whole."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("host", "engine"), ("content-length", "0")]))
    connection.send(h11.EndOfMessage())
    head, body = None, b""
    try:
        if data:  # to h11, no bytes are the end
            connection.receive_data(data)
        if ended:
            connection.receive_data(b"")
        while not isinstance(event := connection.next_event(), type(h11.NEED_DATA) | h11.EndOfMessage):
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
    except h11.RemoteProtocolError:
        return head, body, UpstreamProtocolError, False
    return head, body, None, isinstance(event, h11.EndOfMessage)
