"""An upstream that streams at a pace, in this process, and notes when each exchange began and ended.

Its rule: it notices a closed connection when the system says so, not at its next write. A request is known by the
number in its prompt (`numbered`). The answer is a recorded one, over connections that are kept; engines that break are
`faults.py`.
"""

import asyncio
import math
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from resilience.recordings import Recording

_NUMBER = re.compile(rb"request number (\d+)")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
# Events that an engine which holds back keeps: the end, and some of the output.
_HELD = 7


def numbered(number: int) -> str:
    """Returns the prompt of a request that is to be told from others."""
    return f"This is request number {number}. What is 47 + 38?"


class Engine:
    """Answers all requests alike: `pace_s` before each event, and the last ones not before `released` is set.

    Where more than `capacity` run at once, each gets its share of what it gives: all become slower.

    `asked_at` and `ended_at`: when each request came and when its exchange ended, on the loop's clock, by number.
    `open` exchanges have begun and not ended, `most_open` the most at once, and of those `holding`
    have got all but what is held back.
    """

    def __init__(self, *, pace_s: float, capacity: float = math.inf) -> None:
        recording = Recording("vllm-0.32-continuous-usage")
        self.truth = recording.truth
        self.events = recording.events
        self.pace_s = pace_s
        self.capacity = capacity
        self.released = asyncio.Event()
        self.released.set()
        self.asked_at: dict[int, float] = {}
        self.ended_at: dict[int, float] = {}
        self.open = self.most_open = 0
        self.holding = 0
        self.base_url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Engine"]:
        """Serves on a free port of loopback."""
        connections: set[_Connection] = set()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(self, connections), "127.0.0.1", 0, backlog=1024)
        host, port = server.sockets[0].getsockname()
        self.base_url = f"http://{host}:{port}/v1"
        try:
            yield self
        finally:
            server.close()
            for connection in tuple(connections):
                connection.abort()


class _Connection(asyncio.Protocol):
    def __init__(self, engine: Engine, connections: "set[_Connection]") -> None:
        self._engine = engine
        self._all = connections
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._number: int | None = None
        self._playing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._all.add(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not found or length is None or len(body) < int(length[1]):
            return
        self._received = b""
        number = _NUMBER.search(body)
        self._begin(int(number[1]) if number else -1)

    def connection_lost(self, _: Exception | None) -> None:
        self._all.discard(self)
        if self._playing is not None:
            self._playing.cancel()
        self._end()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _begin(self, number: int) -> None:
        self._number = number
        self._engine.open += 1
        self._engine.most_open = max(self._engine.most_open, self._engine.open)
        self._engine.asked_at[number] = asyncio.get_running_loop().time()
        self._playing = asyncio.create_task(self._play())

    def _end(self) -> None:
        number, self._number = self._number, None
        if number is not None:
            self._engine.open -= 1
            self._engine.ended_at[number] = asyncio.get_running_loop().time()

    async def _play(self) -> None:
        engine = self._engine
        self._write(_HEAD)
        for event in engine.events[:-_HELD]:
            await asyncio.sleep(engine.pace_s * max(1.0, engine.open / engine.capacity))
            self._chunk(event)
        engine.holding += 1
        try:
            await engine.released.wait()
        finally:
            engine.holding -= 1
        for event in engine.events[-_HELD:]:
            self._chunk(event)
        self._end()
        self._write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        self._write(b"%x\r\n%s\r\n" % (len(data), data))

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)
