"""An engine that does nothing but send, in a process of its own, so that what a client adds can be seen.

Its rule: each chunk holds the time at which it was handed to the kernel (`sent_ns`, read just before the call), and
leaves by a call of its own. A request says in its member `null_engine` how it is answered: `tokens`, the time between
them and before the first in µs, and whether all streams send in step, as engines that batch do.
"""

import errno
import multiprocessing
import selectors
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from multiprocessing.connection import Connection
from time import monotonic_ns
from types import TracebackType
from typing import Self

import msgspec

MEMBER = "null_engine"
MODEL = "null"

_START_S = 30.0
_MOST_REQUEST = 64 * 1024 * 1024
# As long as what engines send; the time has a fixed width, so that the size of a chunk is known beforehand.
_CHUNK = (
    b'data: {"id":"chatcmpl-null-0123456789abcdef0123456789abcdef","object":"chat.completion.chunk",'
    b'"created":1760000000,"model":"null","choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,'
    b'"finish_reason":null}],"sent_ns":%20d}\n\n'
)
_FRAMED = b"%x\r\n" % len(_CHUNK % 0) + _CHUNK + b"\r\n"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_LAST = (
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}],'
    b'"usage":{"prompt_tokens":1,"completion_tokens":%d,"total_tokens":%d}}\n\ndata: [DONE]\n\n'
)
_MODELS = b'{"object":"list","data":[{"id":"null","object":"model"}]}'


class Answering(msgspec.Struct, frozen=True, kw_only=True):
    """How a request is answered; times in µs."""

    tokens: int = 16
    interval_us: int = 0
    first_us: int = 0
    in_step: bool = False


class _Body(msgspec.Struct, frozen=True):
    null_engine: Answering = Answering()


@dataclass(slots=True, eq=False)
class _Stream:
    """One connection: what it has heard, and what it still has to say."""

    socket: socket.socket
    heard: bytearray = field(default_factory=bytearray)
    unsent: bytes = b""
    how: Answering = Answering()
    left: int = 0
    due: int = 0


class NullEngine:
    """Runs it: `with NullEngine() as engine: engine.url`."""

    scheme = "http"

    def __enter__(self) -> Self:
        spawning = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawning.Pipe()
        self._process = spawning.Process(target=self.serve, args=(theirs,), name="null engine")
        self._process.start()
        theirs.close()
        if not self._pipe.poll(_START_S):
            self.__exit__(None, None, None)
            raise RuntimeError("the null engine did not start")
        self.url = f"{self.scheme}://127.0.0.1:{self._pipe.recv()}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        self._process.join(_START_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    @staticmethod
    def serve(pipe: Connection) -> None:
        """Serves until the pipe closes; tells its port over it."""
        ignoring_interrupts()
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        listener.setblocking(False)
        pipe.send(listener.getsockname()[1])
        with selectors.DefaultSelector() as selector:
            selector.register(pipe.fileno(), selectors.EVENT_READ, None)
            selector.register(listener, selectors.EVENT_READ, listener)
            _Server(selector, listener).run()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process.pid is not None
        return self._process.pid


def ignoring_interrupts() -> None:
    """Leaves Ctrl-C to the parent, with whom this process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Server:
    def __init__(self, selector: selectors.BaseSelector, listener: socket.socket) -> None:
        self._selector = selector
        self._listener = listener
        self._due: list[tuple[int, int, _Stream]] = []
        self._count = 0

    def run(self) -> None:
        while True:
            wait_s = (self._due[0][0] - monotonic_ns()) / 1e9 if self._due else None
            for key, _ in self._selector.select(None if wait_s is None else max(wait_s, 0.0)):
                match key.data:
                    case None:
                        return
                    case _Stream() as stream:
                        self._hear(stream)
                    case _:
                        self._accept()
            now = monotonic_ns()
            while self._due and self._due[0][0] <= now:
                self._advance(heappop(self._due)[2])

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            while True:
                connection, _ = self._listener.accept()
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._selector.register(connection, selectors.EVENT_READ, _Stream(connection))

    def _hear(self, stream: _Stream) -> None:
        try:
            data = stream.socket.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        stream.heard += data
        if not data or len(stream.heard) > _MOST_REQUEST:
            self._end(stream)
        else:
            self._answer(stream)

    def _answer(self, stream: _Stream) -> None:
        head, found, body = bytes(stream.heard).partition(b"\r\n\r\n")
        length = _length(head)
        if not found or len(body) < length:
            return
        stream.heard = bytearray(body[length:])
        if not head.startswith(b"POST"):
            self._say(
                stream,
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_MODELS)
                + _MODELS,
            )
            return
        stream.how = msgspec.json.decode(body[:length], type=_Body).null_engine
        stream.left = stream.how.tokens
        now = monotonic_ns()
        self._say(stream, _HEAD)
        stream.due = now + stream.how.first_us * 1000
        if stream.how.in_step and stream.how.interval_us:
            stream.due += -stream.due % (stream.how.interval_us * 1000)
        self._wait(stream)

    def _advance(self, stream: _Stream) -> None:
        """Sends the chunk that is due; nothing new as long as the one before waits for the client to read."""
        if stream.socket.fileno() < 0:
            return
        if stream.unsent:
            self._say(stream, b"")
            if stream.unsent:
                stream.due = monotonic_ns() + 100_000
                self._wait(stream)
                return
        if stream.left:
            self._say(stream, _FRAMED % monotonic_ns())
            stream.left -= 1
            stream.due += stream.how.interval_us * 1000
            self._wait(stream)
        else:
            last = _LAST % (stream.how.tokens, stream.how.tokens + 1)
            self._say(stream, b"%x\r\n%b\r\n0\r\n\r\n" % (len(last), last))

    def _wait(self, stream: _Stream) -> None:
        self._count += 1  # so that streams that are due at once take turns
        heappush(self._due, (stream.due, self._count, stream))

    def _say(self, stream: _Stream, data: bytes) -> None:
        data = stream.unsent + data
        try:
            stream.unsent = data[stream.socket.send(data) :] if data else b""
        except BlockingIOError:
            stream.unsent = data
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ECONNRESET):
                raise
            self._end(stream)

    def _end(self, stream: _Stream) -> None:
        if stream.socket.fileno() >= 0:
            self._selector.unregister(stream.socket)
            stream.socket.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
