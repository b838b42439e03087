"""What is known of each deployment: circuit, latency, load, tokens for retries; and what of it outlives a reload.

Rule: what was learned of one model at one upstream stays while a deployment names that pair and the upstream is still
the same server; a name that means another pair begins anew. What an operator isolated stays isolated for as long as a
deployment has its name. Who is asked next is `fleet.py`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from triphase_server.core.breaker import CircuitBreaker
from triphase_server.core.budget import RetryTokens
from triphase_server.core.route import Deployment
from triphase_server.core.routing import PeakEwma
from triphase_server.core.transitions import CircuitState
from triphase_server.service.gate import Gate

_Pair = tuple[str, str]


@dataclass(slots=True)
class Member:
    """What is known of one deployment, whose values are the latest.

    The circuit is shared by all of its pair, tokens and gate by all of its upstream.
    """

    deployment: Deployment
    circuit: CircuitBreaker
    retry_tokens: RetryTokens
    gate: Gate
    latency: PeakEwma = field(default_factory=PeakEwma)
    in_flight: int = 0


class Succession:
    """Makes the members of one configuration out of those of the one before.

    `moved` names the upstreams that are another server now, of which nothing is known.
    """

    def __init__(
        self,
        before: Mapping[str, Member],
        *,
        gate_of: Callable[[str], Gate],
        moved: Collection[str] = (),
        clock: Callable[[], float],
    ) -> None:
        known = {name: member for name, member in before.items() if member.deployment.upstream not in moved}
        self._known = known
        self._gate_of = gate_of
        self._clock = clock
        self._circuits = {_pair(member.deployment): member.circuit for member in known.values()}
        self._tokens = {member.deployment.upstream: member.retry_tokens for member in known.values()}
        self._isolated = {name for name, member in before.items() if _is_isolated(member, clock())}
        self._met: set[_Pair] = set()

    def members(self, deployments: Iterable[Deployment]) -> dict[str, Member]:
        """Returns a member for each deployment; call it once. Those that go on are the same objects."""
        return {deployment.name: self._member(deployment) for deployment in deployments}

    def _member(self, deployment: Deployment) -> Member:
        circuit = self._circuit(deployment)
        tokens = self._tokens.setdefault(deployment.upstream, RetryTokens())
        member = self._known.get(deployment.name)
        if member is None or _pair(member.deployment) != _pair(deployment):
            return Member(deployment, circuit, tokens, self._gate_of(deployment.upstream))
        member.deployment = deployment
        return member

    def _circuit(self, deployment: Deployment) -> CircuitBreaker:
        """Returns the circuit of a deployment's pair, whose policy is that of the first deployment that names it."""
        pair = _pair(deployment)
        is_new = pair not in self._circuits
        circuit = self._circuits.setdefault(pair, CircuitBreaker(deployment.breaker))
        if pair not in self._met:
            circuit.adopt(deployment.breaker)
            self._met.add(pair)
        if is_new and deployment.name in self._isolated:
            circuit.isolate(now=self._clock())
        return circuit


def _is_isolated(member: Member, now: float) -> bool:
    return member.circuit.peek(now=now) is CircuitState.ISOLATED


def _pair(deployment: Deployment) -> _Pair:
    return deployment.upstream, deployment.model
