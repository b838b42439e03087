"""A whole body of server-sent events, cut into events; each knows where in the body it was complete.

Its rule: the body is whole before it is read, so how it was cut into reads cannot matter. Lines end in CR, LF or CRLF,
comments and unknown fields count for nothing, data of several lines is joined, all as the HTML standard has it; a
byte order mark at the start is skipped. One thing differs: data that the end of the body left without its blank line
is given too, since engines forget it after their end mark. What an event's data says is `chunks.py`.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """`name` is empty for ordinary events. `end`: the offset in the body of the byte that completed it."""

    name: bytes
    data: bytes
    end: int


def events(body: bytes) -> Iterator[Event]:
    """Gives the events that hold data, in order."""
    if b"\r" in body or body.startswith(_BOM):
        yield from _any_events(body)
        return
    # As nearly all engines write: `data: …`, LF, LF.
    begin = 0
    while True:
        end = body.find(b"\n\n", begin)
        block = body[begin : end if end >= 0 else len(body)]
        if block.startswith(b"data: ") and b"\n" not in block:
            yield Event(b"", block[6:], end + 1 if end >= 0 else len(body) - 1)
        elif block:
            yield from _shifted(block + b"\n\n" if end >= 0 else block, begin)
        if end < 0:
            return
        begin = end + 2


def _shifted(block: bytes, begin: int) -> Iterator[Event]:
    for event in _any_events(block):
        yield event._replace(end=begin + event.end)


def _any_events(body: bytes) -> Iterator[Event]:
    """Reads by the standard, line by line."""
    name, begin = b"", len(_BOM) if body.startswith(_BOM) else 0
    data: list[bytes] = []
    for found in _LINE_END.finditer(body, begin):
        line, begin = body[begin : found.start()], found.end()
        if not line:
            if data:
                yield Event(name, b"\n".join(data), found.start())
            name, data = b"", []
            continue
        name = _read_line(line, name, data)
    if begin < len(body):
        name = _read_line(body[begin:], name, data)
    if data:
        yield Event(name, b"\n".join(data), len(body) - 1)


def _read_line(line: bytes, name: bytes, data: list[bytes]) -> bytes:
    """Adds what a line says to `data`; returns the event's name from then on."""
    field, _, value = line.partition(b":")
    value = value.removeprefix(b" ")
    if field == b"data":
        data.append(value)
    elif field == b"error":  # llama.cpp of 2024 tells errors in a field of their own
        data.append(value)
        return b"error"
    elif field == b"event":
        return value
    return name
