"""The connections of one worker to one engine: those that wait for a request, the newest first.

Its rule: no limit on how many there are, since a limit would delay requests unseen. One that has waited for long is
not used again: servers close those after some seconds (uvicorn after 5), and a request that meets that close would
fail through no fault of the engine. A request is sent once its connection stands: what connecting takes is delay of
the schedule, and no part of TTFT.
"""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from time import monotonic_ns

from triphase_benchmark.client.connection import Connection
from triphase_benchmark.client.exchange import Exchange, Limits
from triphase_benchmark.engines.address import Address
from triphase_benchmark.records.error_kinds import ErrorKind

_MOST_IDLE_NS = 4_000_000_000


class Pool:
    """Sends exchanges over connections that are free, or new ones where none is."""

    def __init__(self, address: Address, limits: Limits) -> None:
        self._address = address
        self._limits = limits
        self._tls = ssl.create_default_context() if address.scheme == "https" else None
        self._free: list[Connection] = []
        self._all: set[Connection] = set()
        self._spares = 0
        self._none_left = asyncio.Event()
        self._opening: set[asyncio.Task[None]] = set()

    async def open(self, count: int, *, spares: int = 0) -> None:
        """Opens so many connections beforehand; those that cannot be had, a request will tell of.

        From then on so many more as `spares` are kept free, for requests that come whenever they are due.
        """
        self._spares = spares
        made = await asyncio.gather(*(self._connect() for _ in range(count)), return_exceptions=True)
        self._free.extend(one for one in made if isinstance(one, Connection))

    def send(self, request: bytes, exchange: Exchange) -> Callable[[], None]:
        """Sends at once where a connection is free; returns what drops the exchange."""
        connection = self._take()
        if len(self._free) < self._spares:
            self._open(self._open_spare())
        if connection is not None:
            connection.send(request, exchange)
            return lambda: connection.drop(exchange)
        task = self._open(self._open_and_send(request, exchange))

        def drop() -> None:
            if task.cancel():  # which it may never hear of, where it has not begun
                exchange.end(monotonic_ns(), (ErrorKind.DROPPED, ""))
            for one in tuple(self._all):
                one.drop(exchange)

        return drop

    async def close(self) -> None:
        """Closes all of them, and waits until they are."""
        for task in tuple(self._opening):
            task.cancel()
        if self._opening:
            await asyncio.wait(tuple(self._opening))
        if self._all:
            self._none_left.clear()
            for connection in tuple(self._all):
                connection.close()
            await self._none_left.wait()

    def _take(self) -> Connection | None:
        oldest = monotonic_ns() - _MOST_IDLE_NS
        while self._free:
            connection = self._free.pop()
            if connection.idle_since > oldest:
                return connection
            connection.close()
        return None

    def _open(self, opening: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(opening)
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return task

    async def _open_spare(self) -> None:
        with suppress(OSError):  # of which timeouts are, too
            self._free.append(await self._connect())

    async def _open_and_send(self, request: bytes, exchange: Exchange) -> None:
        try:
            connection = await self._connect()
        except TimeoutError:
            detail = f"no connection to {self._address.authority} within {self._limits.connect_s:g} s"
            exchange.end(monotonic_ns(), (ErrorKind.CONNECT, detail))
        except OSError as error:
            detail = f"no connection to {self._address.authority}: {error.strerror or error}"
            exchange.end(monotonic_ns(), (ErrorKind.CONNECT, detail))
        else:
            connection.send(request, exchange)

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._limits.connect_s):
            _, connection = await loop.create_connection(
                lambda: Connection(self._limits, idle=self._free.append, lost=self._lost),
                self._address.host,
                self._address.port,
                ssl=self._tls,
            )
        connection.idle_since = monotonic_ns()
        self._all.add(connection)
        return connection

    def _lost(self, connection: Connection) -> None:
        self._all.discard(connection)
        if not self._all:
            self._none_left.set()
        if connection in self._free:
            self._free.remove(connection)
