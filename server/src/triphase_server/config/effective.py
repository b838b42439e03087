"""The configuration that is in force, as an operator may see it: keyed as the file is, defaults and presets filled in.

Rule: what may hold a secret is never told. Of a key it is told whether it is set and where it is from; of headers and
of `extra_body`, from which an engine may read anything, the names alone. Upstreams are told field by field, so that a
new one shows nothing until it is written here. Everything is what JSON has.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from triphase_server.config.loading import GatewayConfig
from triphase_server.core.enforcement import Enforcement
from triphase_server.core.route import Deployment, Route, Target
from triphase_server.upstream.settings import Secret, UpstreamSettings

HIDDEN = "hidden"


def effective(config: GatewayConfig) -> dict[str, Any]:
    """Returns the configuration without secrets."""
    deployments = {target.deployment.name: target.deployment for r in config.routes.values() for target in r.targets}
    return {
        **_told(config, leave_out={"upstreams", "routes", "warnings"}),
        "upstreams": {name: _upstream(upstream) for name, upstream in config.upstreams.items()},
        "deployments": {name: _deployment(deployment) for name, deployment in sorted(deployments.items())},
        "routes": {name: _route(route) for name, route in config.routes.items()},
    }


def _upstream(upstream: UpstreamSettings) -> dict[str, Any]:
    return {
        "base_url": upstream.base_url,
        "api_key": _key(upstream.api_key),
        "headers": _names(upstream.headers),
        "verify_tls": upstream.verify_tls,
        "ca_file": upstream.ca_file,
        "max_connections": upstream.max_connections,
        "keepalive_s": upstream.keepalive_s,
        "proxy": upstream.proxy,
        "max_tokens_field": upstream.max_tokens_field,
    }


def _key(key: Secret) -> dict[str, Any]:
    return {"set": bool(key), **({"source": key.source} if key.source else {})}


def _names(values: Mapping[str, object]) -> dict[str, str]:
    return dict.fromkeys(values, HIDDEN)


def _deployment(deployment: Deployment) -> dict[str, Any]:
    told = _told(deployment, leave_out={"name", "effort", "extra_body", "enforcement"})
    effort = {**_told(deployment.effort, leave_out={"standing"}), "efforts": _plain(deployment.effort.efforts)}
    enforcement = deployment.enforcement and _enforcement(deployment.enforcement)
    return {**told, "effort": effort, "extra_body": _names(deployment.extra_body), "enforcement": enforcement}


def _enforcement(enforcement: Enforcement) -> dict[str, Any]:
    # A template is too long to be read, and the control tokens are hundreds: both are in the model's files.
    told = _told(enforcement, leave_out={"template", "controls", "body"})
    digest = hashlib.sha256(enforcement.template.source.encode()).hexdigest()
    return {**told, "template_sha256": digest, "body": _names(enforcement.body)}


def _route(route: Route) -> dict[str, Any]:
    targets = [_target(target) for target in route.targets]
    return {**_told(route, leave_out={"name", "targets"}), "deployments": targets}


def _target(target: Target) -> dict[str, Any]:
    return {"name": target.deployment.name, "weight": target.weight, "priority": target.priority}


def _told(value: Any, *, leave_out: frozenset[str] | set[str] = frozenset()) -> dict[str, Any]:
    return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.name not in leave_out}


def _plain(value: Any) -> Any:
    match value:
        case str():  # enumerations too, which are written as their values
            return str(value)
        case None | bool() | int() | float():
            return value
        case re.Pattern():
            return value.pattern
        case tuple() | list() | frozenset():
            return [_plain(item) for item in value]
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case _:
            return _told(value) if is_dataclass(value) else HIDDEN
