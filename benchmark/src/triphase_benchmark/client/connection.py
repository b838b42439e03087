"""One HTTP/1.1 connection: the hot path. Bytes go out whole, and what comes in gets one time for each read.

Its rule: in `data_received` the clock is read first, once, and nothing is parsed but HTTP's own framing, which says
where an answer ends. One exchange at a time, no pipelining. A connection that has seen anything wrong is not used
again. Bodies are chunked, counted, or end with the connection; a body that is encoded is refused, since nobody asked
for it.
"""

import asyncio
from collections.abc import Callable
from time import monotonic_ns
from typing import cast

import httptools

from triphase_benchmark.client.exchange import Exchange, Limits
from triphase_benchmark.records.error_kinds import ErrorKind


class Connection(asyncio.Protocol):
    """Serves one exchange after another; `idle` and `lost` tell its pool what becomes of it."""

    def __init__(
        self, limits: Limits, *, idle: Callable[["Connection"], None], lost: Callable[["Connection"], None]
    ) -> None:
        self.idle_since = 0
        self._limits = limits
        self._idle = idle
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: Exchange | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._now = 0
        self._head = 0  # bytes of a head that is not whole yet
        self._in_body = False
        self._complete = False
        self._framed = False  # the body's end is told by its own framing, not by the connection's
        self._keeps = False  # the connection outlives this answer
        self._wrong = ""

    def send(self, request: bytes, exchange: Exchange) -> None:
        """Begins an exchange; the connection must be idle."""
        assert self._exchange is None
        assert self._transport is not None
        self._exchange = exchange
        self._head = 0
        self._in_body = self._complete = self._framed = False
        self._timer = self._loop.call_later(self._limits.timeout_s, self._timed_out)
        exchange.sent = monotonic_ns()
        self._transport.write(request)

    def drop(self, exchange: Exchange, kind: ErrorKind = ErrorKind.DROPPED, detail: str = "") -> None:
        """Ends an exchange that is still the one of this connection, and the connection with it."""
        if self._exchange is exchange:
            self._finish(monotonic_ns(), (kind, detail))

    def close(self) -> None:
        """Closes at once."""
        if self._transport is not None:
            self._transport.abort()

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Takes one read."""
        self._now = now = monotonic_ns()
        exchange = self._exchange
        if exchange is None:  # nobody asked
            self.close()
            return
        if not self._in_body:
            self._head += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._wrong = self._wrong or f"not HTTP: {error}"
        if not self._in_body and self._head > self._limits.head_bytes and not self._complete:
            self._wrong = f"a head of more than {self._limits.head_bytes} bytes"
        elif exchange.size > self._limits.body_bytes:
            self._wrong = f"a body of more than {self._limits.body_bytes} bytes"
        if self._wrong:
            self._finish(now, (ErrorKind.PROTOCOL, self._wrong))
        elif self._complete:
            self._finish(now, None)

    def eof_received(self) -> bool:
        """Lets the transport close: nobody half-closes a connection to an engine."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Ends what was running, well only where the end of the connection is how the body ends."""
        self._transport = None
        self._lost(self)
        if self._exchange is None:
            return
        if self._in_body and not self._framed and error is None:
            self._finish(monotonic_ns(), None)
            return
        how = f"broke: {error}" if error is not None else "was closed"
        where = "amid the answer" if self._exchange.responded else "before an answer"
        self._finish(monotonic_ns(), (ErrorKind.RESET, f"the connection {how} {where}"))

    # What the parser calls, from `data_received`.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keeps what says how to read the body."""
        exchange = self._exchange
        match name.lower():
            case b"content-type" if exchange is not None:
                exchange.content_type = value.decode("latin-1").lower()
            case b"content-length" | b"transfer-encoding":
                self._framed = True
            case b"content-encoding" if value.lower() != b"identity":
                self._wrong = f"encoded as {value[:40].decode('latin-1')}, which nobody asked for"
            case _:
                pass

    def on_headers_complete(self) -> None:
        """Notes the status; an interim one is no answer."""
        exchange = self._exchange
        status = self._parser.get_status_code()
        if exchange is None or status < 200:
            return
        if self._complete:
            self._wrong = "more than one answer"
            return
        self._in_body = True
        self._keeps = self._parser.should_keep_alive()  # which it no longer knows once the message is complete
        exchange.status = status
        exchange.responded = self._now

    def on_body(self, body: bytes) -> None:
        """Keeps a piece with the time of its read."""
        exchange = self._exchange
        if exchange is not None:
            exchange.reads.append((self._now, body))
            exchange.size += len(body)

    def on_message_complete(self) -> None:
        """Notes the end; what follows it is left to `data_received`, since the parser is still at work."""
        if self._in_body:
            self._complete = True
            self._in_body = False

    def _timed_out(self) -> None:
        if self._exchange is not None:
            self._finish(monotonic_ns(), (ErrorKind.TIMEOUT, f"not whole after {self._limits.timeout_s:g} s"))

    def _finish(self, at: int, failure: tuple[ErrorKind, str] | None) -> None:
        exchange, self._exchange = self._exchange, None
        if self._timer is not None:
            self._timer.cancel()
        assert exchange is not None
        if failure is None and self._transport is not None and self._keeps:
            self.idle_since = at
            self._idle(self)  # before its owner asks for the next one
        else:
            self.close()
        exchange.end(at, failure)
