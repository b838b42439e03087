"""A response whose head has arrived, as the service reads it; `UpstreamResponse` of `service/ports.py`.

The rule: reading adds nothing to aiohttp's own read, what arrived is read before what broke the connection is told, and
closing waits for nothing. What becomes of the connection is decided in `exchange.py`, how a response is asked for in
`client.py`.
"""

from collections.abc import Callable

from triphase_server.core.errors import Stage
from triphase_server.core.generation import Framing
from triphase_server.upstream.exchange import Exchange
from triphase_server.upstream.failures import FAILURES, error_of


class HttpResponse:
    """Reads one response, one read at a time."""

    __slots__ = ("_exchange", "_on_close", "_readany", "_stage", "framing")

    def __init__(self, exchange: Exchange, *, framing: Framing, on_close: Callable[[], None]) -> None:
        self.framing = framing
        self._exchange = exchange
        self._readany = exchange.content.readany
        self._stage = Stage.FIRST_TOKEN
        self._on_close: Callable[[], None] | None = on_close

    async def read(self) -> bytes:
        """Returns the bytes that are ready, or waits for some; `b""` at the end.

        Raises UpstreamError where the connection breaks; its stage is `stream` once any byte of the body came.
        """
        try:
            data = await self._readany()
        except FAILURES as exc:
            data = self._exchange.unread()
            error = None if data else error_of(exc, stage=self._stage)
        else:
            self._stage = Stage.STREAM
            return data
        if error is None:
            self._stage = Stage.STREAM
            return data
        # Raised out here, it has no context: aiohttp's error stays behind, and the request's headers with it.
        raise error

    async def close(self) -> None:
        """Closes the connection unless the body has ended; may be called twice."""
        if self._on_close is not None:
            on_close, self._on_close = self._on_close, None
            self._exchange.abort()
            on_close()
