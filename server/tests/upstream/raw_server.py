"""A raw TCP server that answers byte for byte what a test says and tells what it saw, and an adapter to talk to it."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from triphase_server.core.error_patterns import ErrorPattern
from triphase_server.core.request import GenerationRequest, Message, Role, TextPart
from triphase_server.core.route import Deployment, Timeouts
from triphase_server.upstream.client import HttpUpstream
from triphase_server.upstream.response import HttpResponse
from triphase_server.upstream.settings import Secret, UpstreamSettings

GUARD_S = 10.0  # only against hanging: no test waits for it
UNIX_TIME = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


@dataclass
class Call:
    """One request as the server got it, and the connection to answer on."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: str
    body: bytes

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def begin(self) -> None:
        await self.send(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")

    async def chunk(self, data: bytes) -> None:
        await self.send(b"%x\r\n%s\r\n" % (len(data), data))

    async def end(self) -> None:
        await self.send(b"0\r\n\r\n")

    async def whole(self, body: bytes, *, status: str = "200 OK", headers: str = "") -> None:
        lines = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        await self.send(lines.encode() + body)

    def reset(self) -> None:
        """Ends the connection by RST: lingering for no time makes the kernel drop it."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def peer_closed(self) -> None:
        """Waits until the client's end of the connection is gone."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass


Handler = Callable[[Call], Awaitable[None]]


@dataclass
class RawServer:
    """Runs `handler` for each request; `connections` counts what was accepted, `calls` what was asked.

    `greeting` is sent to whoever connects.
    """

    handler: Handler
    port: int = 0
    greeting: bytes = b""
    connections: int = 0
    calls: list[Call] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(self.greeting)
        try:
            while not writer.is_closing():
                call = await _read_call(reader, writer)
                self.calls.append(call)
                await self.handler(call)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except Exception as exc:
            self.errors.append(exc)
        finally:
            writer.close()

    async def stop(self) -> None:
        for task in tuple(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def _read_call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Call:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lengths = [line.partition(":")[2] for line in head.splitlines() if line.lower().startswith("content-length:")]
    return Call(reader, writer, head, await reader.readexactly(int(lengths[0]) if lengths else 0))


@dataclass(frozen=True)
class Net:
    """What a test needs: a server, an adapter, a request."""

    key: str = "sk-very-secret-4711"
    deployment: Deployment = Deployment(name="main", upstream="engine", model="tiny", timeouts=Timeouts(connect_s=5.0))
    request: GenerationRequest = GenerationRequest(
        model="public", messages=(Message(role=Role.USER, content=(TextPart("Hello"),)),)
    )

    @asynccontextmanager
    async def serve(self, handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
        raw = RawServer(handler)
        listener = await asyncio.start_server(raw.accept, "127.0.0.1", 0, ssl=tls)
        raw.port = listener.sockets[0].getsockname()[1]
        try:
            yield raw
        finally:
            listener.close()
            await raw.stop()
        assert raw.errors == []

    @asynccontextmanager
    async def connect(self, target: RawServer | str, **changes: object) -> AsyncIterator[HttpUpstream]:
        """Yields an adapter with one upstream, `engine`; in the end none of its requests may be left in flight."""
        base_url = target if isinstance(target, str) else f"http://127.0.0.1:{target.port}/v1"
        plain = UpstreamSettings(name="engine", base_url=base_url, api_key=Secret(self.key))
        settings = replace(plain, **changes)  # type: ignore[arg-type]
        upstream = HttpUpstream([settings], unix_time=lambda: UNIX_TIME)
        try:
            async with asyncio.timeout(GUARD_S):
                yield upstream
            assert upstream.in_use(settings.name) == 0
        finally:
            await upstream.close()

    async def open(
        self, upstream: HttpUpstream, *, text: str = "", connect_s: float = 5.0, errors: tuple[ErrorPattern, ...] = ()
    ) -> HttpResponse:
        message = Message(role=Role.USER, content=(TextPart(text or "Hello"),))
        return await upstream.open(
            replace(self.deployment, timeouts=Timeouts(connect_s=connect_s), errors=errors),
            request=replace(self.request, messages=(message,)),
            reasoning_body={},
        )
