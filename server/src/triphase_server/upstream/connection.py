"""One connection to an upstream, and who makes them: aiohttp's own, with three more rules.

Where a body is garbled right behind its head, aiohttp's parser throws away the head too if it sees both at once
(3.14.5), so what came in one piece would fail otherwise than what came in two: it is handed the head first. Each HTTP
chunk that is read tells the connection to go on, which makes the parser look at nothing, at the cost of reading the
chunk: only one that was paused is told. And a connection remembers that it was used, for who finds it dead.
"""

import re
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

_BLANK_LINE = re.compile(rb"\n\r?\n")
_MOST_OF_A_BLANK_LINE = 2


class UpstreamConnection(ResponseHandler):
    """What aiohttp reads a connection with. `used`: an exchange began on it."""

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self.used = False
        self._awaits_head = False
        self._end = b""  # of what came so far: a blank line may come in two pieces

    def await_head(self) -> None:
        """Says that what comes next is the head of a response."""
        self._awaits_head = True
        self._end = b""

    def data_received(self, data: bytes) -> None:
        """Takes what arrived; up to the end of a head cut behind it."""
        if self._awaits_head and data:
            data = self._take_head(data)
            if not data:
                return
        super().data_received(data)

    def resume_reading(self, *which: bool, **how: bool) -> None:
        """Goes on reading, where it was paused; arguments are of aiohttp 3.14 alone."""
        if self._reading_paused:
            super().resume_reading(*which, **how)

    def _take_head(self, data: bytes) -> bytes:
        """Returns what follows the first blank line, which is taken; lines before a head mean nothing."""
        if not self._end:
            data = data.lstrip(b"\r\n")
        seen = self._end + data
        blank = _BLANK_LINE.search(seen)
        cut = blank.end() - len(self._end) if blank else 0
        self._end = seen[-_MOST_OF_A_BLANK_LINE:]
        if cut > 0:
            super().data_received(data[:cut])
            data = data[cut:]
        self._awaits_head = not len(self)  # heads that wait to be taken
        return data if self.is_connected() else b""


class Connector(aiohttp.TCPConnector):
    """Makes connections of ours."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = partial(UpstreamConnection, loop=self._loop)  # type: ignore[assignment] # a kind of it
