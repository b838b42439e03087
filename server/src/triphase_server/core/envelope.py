"""What the payloads of one answer have in common, which is everything but the text: reads many of them at a glance.

Its rule: engines write the same JSON around each token, so an event that differs from one that was parsed in one string
alone says what that one said, with this string for its text. That the text stands in that place was tried with another
one. What payloads mean has its one home in `chunk.py`, which reads whatever is different; bytes that are not whole
events are for `sse.py`.
"""

import json
from collections.abc import Callable, Iterator

import msgspec

from triphase_server.core.chunk import Chunk, ChunkError

_PROBE = b"another text"
_MOST_BYTES = 4096  # of a payload; what surrounds the text of a token is far shorter
# After so many texts in a row that had to be parsed none is looked at any more: the engine never repeats itself.
_MOST_PARSED = 6

_string = msgspec.json.Decoder(str).decode


class Envelope:
    """The bytes around the text of an answer's latest plain payload.

    `parse` reads one payload; no line longer than `longest` bytes is read here. `idle`: there is no use in learning
    more, until a text has been read after all.
    """

    def __init__(self, parse: Callable[[bytes], Chunk], *, longest: int) -> None:
        self._parse = parse
        self._longest = longest
        self.idle = False
        self._parsed = 0
        self._chunk = Chunk()
        self._before = self._behind = b""  # with what makes a payload an event

    def learn(self, payload: bytes, chunk: Chunk) -> None:
        """Takes a payload and what it says: what surrounds its text is expected of the next ones."""
        text = chunk.reasoning or chunk.content
        if not text:
            return
        self._parsed += 1
        self.idle = self._parsed >= _MOST_PARSED
        if len(payload) > _MOST_BYTES or b"\n" in payload or chunk != _saying(text, like=chunk):
            return
        for before, behind in _around(text, payload):
            if self._says(before + _PROBE + behind, _saying(_PROBE.decode(), like=chunk)):
                self._chunk = chunk
                self._before, self._behind = b"data: " + before, behind + b"\n\n"

    def read(self, block: bytes, at: int) -> tuple[list[str], int]:
        """Returns the texts of the events that follow one another from `at` on, and where they end.

        An event must begin there, with nothing before it that belongs to it.
        """
        before, behind = self._before, self._behind
        texts: list[str] = []
        while before and block.startswith(before, at):
            begin = at + len(before)
            end = block.find(behind, begin, at + self._longest)
            text = _text(block[begin - 1 : end + 1]) if end > begin else ""
            if not text:
                break
            texts.append(text)
            at = end + len(behind)
        if texts:
            self._parsed = 0
            self.idle = False
        return texts, at

    def saying(self, text: str) -> Chunk:
        """Returns what events say whose texts, joined, are this one."""
        return _saying(text, like=self._chunk)

    def _says(self, payload: bytes, expected: Chunk) -> bool:
        try:
            return self._parse(payload) == expected
        except ChunkError:
            return False


def _saying(text: str, *, like: Chunk) -> Chunk:
    """Returns a chunk that says this text and nothing else, on the channel of the other one."""
    if like.reasoning:
        return Chunk(reasoning=text, model=like.model, answers=True)
    return Chunk(content=text, model=like.model, answers=True)


def _around(text: str, payload: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The bytes before and behind the place where the text seems to stand, with its quotation marks."""
    literals = [msgspec.json.encode(text)]
    if not text.isascii():  # which some engines escape
        literals.append(json.dumps(text).encode())
    for literal in literals:
        before, found, behind = payload.rpartition(literal)
        if found:
            yield before + b'"', b'"' + behind


def _text(literal: bytes) -> str:
    """Returns the text of what begins and ends with a quotation mark, or nothing where that is no JSON string."""
    try:
        return _string(literal)
    except ValueError:
        return ""
