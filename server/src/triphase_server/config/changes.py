"""What differs between two configurations: what a reload brings, and what it cannot bring.

Rule: named by section and name, never by value, since a value may be a secret. Keys that only a start can set keep what
they had. Which files hold a configuration is `loading.py`; putting one in force is `app/gateway.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from triphase_server.config.fields import listed
from triphase_server.config.loading import GatewayConfig

# What is bound, or given to gRPC, when a process starts.
FIXED = ("listen", "admin_listen", "metrics_listen", "max_request_bytes")
_NOT_KEYS = {"routes", "upstreams", "warnings"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What the step from one configuration to another brings.

    Attributes:
        config: The other one, with what cannot change as it was.
        told: What is added, removed and changed, for a log: such as `routes_added` and the names of those.
        fixed: The keys that differ and need a start.
    """

    config: GatewayConfig
    told: Mapping[str, str]
    fixed: tuple[str, ...]


def changes(old: GatewayConfig, new: GatewayConfig) -> Changes:
    """Returns what the step from `old` to `new` brings."""
    fixed = tuple(key for key in FIXED if getattr(old, key) != getattr(new, key))
    config = replace(new, **{key: getattr(old, key) for key in fixed})
    keys = [field.name for field in fields(GatewayConfig) if field.name not in _NOT_KEYS]
    changed = [key for key in keys if getattr(old, key) != getattr(config, key)]
    told = {"keys_changed": listed(changed)} if changed else {}
    told |= _told("routes", _routes(old), _routes(config))
    told |= _told("deployments", _deployments(old), _deployments(config))
    told |= _told("upstreams", old.upstreams, config.upstreams)
    return Changes(config=config, told=told, fixed=fixed)


def _routes(config: GatewayConfig) -> Mapping[str, object]:
    """Returns the routes by name, with no more of their deployments than the route says itself."""
    return {
        name: (replace(route, targets=()), [(t.deployment.name, t.weight, t.priority) for t in route.targets])
        for name, route in config.routes.items()
    }


def _deployments(config: GatewayConfig) -> Mapping[str, object]:
    # The engine's fields as text, too: 1, 1.0 and true are equal to Python, and not to an engine.
    return {name: (deployment, repr(deployment.extra_body)) for name, deployment in config.deployments.items()}


def _told(section: str, old: Mapping[str, object], new: Mapping[str, object]) -> Mapping[str, str]:
    groups = {
        "added": new.keys() - old.keys(),
        "removed": old.keys() - new.keys(),
        "changed": {name for name in old.keys() & new.keys() if old[name] != new[name]},
    }
    return {f"{section}_{what}": listed(sorted(names)) for what, names in groups.items() if names}
