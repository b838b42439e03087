"""Compiles a script to what is sent: a status, headers and timed blocks of bytes, encoded once and reused.

A plan is plain data, so that playing it (`player.py`) costs next to nothing. Faults that change bytes are applied here;
those that touch the connection become the plan's `end`. Every event holds a mark where the answer's id goes.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, assert_never

import msgspec

from triphase_model.engine.refusals import error_body
from triphase_model.engine.simulated.events import Asked, Event, answer_body, answer_events
from triphase_model.engine.simulated.faults import ErrorFrame, Fault, Garble, Garbling, Place, Reset, Stall, Status
from triphase_model.engine.simulated.script import Script

_PIECE: Final = 64 << 10
_JSON: Final = "application/json"
_EVENTS: Final = "text/event-stream; charset=utf-8"
_HTML: Final = b"<!DOCTYPE html>\n<html><body><h1>502 Bad Gateway</h1></body></html>\n"


class End(StrEnum):
    """What happens after the last block."""

    COMPLETE = "complete"
    RESET = "reset"
    STALL = "stall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Bytes that are written together, `delay_s` after those before them; `chunks` of them are chunks of the answer."""

    data: bytes
    delay_s: float = 0.0
    chunks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is sent: `blocks` follow the head; with `has_head` false not even that is sent."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    head_delay_s: float = 0.0
    has_head: bool = True
    blocks: tuple[Block, ...] = ()
    end: End = End.COMPLETE

    @property
    def size(self) -> int:
        """The bytes that it keeps in memory."""
        return sum({id(block.data): len(block.data) for block in self.blocks}.values())


def compile_plan(script: Script, asked: Asked) -> Plan:
    """What to send for a script."""
    delay_s = script.head_delay_s
    match script.fault:
        case Status() as fault:
            return Plan(
                status=fault.status, headers=_status_headers(fault), head_delay_s=delay_s, blocks=_status_body(fault)
            )
        case (Reset(at=Place.HEAD) | Stall(at=Place.HEAD)) as fault:
            return Plan(has_head=False, head_delay_s=delay_s, end=_end_of(fault))
        case Garble(what=Garbling.HTML):
            headers = {"Content-Type": "text/html"}
            return Plan(headers=headers, head_delay_s=delay_s, blocks=(Block(data=_HTML),))
        case Garble(what=Garbling.EMPTY_BODY):
            return Plan(headers=_headers(asked), head_delay_s=delay_s)
        case Garble(what=Garbling.GZIP_BOMB, size=size):
            headers = {**_headers(asked), "Content-Encoding": "gzip"}
            return Plan(headers=headers, head_delay_s=delay_s, blocks=tuple(_bomb(size)))
        case _:
            return _streamed(script, asked) if asked.streams else _whole(script, asked)


def _streamed(script: Script, asked: Asked) -> Plan:
    events, end = _faulted(list(answer_events(script, asked)), script)
    return Plan(
        headers=_headers(asked),
        head_delay_s=script.head_delay_s,
        blocks=tuple(_joined(events, script.events_per_write)),
        end=end,
    )


def _whole(script: Script, asked: Asked) -> Plan:
    body, end = faulted_body(answer_body(script, asked), script.fault)
    # One body has no chunks to time: all of the script's delays pass before it.
    delay_s = sum(event.delay_s for event in answer_events(script, asked))
    return Plan(
        headers=_headers(asked),
        head_delay_s=script.head_delay_s + delay_s,
        blocks=(Block(data=body, chunks=1),),
        end=end,
    )


def faulted_body(body: bytes, fault: Fault | None) -> tuple[bytes, End]:
    """An unstreamed body as a fault leaves it, and how it ends."""
    match fault:
        case Reset() | Stall():
            return body[: len(body) // 2], _end_of(fault)
        case Garble(what=Garbling.INVALID_JSON | Garbling.CUT):
            body = body[: len(body) // 2]
        case Garble(what=Garbling.INVALID_UTF8):
            body = body[:-1] + b',"broken":"\xff"}'
        case Garble(what=Garbling.LONG_LINE, size=size):
            body = body[:-1] + b',"long":"' + b"x" * size + b'"}'
        case ErrorFrame():
            body = error_frame(fault)
        case _:
            pass
    return body, End.COMPLETE


def inserted_bytes(fault: Garble) -> list[bytes]:
    """What a garbled stream has too much."""
    match fault.what:
        case Garbling.INVALID_JSON:
            return [b'data: {"choices":[{"delta":{"content":\n\n']
        case Garbling.INVALID_UTF8:
            return [b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe"}}]}\n\n']
        case Garbling.LONG_LINE:
            return list(_long_line(fault.size))
        case _:
            return []


def _faulted(events: list[Event], script: Script) -> tuple[list[Event], End]:
    """The events with the script's fault in them, and how they end."""
    match script.fault:
        case None | Status():
            return events, End.COMPLETE
        case (Reset() | Stall()) as fault:
            chunks = fault.after_chunks if fault.at is Place.STREAM else 0
            return events[: _after(events, chunks)], _end_of(fault)
        case ErrorFrame() as fault:
            frame = b"data: " + error_frame(fault) + b"\n\n"
            return [*events[: _after(events, fault.after_chunks)], Event(data=frame), *_done(events)], End.COMPLETE
        case Garble() as fault:
            return _garbled(events, fault), End.COMPLETE
        case other:
            assert_never(other)


def _garbled(events: list[Event], fault: Garble) -> list[Event]:
    at = _after(events, fault.after_chunks)
    match fault.what:
        case Garbling.NO_FINISH_REASON:
            return [event for event in events if not event.is_finish]
        case Garbling.NO_DONE:
            return [event for event in events if not event.is_done]
        case Garbling.CUT:
            return events[:at]
        case _:
            return events[:at] + [Event(data=data) for data in inserted_bytes(fault)] + events[at:]


def _after(events: Sequence[Event], chunks: int) -> int:
    """The place in the events where the role chunk and so many chunks of text have been sent."""
    if chunks == 0:
        return 1 if events and events[0].is_role else 0
    places = [index for index, event in enumerate(events) if event.is_text]
    return places[chunks - 1] + 1 if chunks <= len(places) else len(events)


def _done(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.is_done]


def _joined(events: Sequence[Event], most: int) -> Iterator[Block]:
    """Puts events together that no delay parts, up to `most` of them; long ones stay alone."""
    waiting: list[Event] = []
    for event in events:
        if waiting and (event.delay_s or len(waiting) == most or len(event.data) >= _PIECE):
            yield _block(waiting)
            waiting = []
        waiting.append(event)
    if waiting:
        yield _block(waiting)


def _block(events: Sequence[Event]) -> Block:
    data = events[0].data if len(events) == 1 else b"".join(event.data for event in events)
    return Block(data=data, delay_s=events[0].delay_s, chunks=sum(event.is_text for event in events))


def _long_line(size: int) -> Iterator[bytes]:
    """A line of `size` bytes as many references to one small piece."""
    piece = b"x" * _PIECE
    yield b'data: {"choices":[{"index":0,"delta":{"content":"'
    for _ in range(size // _PIECE):
        yield piece
    yield b"x" * (size % _PIECE) + b'"}}]}\n\n'


def _bomb(size: int) -> Iterator[Block]:
    """`size` spaces, deflated in pieces."""
    packer = zlib.compressobj(level=9, wbits=31)
    blank = b" " * (1 << 20)
    packed = [packer.compress(blank[: min(len(blank), size - done)]) for done in range(0, size, len(blank))]
    yield Block(data=b"".join([*packed, packer.flush()]))


def _end_of(fault: Reset | Stall) -> End:
    return End.RESET if isinstance(fault, Reset) else End.STALL


def error_frame(fault: ErrorFrame) -> bytes:
    """The JSON of an error inside a stream."""
    return msgspec.json.encode({"error": {"message": fault.message, "type": fault.type, "code": fault.code}})


def _status_headers(fault: Status) -> dict[str, str]:
    headers = {"Content-Type": fault.content_type}
    return headers if fault.retry_after is None else {**headers, "Retry-After": fault.retry_after}


def _status_body(fault: Status) -> tuple[Block, ...]:
    given = error_body("a simulated fault", status=fault.status) if fault.body is None else fault.body.encode()
    return (Block(data=given),) if given else ()


def _headers(asked: Asked) -> dict[str, str]:
    return {"Content-Type": _EVENTS, "Cache-Control": "no-cache"} if asked.streams else {"Content-Type": _JSON}
