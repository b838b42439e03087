"""The upstream of all measurements, a process of its own: `python -m perf.upstream`. Its first output line is its URL.

Its rule: it costs next to nothing, since all is encoded before the first request and nothing of a request is looked
at but its path, which names the pace: `/blast/…`, `/paced/…` and so on. What is sent is `answer.py`.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping

import uvloop

from perf import answer

FLOOD_CHUNKS = 16
PACE_S = 0.004
# Where it shares a core with the client, the client goes first, since that one holds the clock.
_NICE = 5

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

_Play = Callable[[asyncio.StreamWriter], Awaitable[None]]


def _framed(block: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(block), block)


_OPENING = _HEAD + _framed(answer.opening())
# As engines do it: each event of the stream is an HTTP chunk and a write of its own.
_TOKENS = [_framed(chunk) for chunk in answer.tokens()]
_ENDING = _framed(answer.ending()) + b"0\r\n\r\n"
_SINGLE = [_OPENING, *_TOKENS, _ENDING]
_JOINED = [b"".join(_SINGLE[at : at + FLOOD_CHUNKS]) for at in range(0, len(_SINGLE), FLOOD_CHUNKS)]


async def _blast(writer: asyncio.StreamWriter, *, writes: list[bytes] = _SINGLE) -> None:
    """Sends chunk by chunk, as fast as they are read; other streams get their turn between two writes."""
    for block in writes:
        writer.write(block)
        await asyncio.sleep(0)
        await writer.drain()


async def _flood(writer: asyncio.StreamWriter) -> None:
    """Sends 16 chunks a write, which is faster than any reader, so that a whole answer is ready at once."""
    await _blast(writer, writes=_JOINED)


async def _paced(writer: asyncio.StreamWriter) -> None:
    """Sends a token every 4 ms, by a schedule that does not drift."""
    started = time.monotonic()
    writer.write(_OPENING)
    for number, block in enumerate(_TOKENS, start=1):
        await asyncio.sleep(started + number * PACE_S - time.monotonic())
        writer.write(block)
    writer.write(_ENDING)


async def _brief(writer: asyncio.StreamWriter) -> None:
    """Sends the first token as `paced` does, and all others at once when the second one is due."""
    writer.write(_OPENING)
    await asyncio.sleep(PACE_S)
    writer.write(_TOKENS[0])
    await asyncio.sleep(PACE_S)
    writer.write(b"".join([*_TOKENS[1:], _ENDING]))


async def _held(writer: asyncio.StreamWriter) -> None:
    """Sends a part of the answer, and no more."""
    writer.write(_OPENING + b"".join(_TOKENS[: -answer.HELD_TOKENS]))


async def _silent(_: asyncio.StreamWriter) -> None:
    """Takes the request and says nothing."""


_PACES: Mapping[bytes, _Play] = {
    b"blast": _blast,
    b"flood": _flood,
    b"paced": _paced,
    b"brief": _brief,
    b"held": _held,
    b"silent": _silent,
}
PACES = tuple(name.decode() for name in _PACES)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_content_length(head))
            await _PACES[head.split(b"/", 2)[1]](writer)  # where it left the answer open, the client leaves
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def _content_length(head: bytes) -> int:
    fields = (line.partition(b":") for line in head.split(b"\r\n"))
    return next(int(value) for name, _, value in fields if name.lower() == b"content-length")


async def main() -> None:
    """Serves until the process is ended."""
    os.nice(_NICE)
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
