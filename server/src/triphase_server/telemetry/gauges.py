"""Deployments, circuits and gates as metrics: sampled each second, so that asking an upstream costs nothing more.

Rule: counters get what was added since the last sample, so that transitions between two samples are not lost. A
deployment that is no longer configured reads as idle and closed, since series cannot be taken back across workers.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from triphase_server.core.transitions import CircuitState
from triphase_server.service.fleet import MemberView
from triphase_server.service.gate import GateView
from triphase_server.telemetry import families
from triphase_server.telemetry.metrics import Registry

PERIOD_S = 1.0
STATES = {CircuitState.CLOSED: 0, CircuitState.HALF_OPEN: 1, CircuitState.OPEN: 2, CircuitState.ISOLATED: 3}


class FleetGauges:
    """Sets the metrics of all deployments that `members` returns, and of all gates that `gates` does."""

    def __init__(
        self,
        registry: Registry,
        *,
        members: Callable[[], Sequence[MemberView]],
        gates: Callable[[], Sequence[GateView]],
    ) -> None:
        self._members = members
        self._gates = gates
        self._running = registry.series(families.ADMISSION_IN_FLIGHT)
        self._waiting = registry.series(families.ADMISSION_QUEUE)
        self._limit = registry.series(families.ADMISSION_LIMIT)
        self._in_flight = registry.series(families.DEPLOYMENT_IN_FLIGHT)
        self._latency = registry.series(families.DEPLOYMENT_LATENCY)
        self._state = registry.series(families.CIRCUIT_STATE)
        self._transitions = registry.series(families.CIRCUIT_TRANSITIONS)
        self._entered: dict[tuple[str, CircuitState], int] = {}
        self._known: set[str] = set()

    def sample(self) -> None:
        """Sets all of them to what stands now."""
        for gate in self._gates():
            self._running(gate.name).set(gate.in_flight)
            self._waiting(gate.name).set(gate.waiting)
            self._limit(gate.name).set(gate.limit or 0)
        members = self._members()
        for member in members:
            name = member.deployment.name
            self._set(name, member.in_flight, member.latency_s, STATES[member.circuit.state])
            for state, total in member.circuit.transitions_total.items():
                self._count(name, state, total)
        names = {member.deployment.name for member in members}
        for name in self._known - names:
            self._set(name, 0, 0.0, STATES[CircuitState.CLOSED])
        self._known = names

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Samples now, each second, and once more at the end."""
        self.sample()
        sampling = asyncio.create_task(self._repeat())
        try:
            yield
        finally:
            sampling.cancel()
            with suppress(asyncio.CancelledError):
                await sampling
            self.sample()

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_S)
            self.sample()

    def _set(self, name: str, in_flight: int, latency_s: float, state: int) -> None:
        self._in_flight(name).set(in_flight)
        self._latency(name).set(latency_s)
        self._state(name).set(state)

    def _count(self, name: str, state: CircuitState, total: int) -> None:
        before = self._entered.get((name, state), 0)
        self._entered[name, state] = total
        # A circuit that a new configuration replaced counts from zero again.
        self._transitions(name, state.value).inc(total - before if total >= before else total)
