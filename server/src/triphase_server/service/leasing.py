"""How a request comes by a deployment to ask: at once, when its turn has come, or when a circuit may be probed.

Rule: whoever waits says so to its caller again and again, so that heartbeats pass, and holds nothing while it waits but
its place in line. Who may wait at all is `admission.py`, which deployment is chosen `fleet.py`, why another attempt
follows `attempts.py`.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from functools import partial

from triphase_server.core.errors import CircuitsOpen, Stage
from triphase_server.core.route import Route, WhenAllOpen
from triphase_server.service.admission import Visit
from triphase_server.service.fleet import Fleet, Lease
from triphase_server.service.gate import Turn
from triphase_server.service.ports import CallerLimits
from triphase_server.service.waiting import Limit, Waiter

# A circuit that could be probed just now may have given its one probe to another request: look again, but do not spin.
_SHORTEST_WAIT_S = 0.05


class Leasing:
    """Leases deployments of `routes` for one request, which `visit` has let in or lets wait; never those in `unfit`.

    `in_line`: whether it waits for its turn just now.
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        admission: CallerLimits,
        visit: Visit,
        routes: Sequence[Route],
        affinity_key: str,
        waiter: Waiter,
        total: Limit,
    ) -> None:
        self._fleet = fleet
        self._admission = admission
        self._visit = visit
        self._routes = routes
        self._affinity_key = affinity_key
        self._waiter = waiter
        self._total = total
        self.unfit: frozenset[str] = frozenset()
        self._inside = visit.turn is None
        self.in_line = False

    def at_once(self, *, tried: frozenset[str] = frozenset()) -> Lease | None:
        """Returns leave to ask a deployment that was not tried, if there is one to ask just now."""
        if not self._inside:
            return None
        return self._fleet.lease(self._routes, affinity_key=self._affinity_key, exclude=self.unfit | tried)

    def offers(self, *, tried: frozenset[str]) -> bool:
        """Says whether there is another deployment to ask, now or when there is room."""
        return self._fleet.offers(self._routes, exclude=self.unfit | tried)

    async def leased(self, *, after_s: float, tried: frozenset[str]) -> AsyncGenerator[Lease | None, None]:
        """Waits for `after_s` and then for a deployment; yields `None` where a wait was interrupted, last the lease.

        Raises AtCapacity and CircuitsOpen where there is nothing to wait for, or it has waited for long enough.
        """
        if self._visit.turn is not None and not self._inside:
            async for _ in self._in_turn(self._visit.turn):
                yield None
            self._inside = True
        until = asyncio.get_running_loop().time() + after_s
        lease: Lease | None = None
        while lease is None:
            async for _ in self._sleep(until):
                yield None
            lease = self.at_once(tried=tried)
            if lease is None and (gates := self._fleet.full(self._routes, exclude=self.unfit | tried)):
                turn = self._admission.queue(gates)
                async for _ in self._in_turn(turn):
                    yield None
                lease = self._at(turn, tried=tried)
            elif lease is None:
                until = self._until_probe()
        yield lease

    async def _in_turn(self, turn: Turn) -> AsyncGenerator[None, None]:
        limits = (self._admission.patience(turn.gates), self._total)
        self.in_line = True
        try:
            while turn.gate is None:
                await self._waiter.wait(turn.wait, limits=limits)
                if turn.gate is None:
                    yield
        except BaseException:
            turn.give_up()
            raise
        finally:
            self.in_line = False

    async def _sleep(self, until: float) -> AsyncGenerator[None, None]:
        clock = asyncio.get_running_loop().time
        while (left_s := until - clock()) > 0:
            await self._waiter.wait(partial(asyncio.sleep, left_s), limits=(self._total,))
            yield

    def _at(self, turn: Turn, *, tried: frozenset[str]) -> Lease | None:
        """Returns a lease at the gate that let `turn` in; `None`, and nothing held, where its circuits have opened."""
        gate = turn.take()
        exclude = self.unfit | tried
        lease = self._fleet.lease(self._routes, affinity_key=self._affinity_key, exclude=exclude, held=gate)
        if lease is None:
            gate.leave()
        return lease

    def _until_probe(self) -> float:
        soonest = self._fleet.soonest(self._routes, exclude=self.unfit)
        now = asyncio.get_running_loop().time()
        if self._routes[0].when_all_open is WhenAllOpen.TRY_SOONEST and soonest is not None:
            return max(soonest, now + _SHORTEST_WAIT_S)
        raise CircuitsOpen(
            "every deployment of this model is shut off, after failures or by the operator",
            stage=Stage.CONNECT,
            retry_after_s=None if soonest is None else max(0.0, soonest - now),
        )
