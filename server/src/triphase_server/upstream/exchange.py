"""One HTTP exchange over one connection, and what becomes of that connection: aiohttp's response with four more rules.

A connection whose exchange did not end is aborted, not closed politely, since a polite end waits for unsent bytes and
for the peer. A used connection that ends without one byte of a response was stale: that is told apart from a failure;
`pool.py` tries again. A connection that ends always ends the read that waits for it. And what arrived before a
connection broke is not lost with it, however close behind the break came.
"""

import asyncio

import aiohttp
from aiohttp.connector import Connection

from triphase_server.upstream.connection import UpstreamConnection


class StaleConnection(aiohttp.ClientConnectionError):
    """A connection from the pool ended before any byte of the response came."""


class GarbledBody(aiohttp.ClientPayloadError):
    """The body breaks the framing that its head announced."""


class Exchange(aiohttp.ClientResponse):
    """A response that aborts its connection where it does not come to its end."""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Waits for the head; raises StaleConnection where the connection was reused and proved dead."""
        ended, reused = _begin(connection)
        try:
            await super().start(connection)
        except (aiohttp.ServerDisconnectedError, OSError) as exc:
            _abort(connection)
            if not reused or _holds_part_of_a_head(exc):
                raise
        except BaseException:  # a cancellation above all
            _abort(connection)
            raise
        else:
            self._watch(ended)
            return self
        raise StaleConnection

    def abort(self) -> None:
        """Closes the connection at once; does nothing where the body has ended. Never waits."""
        _abort(self.connection)
        self.close()

    def unread(self) -> bytes:
        """Returns what arrived and was not read, after a read failed; each byte once."""
        content = self.content
        broken = content.exception()
        if broken is None:
            return b""
        # aiohttp hands out nothing more while it holds an exception (3.14.5), so that is taken away for a moment.
        content.set_exception(None)  # type: ignore[arg-type]
        try:
            return content.read_nowait()
        finally:
            content.set_exception(broken)

    def cause(self, raised: BaseException) -> BaseException:
        """Returns why a read of the content raised `raised`; raises it again where it is a defect.

        aiohttp raises RuntimeError where a read comes after the connection's end, but before `_watch` told of it.
        """
        if not isinstance(raised, RuntimeError):
            return raised
        if _transport(self.connection) is not None:
            raise raised
        return self.content.exception() or GarbledBody()

    def _watch(self, ended: asyncio.Future[None] | None) -> None:
        # aiohttp closes a connection whose chunks are garbled, but wakes nobody who waits for more of them (3.14.5).
        content = self.content
        if ended is None or content.is_eof():
            return

        def wake(_: asyncio.Future[None]) -> None:
            if not content.is_eof() and content.exception() is None:
                content.set_exception(GarbledBody())

        def forget() -> None:  # the connection may outlive this exchange in the pool
            ended.remove_done_callback(wake)

        ended.add_done_callback(wake)
        content.on_eof(forget)


def _begin(connection: Connection) -> tuple[asyncio.Future[None] | None, bool]:
    # The future of the connection's end, and whether the connection was used before.
    protocol = connection.protocol
    if protocol is None:  # it ended just now
        return None, False
    assert isinstance(protocol, UpstreamConnection)
    protocol.await_head()
    ended, reused = protocol.closed, protocol.used
    if ended is not None and not reused:
        protocol.used = True
        ended.add_done_callback(_fetch)
    return ended, reused


def _fetch(ended: asyncio.Future[None]) -> None:
    # Else asyncio would log of each connection that broke that nobody asked why.
    if not ended.cancelled():
        ended.exception()


def _holds_part_of_a_head(exc: BaseException) -> bool:
    return isinstance(exc, aiohttp.ServerDisconnectedError) and not isinstance(exc.message, str)


def _abort(connection: Connection | None) -> None:
    transport = _transport(connection)
    if transport is not None:
        transport.abort()


def _transport(connection: Connection | None) -> asyncio.Transport | None:
    return connection.transport if connection is not None else None
