"""Who may come in: quotas of the route by the minute, then a place in the gateway, then one at an upstream.

Rule: a request that must not even wait is refused before anything is sent; one that waits is told that it does, by the
events that every stream begins with, and by heartbeats. Tokens are charged by estimate when a request comes, and
settled by what it used when it ends, however that is. State is each worker's own. What may run and wait is
`core/limits.py`, how one waits before a gate `gate.py`, where a place at an upstream is taken `fleet.py`.
"""

import asyncio
from collections.abc import Callable, Sequence

from triphase_server.core.errors import AtCapacity, PolicyError, RateLimited
from triphase_server.core.limits import Concurrency, Limits, PerMinute
from triphase_server.core.rates import Charge, Denied, RateLimits
from triphase_server.core.request import GenerationRequest, estimated_tokens
from triphase_server.service.gate import Gate, GateView, Turn
from triphase_server.service.waiting import Limit

_UNLIMITED = Concurrency()
_SHORTEST_HINT_S = 1.0


class Visit:
    """One admitted request: `turn` is where it waits for a place in the gateway, if it does. `end` it exactly once."""

    def __init__(self, gate: Gate, *, turn: Turn | None, settle: Callable[[int], None]) -> None:
        self.turn = turn
        self._gate = gate
        self._settle = settle

    def end(self, *, used_tokens: int) -> None:
        """Gives the place back, and settles the tokens."""
        if self.turn is None:
            self._gate.leave()
        else:
            self.turn.give_up()
        self._settle(used_tokens)


class Admission:
    """All limits of one process, `limits`; `draw` gives numbers in [0, 1), by which hints to come back are spread."""

    def __init__(self, limits: Limits, *, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._gateway = Gate("", limits.gateway)
        self._upstreams: dict[str, Gate] = {}
        self._rates: dict[str, tuple[PerMinute, RateLimits]] = {}
        self.replace(limits)

    def replace(self, limits: Limits) -> None:
        """Puts other limits in force: who runs or waits stays, and quotas that did not change keep their level."""
        self._limits = limits
        self._gateway.adopt(limits.gateway)
        for name, gate in self._upstreams.items():
            gate.adopt(limits.upstreams.get(name, _UNLIMITED))
        before = self._rates
        self._rates = {
            name: before[name] if name in before and before[name][0] == per_minute else (per_minute, per_minute.rates())
            for name, per_minute in limits.routes.items()
        }

    def gate_of(self, upstream: str) -> Gate:
        """Returns the gate of an upstream; always the same one."""
        if upstream not in self._upstreams:
            self._upstreams[upstream] = Gate(upstream, self._limits.upstreams.get(upstream, _UNLIMITED))
        return self._upstreams[upstream]

    def views(self) -> tuple[GateView, ...]:
        """Returns how the gates stand: the gateway's first, then those of upstreams by name."""
        return (self._gateway.view(), *(gate.view() for _, gate in sorted(self._upstreams.items())))

    def begin(self, route: str, request: GenerationRequest) -> Visit:
        """Takes a request in, or lets it wait; raises RateLimited or AtCapacity."""
        if not self._gateway.room and self._gateway.full:  # before the quota, which it takes nothing of
            raise self.at_capacity([self._gateway], waited=False)
        settle = self._charge(route, request)
        if self._gateway.enter():
            return Visit(self._gateway, turn=None, settle=settle)
        return Visit(self._gateway, turn=Turn([self._gateway]), settle=settle)

    def queue(self, gates: Sequence[Gate]) -> Turn:
        """Waits before those of `gates` where more may wait; raises AtCapacity where none may."""
        open_to_wait = [gate for gate in gates if not gate.full]
        if not open_to_wait:
            raise self.at_capacity(gates, waited=False)
        return Turn(open_to_wait)

    def patience(self, gates: Sequence[Gate]) -> Limit:
        """Returns until when one waits before `gates`, from now on: for as long as the most patient one allows."""
        longest_s = max(gate.limits.max_wait_s for gate in gates)
        return Limit(asyncio.get_running_loop().time() + longest_s, lambda: self.at_capacity(gates, waited=True))

    def at_capacity(self, gates: Sequence[Gate], *, waited: bool) -> PolicyError:
        """Returns what is told to one who finds no place."""
        of_gateway = not gates[0].name
        who = "the gateway" if of_gateway else "every deployment that could answer"
        what = "no place became free in time" if waited else "no more may wait"
        return AtCapacity(
            f"{who} runs as much as it may, and {what}",
            subject="gateway" if of_gateway else f"upstream:{gates[0].name}",
            retry_after_s=max(_SHORTEST_HINT_S, min(gate.limits.max_wait_s for gate in gates)) * (1 + self._draw()),
        )

    def _charge(self, route: str, request: GenerationRequest) -> Callable[[int], None]:
        if route not in self._rates:
            return _settle_nothing
        per_minute, rates = self._rates[route]
        now = asyncio.get_running_loop().time
        tokens = 0
        if per_minute.tokens_per_minute:
            tokens = estimated_tokens(request) + (request.max_output_tokens or per_minute.assumed_output_tokens)
        charge = rates.take(tokens, now=now())
        if isinstance(charge, Denied):
            raise _rate_limited(route, charge)
        return _settler(rates, charge, now)


def _settler(rates: RateLimits, charge: Charge, now: Callable[[], float]) -> Callable[[int], None]:
    return lambda used: rates.settle(charge, used=used, now=now())


def _settle_nothing(_: int) -> None:
    """Stands for settling where nothing was charged."""


def _rate_limited(route: str, denied: Denied) -> RateLimited:
    if denied.retry_after_s is None:
        message = f"the request alone is more than this model gives in {denied.quota}"
    else:
        message = f"this model gives no more {denied.quota} for now"
    return RateLimited(message, subject=f"route:{route}", retry_after_s=denied.retry_after_s)
