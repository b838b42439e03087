"""One connection of the simulated engine: HTTP/1.1 requests in, heads and bodies out.

Its rule: what is written goes to the socket at once, and only what it does not take waits in the transport; so the time
after `send` is the time at which the system had the bytes. That is why aiohttp's server, which the other models use, is
not used here (decision 0019). What requests mean is `routes.py`.
"""

import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, cast

import httptools

from triphase_model.engine.refusals import error_body
from triphase_model.engine.simulated.serving.ports import Handler, Respondent

_MAX_BODY: Final = 32 << 20
_MAX_HEADERS: Final = 64 << 10
_MAX_PIPELINED: Final = 16
_HIGH_WATER: Final = 256 << 10
_NO_LINGER: Final = struct.pack("ii", 1, 0)
_JSON: Final = "application/json"
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True, kw_only=True)
class Request:
    """A whole request; names of headers are in small letters."""

    method: str = ""
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    keep_alive: bool = True
    is_old: bool = False


class Connection(asyncio.Protocol):
    """Reads requests and gives them to the handler one after the other; `server` is what it calls itself.

    `lost` is called when it is no more.
    """

    def __init__(self, handler: Handler, *, server: str, lost: Callable[["Connection"], None]) -> None:
        self._handler = handler
        self._lost = lost
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request()
        self._parts: list[bytes] = []
        self._size = 0
        self._waiting: deque[Request] = deque()
        self._current: Request | None = None
        self._chunked = False
        self._transport: asyncio.Transport | None = None
        self._descriptor = -1
        self.respondent: Respondent | None = None
        self.blocked = False

    # The transport's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_HIGH_WATER)
        self._descriptor = transport.get_extra_info("socket").fileno()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - it is gone, why ever
        """The client is gone."""
        self._transport = None
        self._waiting.clear()
        self._lost(self)
        respondent, self.respondent = self.respondent, None
        if respondent is not None:
            respondent.left()

    def pause_writing(self) -> None:
        """The client does not read."""
        self.blocked = True

    def resume_writing(self) -> None:
        """It reads again."""
        self.blocked = False
        if self.respondent is not None:
            self.respondent.writable()

    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # What is offered may be ignored (RFC 9110, 7.8): the request has been heard, and more may follow.
            self._parser = httptools.HttpRequestParser(self)
            if rest := data[upgrade.args[0] :]:
                self.data_received(rest)
        except httptools.HttpParserError:
            self._refuse(HTTPStatus.BAD_REQUEST)

    # The parser's side.

    def on_message_begin(self) -> None:
        """A request begins."""
        self._request, self._parts, self._size = Request(), [], 0

    def on_url(self, url: bytes) -> None:
        """A piece of its path."""
        self._request.path += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One of its headers."""
        self._size += len(name) + len(value)
        if self._size > _MAX_HEADERS:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        self._request.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._size = 0
        if self._request.headers.get("expect", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A piece of its body."""
        self._size += len(body)
        if self._size > _MAX_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        self._parts.append(body)

    def on_message_complete(self) -> None:
        """It is whole."""
        request = self._request
        request.method = self._parser.get_method().decode()
        request.path = request.path.partition("?")[0]
        request.body = b"".join(self._parts)
        request.keep_alive = self._parser.should_keep_alive()
        request.is_old = self._parser.get_http_version() == "1.0"
        self._waiting.append(request)
        if len(self._waiting) > _MAX_PIPELINED:
            self._refuse(HTTPStatus.TOO_MANY_REQUESTS)
        elif self._current is None:
            self._next()

    # The answer's side.

    def head(self, status: int, headers: Mapping[str, str], *, length: int | None) -> None:
        """Writes the head; without a `length` the body is chunked, or ends with the connection for HTTP/1.0."""
        assert self._current is not None
        self._chunked = length is None and not self._current.is_old
        if length is not None:
            framing = f"Content-Length: {length}\r\n"
        else:
            framing = "Transfer-Encoding: chunked\r\n" if self._chunked else ""
            self._current.keep_alive = self._current.keep_alive and self._chunked
        if not self._current.keep_alive:
            framing += "Connection: close\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        phrase = _PHRASES.get(status, "Unknown")
        self.send(f"HTTP/1.1 {status} {phrase}\r\nServer: {self._server}\r\n{lines}{framing}\r\n".encode("latin-1"))

    def framed(self, data: bytes) -> bytes:
        """A piece of the body as it goes over the line."""
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data

    def send(self, data: bytes) -> None:
        """Hands bytes to the socket; what it does not take goes there as soon as it can."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size():
            transport.write(data)
            return
        try:
            sent = os.write(self._descriptor, data)
        except BlockingIOError:
            sent = 0
        except OSError:
            transport.abort()
            return
        if sent < len(data):
            transport.write(data[sent:])

    def whole(self, status: int, body: bytes, *, content_type: str = _JSON, **headers: str) -> None:
        """Writes a whole response."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.head(status, {"Content-Type": content_type, **named}, length=len(body))
        self.send(body)
        self.done()

    def end_mark(self) -> bytes:
        """What ends a body without a length."""
        return b"0\r\n\r\n" if self._chunked else b""

    def done(self) -> None:
        """The response is whole: goes on with the next request, or closes."""
        self.respondent = None
        if self._current is not None and not self._current.keep_alive and self._transport is not None:
            self._transport.close()
            self._waiting.clear()
        self._next()

    def reset(self) -> None:
        """Breaks the connection with a TCP reset."""
        if self._transport is not None:
            # Without lingering, closing sends RST instead of FIN.
            with socket.socket(fileno=os.dup(self._descriptor)) as twin:
                twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._transport.abort()

    def close(self) -> None:
        """Closes it, as at the engine's end."""
        if self._transport is not None:
            self._transport.abort()

    def _next(self) -> None:
        self._current = self._waiting.popleft() if self._waiting else None
        if self._current is not None:
            self._handler.handle(self, self._current)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answers what is no request, and closes."""
        if self._transport is None or self._transport.is_closing():
            return
        self._waiting.clear()
        if self._current is None:
            self._current = Request(keep_alive=False)
            self.whole(status, error_body(status.phrase, status=status))
        else:
            self._transport.abort()
