"""What one request found configured when it began, and keeps to its end.

Rule: all of it is taken in one moment, so that it belongs together, and a reload changes nothing for requests that run:
neither their deployments nor how their upstreams are asked. What is in force now is `catalog.py`, `fleet.py` and the
adapter behind `ports.py`; who takes it is `generate.py`.
"""

from dataclasses import dataclass

from triphase_server.core.route import Route
from triphase_server.service.fleet import Fleet
from triphase_server.service.ports import Upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The configuration of one request.

    Attributes:
        route: The one that was asked for.
        routes: It and its fallbacks, in order.
        summarizes: The route of who writes the reasoning summary; `None` = the local rules.
        fleet: The deployments.
        upstream: Asks them.
        heartbeat_s: The longest silence towards the client.
    """

    route: Route
    routes: tuple[Route, ...]
    summarizes: Route | None
    fleet: Fleet
    upstream: Upstream
    heartbeat_s: float
