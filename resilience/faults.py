"""What an upstream does wrong, where: it plays a recording up to a byte, or with one byte garbled, and how it ends.

Its rule: a case is a value, and all chance in it comes from its own seed, so that what failed once fails again. What
must come of it is `expectations.py`.
"""

import asyncio
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import assert_never

from upstream.raw_server import Call

from resilience.recordings import Recording


class Way(StrEnum):
    """How it breaks at a byte."""

    RESET = "resets"
    STALL = "stalls"
    CLOSE = "closes"
    FLIP = "flips"
    INSERT = "inserts"
    DELETE = "deletes"

    @property
    def garbles(self) -> bool:
        """Whether all bytes come, one of them wrong, and then a polite end; else nothing comes from the byte on."""
        return self in {Way.FLIP, Way.INSERT, Way.DELETE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One exchange that breaks; `name` is unique and tells all about it."""

    recording: Recording
    way: Way
    offset: int

    @property
    def name(self) -> str:
        """The model by which this case is asked for."""
        return f"{self.recording.name} {self.way} at {self.offset}"

    @property
    def sent(self) -> bytes:
        """All bytes that the upstream sends."""
        data, at, chance = self.recording.data, self.offset, random.Random(self.name)
        match self.way:
            case Way.RESET | Way.STALL | Way.CLOSE:
                return data[:at]
            case Way.FLIP:
                return data[:at] + bytes([data[at] ^ chance.randrange(1, 256)]) + data[at + 1 :]
            case Way.INSERT:
                return data[:at] + bytes([chance.randrange(256)]) + data[at:]
            case Way.DELETE:
                return data[:at] + data[at + 1 :]
            case _ as never:
                assert_never(never)

    def blocks(self) -> Iterator[bytes]:
        """The bytes in one piece, or in a few."""
        data, chance = self.sent, random.Random(self.name)
        cuts = sorted({0, len(data), *chance.choices(range(len(data) + 1), k=chance.choice((0, 0, 3)))})
        return (data[start:end] for start, end in pairwise(cuts))


def cases(recording: Recording, way: Way, *, every: int, before: int | None = None) -> list[Case]:
    """Returns a case at each `every`-th offset, from a place that the seed chooses; `before` bounds the offsets."""
    # What breaks off can do so behind the last byte, too; what is garbled has to be there.
    end = len(recording.data) + (0 if way.garbles else 1)
    first = random.Random(f"{recording.name} {way}").randrange(every)
    return [
        Case(recording=recording, way=way, offset=offset) for offset in range(first, min(end, before or end), every)
    ]


async def play(call: Call, case: Case) -> None:
    """Answers as the case says."""
    for block in case.blocks():
        await call.send(block)
        await asyncio.sleep(0)
    match case.way:
        case Way.RESET:
            call.reset()
        case Way.STALL:
            await call.peer_closed()
            call.writer.close()
        case Way.CLOSE | Way.FLIP | Way.INSERT | Way.DELETE:
            call.writer.close()
        case _ as never:
            assert_never(never)


def case_asked_for(call: Call, known: Mapping[str, Case]) -> Case | None:
    """Returns the case that a request names as its model."""
    return known.get(_model(call))


def _model(call: Call) -> str:
    start = call.body.index(b'"model":"') + len(b'"model":"')
    return call.body[start : call.body.index(b'"', start)].decode()
