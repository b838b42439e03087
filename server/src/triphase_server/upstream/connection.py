"""One connection to an upstream, and who makes them: aiohttp's own, with four more rules.

Where a body is garbled right behind its head, aiohttp's parser throws away the head too if it sees both at once
(3.14.5), so what came in one piece would fail otherwise than what came in two: it is handed the head first. A chunked
body it is not handed at all, since it does for each chunk what `chunked.py` does for each block, and engines send a
chunk for each token. A connection goes on reading only after a pause. And it counts its exchanges, for who finds it
dead.
"""

import re
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from triphase_server.upstream.chunked import ChunkedBody

_BLANK_LINE = re.compile(rb"\n\r?\n")
_MOST_OF_A_BLANK_LINE = 2


class GarbledBody(aiohttp.ClientPayloadError):
    """The body breaks the framing that its head announced."""


class UpstreamConnection(ResponseHandler):
    """What aiohttp reads a connection with; `exchanges` have begun on it."""

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self.exchanges = 0
        self._awaits_head = False
        self._end = b""  # of what came so far: a blank line may come in two pieces
        self._content: aiohttp.StreamReader | None = None  # where the body goes
        self._chunked: ChunkedBody | None = None

    def set_response_params(self, **params: Any) -> None:
        """Begins an exchange: what comes next is the head of a response."""
        self.exchanges += 1
        self._awaits_head = True
        self._end = b""
        self._content = self._chunked = None
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Takes what arrived; up to the end of a head cut behind it."""
        if self._awaits_head and data:
            data = self._take_head(data)
            if not data:
                return
        if self._chunked is None:
            super().data_received(data)
        elif data:
            self._take_chunks(data, self._chunked)

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Takes a head and where its body goes, as the parser tells them."""
        super().feed_data(data, size)
        message, content = data
        if not content.is_eof():
            self._content, self._chunked = content, ChunkedBody() if message.chunked else None

    def resume_reading(self, *which: bool, **how: bool) -> None:
        """Goes on reading, where it was paused; arguments are of aiohttp 3.14 alone."""
        if self._reading_paused:
            super().resume_reading(*which, **how)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Ends the read that waits, also where it was we who closed the connection, of which aiohttp tells nobody."""
        content, self._content = self._content, None
        super().connection_lost(exc)
        if content is not None and not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError())

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

    def _take_chunks(self, data: bytes, body: ChunkedBody) -> None:
        content = self._content
        if content is None:  # nobody asked: it is no answer, and must not become one
            self._drop()
            return
        if plain := body.feed(data):
            content.feed_data(plain)
        if not (body.whole or body.garbled):
            return
        # aiohttp's parser, which waits for the first chunk, has nothing more to say of this body.
        self._content = self._parser = self._payload = None
        if body.garbled:
            self._drop()
        if body.whole:
            content.feed_eof()
        else:
            content.set_exception(GarbledBody())

    def _drop(self) -> None:
        self.force_close()  # it goes into no pool
        if self.transport is not None:
            self.transport.close()


class Connector(aiohttp.TCPConnector):
    """Makes connections of ours."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = partial(UpstreamConnection, loop=self._loop)  # type: ignore[assignment] # a kind of it
