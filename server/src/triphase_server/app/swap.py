"""Puts another configuration in force in a gateway that runs.

Rule: all or nothing, and in one go. What can fail is prepared first and changes nothing; then every part is replaced
without a wait in between, so that no request finds parts of two configurations. Requests that run keep what they found
(`service/setup.py`). What cannot change while a gateway runs is `config/changes.py`.
"""

from dataclasses import dataclass

from triphase_server.config import GatewayConfig, changes
from triphase_server.rpc.server import GatewayServer
from triphase_server.service.administration import Place
from triphase_server.service.admission import Admission
from triphase_server.service.catalog import Catalog
from triphase_server.service.fleet import Fleet
from triphase_server.service.generate import GenerateService
from triphase_server.service.validation import Validation
from triphase_server.upstream.client import HttpUpstream


@dataclass(slots=True)
class InForce:
    """Holds the configuration that is in force."""

    config: GatewayConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What of a gateway goes by its configuration."""

    in_force: InForce
    place: Place
    admission: Admission
    catalog: Catalog
    fleet: Fleet
    upstream: HttpUpstream
    service: GenerateService
    server: GatewayServer
    validation: Validation


def swap(parts: Parts, config: GatewayConfig) -> None:
    """Puts `config` in force; raises OSError where a certificate file can be read no more, and changes nothing then."""
    pools = parts.upstream.prepared(config.upstreams.values())
    # From here on nothing fails and nothing waits.
    moved = parts.upstream.replace(pools)
    parts.admission.replace(config.limits.share(parts.place.place, workers=parts.place.workers))
    parts.validation.replace(config.validation.share(parts.place.place, workers=parts.place.workers))
    parts.fleet.replace(config.deployments.values(), moved=moved)
    parts.catalog.replace(config.routes)
    parts.service.heartbeat_s = config.heartbeat_s
    parts.server.replace_times(grace_s=config.grace_s, drain_delay_s=config.drain_delay_s)
    parts.in_force.config = changes(parts.in_force.config, config).config
