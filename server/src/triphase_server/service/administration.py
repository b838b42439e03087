"""What an operator asks of one worker: how its deployments stand, and to shut one off or take it back.

Rule: everything is of this process and of this moment, and nothing is kept: whoever is isolated here is so until it is
restored or the process ends. Times are told as seconds from now, since the loop's clock means nothing elsewhere. What a
circuit does is `core/breaker.py`; who asks all workers, `rpc/admin/client.py`.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from triphase_server.core.errors import UnknownDeployment
from triphase_server.core.transitions import CircuitState, Reason
from triphase_server.service.catalog import Catalog
from triphase_server.service.fleet import Fleet, MemberView

_log = logging.getLogger("triphase.gateway")
_MOST_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which of the gateway's workers this process is; a gateway alone is the first of one."""

    place: int = 0
    workers: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitStatus:
    """A circuit at one moment. `since_s` is how long ago it changed last, `None` = never; counts are of its window."""

    state: CircuitState
    reason: Reason | None
    since_s: float | None
    retry_after_s: float | None
    calls: int
    failures: int
    slow_calls: int
    consecutive_failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentStatus:
    """A deployment at one moment. `latency_s` is what routing reckons with, `None` where it knows nothing."""

    name: str
    upstream: str
    model: str
    routes: tuple[str, ...]
    circuit: CircuitStatus
    in_flight: int
    latency_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """A worker at one moment; its deployments are sorted by name."""

    place: int
    workers: int
    process_id: int
    uptime_s: float
    deployments: tuple[DeploymentStatus, ...]


class Administration:
    """Answers the operator. To be made inside the event loop whose clock the circuits go by.

    `configuration` returns what is in force, without secrets.
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        catalog: Catalog,
        configuration: Callable[[], Mapping[str, object]],
        process_id: int,
        place: Place,
    ) -> None:
        self._fleet = fleet
        self._catalog = catalog
        self.configuration = configuration
        self._process_id = process_id
        self._place = place
        self._began_at = _now()

    def status(self) -> WorkerStatus:
        """Returns how everything stands."""
        return WorkerStatus(
            place=self._place.place,
            workers=self._place.workers,
            process_id=self._process_id,
            uptime_s=_now() - self._began_at,
            deployments=self._told(self._fleet.members()),
        )

    def isolate(self, name: str) -> tuple[DeploymentStatus, ...]:
        """Shuts a deployment off; returns all that share its circuit. Raises UnknownDeployment."""
        self._known(name)
        self._fleet.isolate(name)
        _log.warning("the operator isolated deployment %s", name)
        return self._sharing(name)

    def restore(self, name: str) -> tuple[DeploymentStatus, ...]:
        """Takes a deployment back; returns all that share its circuit. Raises UnknownDeployment."""
        self._known(name)
        self._fleet.restore(name)
        _log.warning("the operator restored deployment %s", name)
        return self._sharing(name)

    def _known(self, name: str) -> None:
        names = [member.deployment.name for member in self._fleet.members()]
        if name not in names:
            shown = repr(name if len(name) <= _MOST_SHOWN else f"{name[: _MOST_SHOWN - 1]}…")
            raise UnknownDeployment(f"no deployment is named {shown}; known deployments: {', '.join(names)}")

    def _sharing(self, name: str) -> tuple[DeploymentStatus, ...]:
        return self._told(self._fleet.sharing(name))

    def _told(self, members: Iterable[MemberView]) -> tuple[DeploymentStatus, ...]:
        now = _now()
        routes: dict[str, list[str]] = {}
        for route in self._catalog.routes():
            for target in route.targets:
                routes.setdefault(target.deployment.name, []).append(route.name)
        return tuple(_deployment(member, routes.get(member.deployment.name, ()), now=now) for member in members)


def _deployment(member: MemberView, routes: Iterable[str], *, now: float) -> DeploymentStatus:
    circuit = member.circuit
    return DeploymentStatus(
        name=member.deployment.name,
        upstream=member.deployment.upstream,
        model=member.deployment.model,
        routes=tuple(routes),
        circuit=CircuitStatus(
            state=circuit.state,
            reason=circuit.reason,
            since_s=None if circuit.since is None else now - circuit.since,
            retry_after_s=None if circuit.retry_at is None else max(0.0, circuit.retry_at - now),
            calls=circuit.calls,
            failures=circuit.failures,
            slow_calls=circuit.slow_calls,
            consecutive_failures=circuit.consecutive_failures,
        ),
        in_flight=member.in_flight,
        latency_s=member.latency_s or None,
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
