"""The deployments of the process: the circuit, the latency and the load of each, and which one is asked next.

Rule: whoever is to ask a deployment holds a lease, which ends exactly once and tells the circuit how it went. State is
in this process's memory alone: workers learn for themselves. Which errors count is `core/judgement.py`, who is chosen
`core/routing.py`, when a circuit opens `core/breaker.py`, and what outlives a reload `members.py`.
"""

import asyncio
import copy
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from triphase_server.core.breaker import CircuitView, Outcome, Permit
from triphase_server.core.concurrency import LoadOutcome, load_outcome
from triphase_server.core.judgement import judge
from triphase_server.core.route import Deployment, Route, Target
from triphase_server.core.routing import View, choose
from triphase_server.core.transitions import Transition
from triphase_server.service.gate import Gate
from triphase_server.service.members import Member, Succession

Draw = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """One deployment as operators and metrics see it."""

    deployment: Deployment
    circuit: CircuitView
    in_flight: int
    latency_s: float


class Lease:
    """Leave to ask one deployment once. `first_token` at its first token, `end` at its end, whatever that is."""

    def __init__(self, member: Member, permit: Permit, *, deployment: Deployment, draw: Draw) -> None:
        self.deployment = deployment
        self._member = member
        self._permit: Permit | None = permit
        self._draw = draw
        self.began_at = permit.acquired_at
        self.first_token_s: float | None = None
        member.in_flight += 1  # its place at the gate is taken by whoever makes the lease

    def first_token(self) -> None:
        """Notes the first token: the latency is known, and a probe has succeeded without waiting for a long answer."""
        now = _now()
        self.first_token_s = now - self.began_at
        self._member.latency.update(self.first_token_s, now=now)
        if self._permit is not None and self._permit.probe:
            self._member.circuit.record(self._permit, Outcome.SUCCESS, now=now, draw=self._draw())
            # The circuit just closed, so that this gives an ordinary permit: the rest of the stream counts by itself.
            renewed = self._member.circuit.acquire(now=now)
            self._permit = renewed if isinstance(renewed, Permit) else None

    def outrun(self, *, after_s: float) -> None:
        """Notes that another answered first: if it was given `after_s`, its first token takes as long at least.

        Its circuit learns nothing of that. Yet one that hangs, and always loses, must not look as quick as it once was.
        """
        now = _now()
        waited_s = now - self.began_at
        if waited_s >= max(after_s, self._member.latency.value(now=now)):
            self._member.latency.update(waited_s, now=now)

    def end(self, error: BaseException | None) -> None:
        """Tells how it went; `None` = a whole answer."""
        self._member.in_flight -= 1
        # An answer without a token tells nothing of the load.
        outcome = LoadOutcome.IGNORED if error is None and self.first_token_s is None else load_outcome(error)
        self._member.gate.leave(outcome, latency_s=self.first_token_s or 0.0)
        permit, self._permit = self._permit, None
        if permit is not None:
            judged = judge(error)
            self._member.circuit.record(
                permit, judged.outcome, now=_now(), draw=self._draw(), retry_after_s=judged.retry_after_s
            )

    def take_retry_token(self) -> bool:
        """Takes a token for an attempt that follows this one's failure; `False` where retries would storm."""
        return self._member.retry_tokens.take()

    def note_request(self) -> None:
        """Notes that a request begins here, which is what tokens for retries grow by."""
        self._member.retry_tokens.requested()


class Fleet:
    """All deployments. `gate_of` gives the gate of an upstream, `draw` numbers in [0, 1)."""

    def __init__(self, deployments: Iterable[Deployment], *, gate_of: Callable[[str], Gate], draw: Draw) -> None:
        self._gate_of = gate_of
        self._draw = draw
        self._members: Mapping[str, Member] = {}
        self.replace(deployments)

    def replace(self, deployments: Iterable[Deployment], *, moved: Collection[str] = ()) -> None:
        """Puts other deployments in the place of all; those that go on keep what is known of them.

        Attempts that run keep their leases, also where their deployment is gone. `moved` names the upstreams that are
        another server now.
        """
        self._members = Succession(self._members, gate_of=self._gate_of, moved=moved, clock=_now).members(deployments)

    def pinned(self) -> "Fleet":
        """Returns the deployments as they are configured now, for one request: no later `replace` changes them."""
        return copy.copy(self)

    def lease(
        self,
        routes: Sequence[Route],
        *,
        affinity_key: str,
        exclude: frozenset[str] = frozenset(),
        held: Gate | None = None,
    ) -> Lease | None:
        """Returns leave to ask a deployment of the first route that has one to ask; `None` where none has.

        `held` is the gate at which a place is held already: the lease takes it over, and is for its upstream alone.
        """
        now = _now()
        for route in routes:
            name = choose(
                [self._view(target, now, held) for target in route.targets],
                strategy=route.strategy,
                draws=(self._draw(), self._draw()),
                affinity_key=affinity_key,
                exclude=exclude,
            )
            if name is not None:
                return self._lease(_deployment(route, name), now, held)
        return None

    def offers(self, routes: Sequence[Route], *, exclude: frozenset[str]) -> bool:
        """Says whether `lease` would find a deployment now, or when there is room."""
        return any(self._open_members(routes, exclude=exclude))

    def full(self, routes: Sequence[Route], *, exclude: frozenset[str]) -> tuple[Gate, ...]:
        """Returns the gates that keep `lease` from deployments that it could have otherwise, each once."""
        gates = (member.gate for member in self._open_members(routes, exclude=exclude))
        return tuple({gate.name: gate for gate in gates if not gate.room}.values())

    def _open_members(self, routes: Sequence[Route], *, exclude: frozenset[str]) -> Iterator[Member]:
        now = _now()
        targets = (target for route in routes for target in route.targets if target.weight > 0)
        members = (self._members[target.deployment.name] for target in targets)
        return (m for m in members if m.deployment.name not in exclude and m.circuit.available(now=now))

    def soonest(self, routes: Sequence[Route], *, exclude: frozenset[str]) -> float | None:
        """Returns when the first closed-off circuit may be probed, on the loop's clock; `None` = nobody knows."""
        targets = (target for route in routes for target in route.targets if target.weight > 0)
        names = (target.deployment.name for target in targets)
        circuits = (self._members[name].circuit for name in names if name not in exclude)
        return min((circuit.retry_at for circuit in circuits if circuit.retry_at is not None), default=None)

    def members(self) -> tuple[MemberView, ...]:
        """Returns all deployments as they stand, sorted by name."""
        now = _now()
        return tuple(
            MemberView(
                deployment=member.deployment,
                circuit=member.circuit.snapshot(now=now),
                in_flight=member.in_flight,
                latency_s=member.latency.value(now=now),
            )
            for _, member in sorted(self._members.items())
        )

    def sharing(self, deployment: str) -> tuple[MemberView, ...]:
        """Returns a deployment and all that share its circuit, sorted by name; KeyError = no such one."""
        circuit = self._members[deployment].circuit
        return tuple(view for view in self.members() if self._members[view.deployment.name].circuit is circuit)

    def isolate(self, deployment: str) -> None:
        """Shuts a deployment off by the operator's word, with all that share its circuit; KeyError = no such one."""
        self._members[deployment].circuit.isolate(now=_now())

    def restore(self, deployment: str) -> None:
        """Takes a deployment back by the operator's word; KeyError = no such one."""
        self._members[deployment].circuit.restore(now=_now())

    def transitions(self) -> Mapping[str, list[Transition]]:
        """Returns and forgets the transitions of all circuits since the last call, by deployment."""
        return {name: found for name, member in self._members.items() if (found := member.circuit.drain_transitions())}

    def _view(self, target: Target, now: float, held: Gate | None) -> View:
        member = self._members[target.deployment.name]
        has_place = member.gate.room if held is None else member.gate is held
        return View(
            name=target.deployment.name,
            weight=target.weight,
            priority=target.priority,
            in_flight=member.in_flight,
            latency_s=member.latency.value(now=now),
            available=has_place and member.circuit.available(now=now),
        )

    def _lease(self, deployment: Deployment, now: float, held: Gate | None) -> Lease:
        member = self._members[deployment.name]
        if held is None:
            entered = member.gate.enter()
            assert entered, "the gate said that there was room"
        permit = member.circuit.acquire(now=now)
        assert isinstance(permit, Permit), "the circuit said that it was available"
        return Lease(member, permit, deployment=deployment, draw=self._draw)


def _deployment(route: Route, name: str) -> Deployment:
    """Returns a deployment by the route's values, which a request keeps, not by those that a reload brought."""
    return next(target.deployment for target in route.targets if target.deployment.name == name)


def _now() -> float:
    return asyncio.get_running_loop().time()
