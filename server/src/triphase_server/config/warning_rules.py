"""What works in a configuration, but is hardly meant.

Rule: a warning never stops the gateway. What does is in `schema.py`.
"""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from triphase_server.config.errors import KeyPath, Problem, key_text
from triphase_server.config.schema import GatewayTable, UpstreamTable
from triphase_server.config.schema_route import RouteTable
from triphase_server.config.source import Source
from triphase_server.core.route import OnMidstreamFailure
from triphase_server.upstream.loopback import is_loopback


def warnings_of(table: GatewayTable, *, source: Source) -> tuple[Problem, ...]:
    """Returns all warnings, in the order of the kinds below."""
    found = (*_unused(table), *_exposed(table), *_without_effect(table), *_shared_circuits(table))
    return tuple(source.problem(path, message=message) for path, message in found)


def _unused(table: GatewayTable) -> Iterator[tuple[KeyPath, str]]:
    used = _used(table)
    yield from ((("deployments", n), "no route uses this deployment") for n in table.deployments if n not in used)
    reached = {deployment.upstream for deployment in table.deployments.values()}
    yield from ((("upstreams", n), "no deployment uses this upstream") for n in table.upstreams if n not in reached)


def _exposed(table: GatewayTable) -> Iterator[tuple[KeyPath, str]]:
    for name, upstream in table.upstreams.items():
        if not upstream.verify_tls:
            message = "the certificate is not checked, so that anyone on the way can read along and answer"
            yield ("upstreams", name, "verify_tls"), message
        if _has_secret(upstream) and not _is_encrypted_or_local(upstream.base_url):
            yield ("upstreams", name, "base_url"), "the key travels over http, so that anyone on the way can read it"


def _has_secret(upstream: UpstreamTable) -> bool:
    return bool(upstream.api_key_env or upstream.api_key_file or upstream.headers_env)


def _is_encrypted_or_local(base_url: str) -> bool:
    url = urlsplit(base_url)
    return url.scheme == "https" or is_loopback(url.hostname or "")


def _without_effect(table: GatewayTable) -> Iterator[tuple[KeyPath, str]]:
    for name, deployment in table.deployments.items():
        if "slow_call_rate" in deployment.breaker.model_fields_set and not deployment.breaker.slow_call_s:
            yield ("deployments", name, "breaker", "slow_call_rate"), "without effect, since slow_call_s is false"
        if deployment.enforcement is not None and (why := deployment.enforcement.unread):
            yield (
                ("deployments", name, "enforcement"),
                f"tokens are only estimated, since the tokenizer is unread; {why}",
            )
    for name, route in table.routes.items():
        for key, why in _idle_keys(route):
            yield ("routes", name, key), f"without effect, since {why}"


def _idle_keys(route: RouteTable) -> Iterator[tuple[str, str]]:
    tries_once = route.retry.max_attempts == 1
    if route.summary_model is not None and not route.reasoning_summary:
        yield "summary_model", "reasoning_summary is false"
    if route.hedge_after_s and tries_once:
        yield "hedge_after_s", "retry.max_attempts is 1"
    if route.hedge_after_s and not _has_another(route):
        yield "hedge_after_s", "there is no other deployment to ask"
    if route.on_midstream_failure is OnMidstreamFailure.RESTART and tries_once:
        yield "on_midstream_failure", "retry.max_attempts is 1"


def _has_another(route: RouteTable) -> bool:
    return bool(route.fallbacks) or len([target for target in route.deployments if target.weight > 0]) > 1


def _shared_circuits(table: GatewayTable) -> Iterator[tuple[KeyPath, str]]:
    first: dict[tuple[str, str], str] = {}  # the one whose circuit it is: `service/fleet.py`
    for name in _used(table):
        deployment = table.deployments[name]
        owner = first.setdefault((deployment.upstream, deployment.model), name)
        if deployment.breaker.policy() != table.deployments[owner].breaker.policy():
            message = f"without effect, since {key_text(('deployments', owner))} has the same upstream and model"
            yield ("deployments", name, "breaker"), f"{message}, hence the same circuit, and comes first in the routes"


def _used(table: GatewayTable) -> Sequence[str]:
    """Returns the deployments that routes name, in their order, each once."""
    return tuple(dict.fromkeys(target.name for route in table.routes.values() for target in route.deployments))
