"""Server-sent events from bytes, by the rules of the WHATWG (HTML Living Standard, 9.2.6).

Its rule: any cut of the bytes gives the same events. Lines end with CR, LF or CRLF, wherever the bytes are cut; data
stays bytes, so nothing is decoded twice. An unfinished event at the end is dropped. Nothing is raised: a limit that is
broken stands in `fault`, so the events before it are never lost. What the data means is `chunk.py`.
"""

import msgspec

_BOM = b"\xef\xbb\xbf"
_MIB = 1 << 20


class SSEEvent(msgspec.Struct, frozen=True, gc=False):
    """One event; an empty `event` is the default type, `message`.

    A msgspec Struct instead of a dataclass, as there is one for every token: it is made six times as fast.
    """

    event: bytes
    data: bytes


class SSEDecoder:
    """Turns bytes into events; holds one unfinished line and the data of one unfinished event, both bounded.

    `fault` says what was wrong, or is empty; from then on nothing more is decoded. `foreign` is set by a line that
    belongs to no event stream, such as one of an HTML page; by the standard such lines are ignored.
    """

    def __init__(self, *, max_line_bytes: int = 8 * _MIB, max_event_bytes: int = 16 * _MIB) -> None:
        self.fault = ""
        self.foreign = False
        self._max_line_bytes = min(max_line_bytes, max_event_bytes)
        self._max_event_bytes = max_event_bytes
        self._opening: bytes | None = b""  # what may still become a byte order mark; None once that is decided
        self._after_cr = False
        self._line = bytearray()  # the unfinished line
        self._event = b""
        self._data: list[bytes] = []
        self._data_bytes = 0  # with a line feed for each line; kept from the second line on

    @property
    def at_rest(self) -> bool:
        """Whether the next byte begins a line that may be the first of an event, and nothing is held."""
        return not (self._line or self._data or self._event or self._after_cr or self._opening is not None)

    def feed(self, block: bytes) -> list[SSEEvent]:
        """Returns the events that are complete with these bytes."""
        if self.fault:
            return []
        if self._opening is not None:
            block = self._open(block)
        if self._after_cr or b"\r" in block:
            block = self._with_lf_only(block)
        if b"\n" not in block:
            self._hold(block)
            return []
        if self._line:
            block = b"".join((self._line, block))
            self._line.clear()
        lines = block.split(b"\n")
        rest = lines.pop()
        events = self._read(lines)
        if rest:
            self._hold(rest)
        return events

    def close(self) -> None:
        """Takes the end of the bytes: a last line without an end still counts for `foreign`, never for an event."""
        if not self.fault and self._line:
            self._field(bytes(self._line))
        self._line.clear()
        self._data.clear()

    def _open(self, block: bytes) -> bytes:
        """Drops one leading byte order mark, which may come in pieces."""
        start = (self._opening or b"") + block
        if len(start) < len(_BOM) and _BOM.startswith(start):
            self._opening = start
            return b""
        self._opening = None
        return start.removeprefix(_BOM)

    def _with_lf_only(self, block: bytes) -> bytes:
        """Makes every line end an LF. A CR ends its line at once; an LF that follows it belongs to it."""
        if not block:
            return block
        ended_by_cr = block.endswith(b"\r")
        if self._after_cr:
            block = block.removeprefix(b"\n")
        self._after_cr = ended_by_cr
        return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _hold(self, piece: bytes) -> None:
        if self.fault:
            return
        if len(self._line) + len(piece) > self._max_line_bytes:
            self._fail("a line is too long")
        else:
            self._line += piece

    def _read(self, lines: list[bytes]) -> list[SSEEvent]:
        """Processes whole lines; one data line and an empty one is what nearly every event is made of."""
        events: list[SSEEvent] = []
        data = self._data
        longest = self._max_line_bytes
        for line in lines:
            if not line:
                if data:
                    events.append(SSEEvent(self._event, data[0] if len(data) == 1 else b"\n".join(data)))
                    data.clear()
                self._event = b""
            elif len(line) > longest:
                self._fail("a line is too long")
            elif not data and line.startswith(b"data: "):
                data.append(line[6:])
            else:
                self._field(line)
            if self.fault:
                break
        return events

    def _field(self, line: bytes) -> None:
        """Processes a line that is not empty: `name: value`, `name:value`, `name`, or a comment."""
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"data":
                if len(self._data) < 2:  # the first line may have come the short way
                    self._data_bytes = sum(map(len, self._data)) + len(self._data)
                self._data.append(value)
                self._data_bytes += len(value) + 1
                if self._data_bytes > self._max_event_bytes:
                    self._fail("an event is too long")
            case b"event":
                self._event = value
            case b"" | b"id" | b"retry":
                pass
            case _:
                self.foreign = True

    def _fail(self, fault: str) -> None:
        self.fault = fault
        self._line.clear()
        self._data.clear()
