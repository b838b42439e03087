"""One HTTP exchange over one connection, and what becomes of that connection: aiohttp's response with three more rules.

A connection whose exchange did not end is aborted, not closed politely, since a polite end waits for unsent bytes and
for the peer. A used connection that ends without one byte of a response was stale: that is told apart from a failure;
`pool.py` tries again. And what arrived before a connection broke is not lost with it, however close behind the break
came.
"""

import aiohttp
from aiohttp.connector import Connection

from triphase_server.upstream.connection import UpstreamConnection


class StaleConnection(aiohttp.ClientConnectionError):
    """A connection from the pool ended before any byte of the response came."""


class Exchange(aiohttp.ClientResponse):
    """A response that aborts its connection where it does not come to its end."""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Waits for the head; raises StaleConnection where the connection was reused and proved dead."""
        reused = _reused(connection)
        try:
            return await super().start(connection)
        except (aiohttp.ServerDisconnectedError, OSError) as exc:
            _abort(connection)
            if not reused or _holds_part_of_a_head(exc):
                raise
        except BaseException:  # a cancellation above all
            _abort(connection)
            raise
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


def _reused(connection: Connection) -> bool:
    protocol = connection.protocol
    if protocol is None:  # it ended just now
        return False
    assert isinstance(protocol, UpstreamConnection)
    return protocol.exchanges > 1


def _holds_part_of_a_head(exc: BaseException) -> bool:
    return isinstance(exc, aiohttp.ServerDisconnectedError) and not isinstance(exc.message, str)


def _abort(connection: Connection | None) -> None:
    transport = connection.transport if connection is not None else None
    if transport is not None:
        transport.abort()
