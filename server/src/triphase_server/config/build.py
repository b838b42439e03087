"""Turns the tables of a valid configuration file into the gateway's frozen values.

Rule: nothing is checked here. A preset is the ground, and what the file sets lies on it key by key. Which keys there
are is in `schema.py`.
"""

from collections.abc import Mapping

from triphase_server.config.api_keys import digest_of
from triphase_server.config.profiles import Profiles, messages_of
from triphase_server.config.schema import GatewayTable, UpstreamTable
from triphase_server.config.schema_deployment import DeploymentTable, detection_over, effort_policy
from triphase_server.config.schema_limits import RouteLimitsTable
from triphase_server.config.schema_route import RouteTable, SummaryModelTable, TargetTable
from triphase_server.core.error_patterns import ErrorPattern
from triphase_server.core.limits import Limits
from triphase_server.core.normalization import beneath
from triphase_server.core.retry import RetryPolicy
from triphase_server.core.route import Deployment, Route, SummaryModel, Target, Timeouts
from triphase_server.upstream.settings import Secret, UpstreamSettings


def upstreams(table: GatewayTable) -> Mapping[str, UpstreamSettings]:
    """Returns all upstreams by name, also those that no route uses."""
    return {name: _upstream(name, upstream) for name, upstream in table.upstreams.items()}


def routes(table: GatewayTable, profiles: Profiles) -> Mapping[str, Route]:
    """Returns all routes by name, each with its deployments, as far as a profile tells of their models."""
    used = {target.name for route in table.routes.values() for target in route.deployments}
    made = {name: _deployment(name, table.deployments[name], profiles) for name in used}
    return {name: _route(name, route, made) for name, route in table.routes.items()}


def limits(table: GatewayTable) -> Limits:
    """Returns all limits that the file sets; a table that says nothing sets none."""
    return Limits(
        gateway=table.limits.values(),
        upstreams={name: u.limits.values() for name, u in table.upstreams.items() if u.limits.max_concurrency},
        routes={name: limit.values() for name, route in table.routes.items() if _limits(limit := route.limits)},
    )


def _limits(table: RouteLimitsTable) -> bool:
    return bool(table.requests_per_minute or table.tokens_per_minute)


def _upstream(name: str, table: UpstreamTable) -> UpstreamSettings:
    hidden = {header: value.reveal() for header, value in table.headers_env.items()}
    return UpstreamSettings(
        name=name,
        base_url=table.base_url.rstrip("/"),
        api_key=table.api_key_env or table.api_key_file or Secret(""),
        headers=table.headers | hidden,
        verify_tls=table.verify_tls,
        ca_file=table.ca_file,
        ca_digest=digest_of(table.ca_file),
        max_connections=table.max_connections,
        keepalive_s=table.keepalive_s,
        proxy=table.proxy,
        max_tokens_field=table.max_tokens_field,
    )


def _route(name: str, table: RouteTable, deployments: Mapping[str, Deployment]) -> Route:
    return Route(
        name=name,
        targets=tuple(_target(target, deployments[target.name]) for target in table.deployments),
        fallbacks=tuple(table.fallbacks),
        strategy=table.strategy,
        hedge_after_s=table.hedge_after_s,
        retry=RetryPolicy(**table.retry.model_dump()),
        when_all_open=table.when_all_open,
        on_midstream_failure=table.on_midstream_failure,
        prompt_summary=table.prompt_summary,
        reasoning_summary=table.reasoning_summary,
        raw_reasoning=table.raw_reasoning,
        summary_model=_summary_model(table.summary_model) if table.summary_model else None,
    )


def _target(table: TargetTable, deployment: Deployment) -> Target:
    return Target(deployment=deployment, weight=table.weight, priority=table.priority)


def _summary_model(table: SummaryModelTable) -> SummaryModel:
    return SummaryModel(route=table.route, timeout_s=table.timeout_s)


def _deployment(name: str, table: DeploymentTable, profiles: Profiles) -> Deployment:
    keys = dict(table)
    profile = profiles.of(keys)
    detection = detection_over(table.detection, keys, profiles=profiles)
    return Deployment(
        name=name,
        upstream=table.upstream,
        model=table.model,
        detection=detection,
        effort=effort_policy(table.effort, keys, profiles=profiles),
        messages=table.messages.over(beneath(messages_of(profile), engine=table.engine or "")),
        timeouts=Timeouts(**table.timeouts.model_dump()),
        breaker=table.breaker.policy(),
        extra_body=table.extra_body,
        errors=tuple(ErrorPattern(**error.model_dump()) for error in table.errors),
        repository=table.repository,
        engine=table.engine,
        profile=table.profile,
        enforcement=table.enforcement.values(preset=table.preset, detection=detection) if table.enforcement else None,
    )
