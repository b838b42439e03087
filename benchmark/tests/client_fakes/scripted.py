"""An HTTP server that says, byte for byte, what a test scripts; and the answers of engines as such bytes."""

import asyncio
import json
import socket
import ssl
import struct
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from triphase_benchmark.client.exchange import Exchange, Question
from triphase_benchmark.client.ports import Target
from triphase_benchmark.engines.engine import Engine

RESET = "reset"  # ends the connection with RST
CLOSE = "close"  # ends it in order
HANG = "hang"  # says nothing more

# Bytes to send in one write, an event to wait for, or one of the above.
Step = bytes | str | asyncio.Event


class ScriptedServer:
    """`async with ScriptedServer(scripts)`: one script for each request, the last one again and again."""

    def __init__(self, *scripts: Sequence[Step], tls: ssl.SSLContext | None = None) -> None:
        self.scripts = deque(scripts)
        self.tls = tls
        self.requests: list[bytes] = []
        self.bodies: list[Any] = []
        self.connections = self.at_once = self.most_at_once = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{'localhost' if self.tls else '127.0.0.1'}:{self.port}"

    @property
    def engine(self) -> Engine:
        return Engine(name="scripted", url=self.url, model="m")

    async def until(self, at_once: int) -> None:
        """Waits until so many requests run at once."""
        while self.at_once < at_once:  # noqa: ASYNC110 - of a test that waits for little else
            await asyncio.sleep(0.001)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client, or the test, is done
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return False
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        body = await reader.readexactly(length)
        self.requests.append(head)
        self.bodies.append(json.loads(body) if body else None)
        script = self.scripts.popleft() if len(self.scripts) > 1 else self.scripts[0]
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await _play(script, writer)
        finally:
            self.at_once -= 1


async def _play(script: Sequence[Step], writer: asyncio.StreamWriter) -> bool:
    for step in script:
        match step:
            case bytes():
                writer.write(step)
                await writer.drain()
            case asyncio.Event():
                await step.wait()
            case "reset":
                connection = writer.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return False
            case "close":
                return False
            case _:
                await asyncio.Event().wait()
    return True


def chunk(text: str | None = None, *, usage: Any = None, finish: str | None = None, **delta: Any) -> bytes:
    """One event of a stream."""
    said = {**({} if text is None else {"content": text}), **delta}
    frame = {"id": "c", "choices": [{"index": 0, "delta": said, "finish_reason": finish}], "usage": usage}
    return b"data: " + json.dumps(frame).encode() + b"\n\n"


def usage_chunk(tokens: int) -> bytes:
    return (
        b"data: "
        + json.dumps({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": tokens}}).encode()
        + b"\n\n"
    )


DONE = b"data: [DONE]\n\n"
STREAM = chunk("", role="assistant") + chunk("Hello") + chunk(" you") + chunk(finish="stop") + usage_chunk(2) + DONE
HELLO = Question(turns=(("user", "Hello?"),))
_TYPE = b"Content-Type: text/event-stream\r\n"


def framed(*pieces: bytes, status: bytes = b"200 OK", kind: bytes = _TYPE) -> list[Step]:
    """An answer in chunks of HTTP, one write for each."""
    head = b"HTTP/1.1 " + status + b"\r\n" + kind + b"Transfer-Encoding: chunked\r\n\r\n"
    return [head, *(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces), b"0\r\n\r\n"]


def counted(body: bytes, *, status: bytes = b"200 OK", kind: bytes = _TYPE) -> list[Step]:
    """An answer with its length."""
    return [b"HTTP/1.1 " + status + b"\r\n" + kind + b"Content-Length: %d\r\n\r\n" % len(body), body]


def closed(body: bytes) -> list[Step]:
    """An answer that the end of the connection ends."""
    return [b"HTTP/1.1 200 OK\r\n" + _TYPE + b"Connection: close\r\n\r\n" + body, CLOSE]


def json_answer(value: Any, status: bytes = b"200 OK") -> list[Step]:
    return counted(json.dumps(value).encode(), status=status, kind=b"Content-Type: application/json\r\n")


async def ask(target: Target, question: Question = HELLO) -> Exchange:
    """Asks once, and waits for the end."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    exchange = Exchange(lambda _: ended.set_result(None))
    target.send(target.prepare(question), exchange)
    await ended
    return exchange
