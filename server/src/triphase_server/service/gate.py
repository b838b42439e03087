"""A limit on how many run at once, and those who wait before it: first come, first in.

Rule: a place that becomes free is held for whoever has waited longest, before anyone who comes later; who waits before
several gates is let in by the first that has room and leaves all queues. What is held is given back exactly once, also
by one who goes away at that very moment. How the limit moves is `core/concurrency.py`; how long somebody waits, and
what is told to one who is refused, is `admission.py`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from triphase_server.core.concurrency import ConcurrencyLimit, LoadOutcome
from triphase_server.core.limits import Concurrency


@dataclass(frozen=True, slots=True, kw_only=True)
class GateView:
    """A gate as operators and metrics see it; `limit` is `None` where there is none, `name` empty for the gateway's."""

    name: str
    limit: int | None
    in_flight: int
    waiting: int


class Gate:
    """The limit of the gateway (an empty `name`) or of one upstream. `limits` is what an operator allows."""

    def __init__(self, name: str, limits: Concurrency) -> None:
        self.name = name
        self.limits = limits
        self._limit = _limit(limits)
        self._in_flight = 0  # where there is no limit
        self._queue: dict[Turn, None] = {}

    @property
    def room(self) -> bool:
        """Whether one more may run now, and nobody has waited longer."""
        limit = self._limit
        return limit is None or (not self._queue and limit.in_flight < limit.limit)

    @property
    def full(self) -> bool:
        """Whether nobody more may wait."""
        return len(self._queue) >= self.limits.max_queue

    def enter(self) -> bool:
        """Takes a place; `False` where there is no room. Each place is left once."""
        if not self.room:
            return False
        if self._limit is None:
            self._in_flight += 1
            return True
        return self._limit.acquire()

    def leave(self, outcome: LoadOutcome = LoadOutcome.IGNORED, *, latency_s: float = 0.0) -> None:
        """Gives a place back; `outcome` and `latency_s`, to the first token, tell an adaptive limit of the load."""
        if self._limit is None:
            self._in_flight -= 1
        else:
            self._limit.release(outcome, latency_s=latency_s, now=asyncio.get_running_loop().time())
        self._let_in()

    def adopt(self, limits: Concurrency) -> None:
        """Puts other limits in force; who runs or waits stays."""
        if limits == self.limits:
            return
        self.limits = limits
        running = self.view().in_flight
        self._limit, self._in_flight = _limit(limits), 0
        if self._limit is None:
            self._in_flight = running
        else:
            self._limit.take_over(running)
        self._let_in()

    def view(self) -> GateView:
        """Returns how it stands."""
        limit = self._limit
        return GateView(
            name=self.name,
            limit=None if limit is None else limit.limit,
            in_flight=self._in_flight if limit is None else limit.in_flight,
            waiting=len(self._queue),
        )

    def _let_in(self) -> None:
        while self._queue and (self._limit is None or self._limit.acquire()):
            if self._limit is None:
                self._in_flight += 1
            next(iter(self._queue)).let_in(self)

    def join(self, turn: "Turn") -> None:
        """Lets `turn` wait behind all others."""
        self._queue[turn] = None

    def forget(self, turn: "Turn") -> None:
        """Lets `turn` wait no more."""
        self._queue.pop(turn, None)


class Turn:
    """One who waits before some gates, for the first that has room: that is `gate` then, and a place there is held."""

    def __init__(self, gates: Sequence[Gate]) -> None:
        self.gate: Gate | None = None
        self.gates = gates
        self._came: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for gate in gates:
            gate.join(self)

    async def wait(self) -> None:
        """Returns when it has come; may be cancelled and called again."""
        await asyncio.wait((self._came,))

    def let_in(self, gate: Gate) -> None:
        """Says that a place at `gate` is held now; for that gate alone."""
        self.gate = gate
        self._leave_queues()
        self._came.set_result(None)

    def give_up(self) -> None:
        """Leaves all queues, and the place if one is held; may be called twice."""
        self._leave_queues()
        gate, self.gate = self.gate, None
        if gate is not None:
            gate.leave()

    def take(self) -> Gate:
        """Returns the gate whose place is held, which is the caller's to leave from then on."""
        gate, self.gate = self.gate, None
        assert gate is not None, "its turn has not come"
        return gate

    def _leave_queues(self) -> None:
        for gate in self.gates:
            gate.forget(self)


def _limit(limits: Concurrency) -> ConcurrencyLimit | None:
    rule = limits.rule()
    return None if rule is None else ConcurrencyLimit(rule)
