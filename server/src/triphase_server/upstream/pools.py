"""The pools of the process: one for each upstream as it is configured, and those of earlier configurations that end.

Rule: an upstream whose settings stay keeps its pool and its connections. The pool of any other is retired: it has no
part in new requests, serves those that began with it to their end, and has no connection while it has no exchange.
What one pool does is `pool.py`.
"""

import asyncio
from collections.abc import Iterable, Mapping
from weakref import WeakSet

from triphase_server.upstream.pool import Pool
from triphase_server.upstream.settings import UpstreamSettings


class Pools:
    """`in_force` holds those of the configuration, by the upstream's name; that mapping is replaced, never changed."""

    def __init__(self, upstreams: Iterable[UpstreamSettings]) -> None:
        self.closed = False
        self.in_force: Mapping[str, Pool] = {settings.name: Pool(settings) for settings in upstreams}
        # Whoever may still ask one holds it: requests that began with it, and exchanges.
        self._retired: WeakSet[Pool] = WeakSet()
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def open(self) -> int:
        """How many pools may have connections now, those of earlier configurations included."""
        return sum(pool.is_open for pool in (*self.in_force.values(), *self._retired))

    def prepared(self, upstreams: Iterable[UpstreamSettings]) -> Mapping[str, Pool]:
        """Returns what `replace` takes; raises OSError where certificates cannot be read, and changes nothing."""
        return {settings.name: self._kept(settings) or Pool(settings) for settings in upstreams}

    def replace(self, prepared: Mapping[str, Pool]) -> None:
        """Puts prepared pools in force and retires those that are not among them."""
        gone = [pool for name, pool in self.in_force.items() if prepared.get(name) is not pool]
        self.in_force = prepared
        for pool in gone:
            self._retired.add(pool)
            pool.retire(self._end)

    async def close(self) -> None:
        """Closes every connection."""
        self.closed = True
        for pool in (*self.in_force.values(), *self._retired):
            self._end(pool)
        if self._ending:
            await asyncio.wait(self._ending)

    def _kept(self, settings: UpstreamSettings) -> Pool | None:
        pool = self.in_force.get(settings.name)
        return pool if pool is not None and pool.settings == settings else None

    def _end(self, pool: Pool) -> None:
        session = pool.give_up()
        if session is not None:
            task = asyncio.create_task(session.close())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
