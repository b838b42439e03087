"""The configuration of the gateway: a TOML file in, frozen values out, or every problem of the file at once.

Rule: nothing is guessed and nothing is silently dropped. On the way: `source.py` reads, `schema.py` says which
keys there are, `consistency.py` what holds between them, `problems.py` what is wrong; `build.py` makes the values.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from triphase_server.config import build
from triphase_server.config.consistency import contradictions
from triphase_server.config.errors import ConfigError, Problem
from triphase_server.config.fields import Surroundings
from triphase_server.config.problems import problems_of
from triphase_server.config.schema import GatewayTable, LogLevel
from triphase_server.config.source import Source, as_table, read
from triphase_server.config.warning_rules import warnings_of
from triphase_server.core.route import Deployment, Route, Target
from triphase_server.upstream.settings import UpstreamSettings

_DEFAULTS = GatewayTable.model_construct()
DEFAULT_LISTEN = _DEFAULTS.listen


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """All that an operator decides.

    Attributes:
        listen: `host:port`, `[v6]:port` or `unix:/path`; port 0 = any free one.
        metrics_listen: `host:port` or `[v6]:port` for Prometheus; empty = no metrics, as where there is no file.
        heartbeat_s: The longest silence of a stream before a heartbeat.
        drain_delay_s: How long requests are still taken after a stop was asked for, while health says no.
        grace_s: How long open streams may go on after a stop was asked for.
        max_request_bytes: The largest request that is read.
        log_level: The least level that is logged.
        upstreams: By name, also those that no route uses.
        routes: By public model name.
        warnings: What is hardly meant in the file that this was made of.
    """

    listen: str = _DEFAULTS.listen
    metrics_listen: str = ""
    heartbeat_s: float = _DEFAULTS.heartbeat_s
    drain_delay_s: float = _DEFAULTS.drain_delay_s
    grace_s: float = _DEFAULTS.grace_s
    max_request_bytes: int = _DEFAULTS.max_request_bytes
    log_level: LogLevel = _DEFAULTS.log_level
    upstreams: Mapping[str, UpstreamSettings]
    routes: Mapping[str, Route]
    warnings: tuple[Problem, ...] = ()


def load(path: Path, *, environ: Mapping[str, str]) -> GatewayConfig:
    """Reads a configuration file; paths in it count from its folder.

    Args:
        path: The TOML file.
        environ: Where `api_key_env` and `headers_env` look.

    Raises:
        ConfigError: The file cannot be used; holds every problem.
    """
    source = read(path)
    problems: list[Problem] = []
    try:
        table = GatewayTable.model_validate(source.document, context=_surroundings(source, environ))
    except ValidationError as error:
        problems += problems_of(error, source=source)
    problems += (source.problem(path, message=message) for path, message in contradictions(source.document))
    if problems:
        # Raised out here, so that no traceback and no context leads back to the inputs.
        raise ConfigError(sorted(problems, key=lambda problem: problem.line or 0))
    return GatewayConfig(
        listen=table.listen,
        metrics_listen=table.metrics_listen,
        heartbeat_s=table.heartbeat_s,
        drain_delay_s=table.drain_delay_s,
        grace_s=table.grace_s,
        max_request_bytes=table.max_request_bytes,
        log_level=table.log_level,
        upstreams=build.upstreams(table),
        routes=build.routes(table),
        warnings=warnings_of(table, source=source),
    )


def embedded(engine_url: str, *, listen: str = _DEFAULTS.listen) -> GatewayConfig:
    """Returns what serves without any configuration: one route, `reference`, to the embedded engine.

    Its model puts its thoughts between `<think>` and `</think>` and reads `reasoning_effort`, every value of it: the
    defaults of a deployment.

    Args:
        engine_url: The engine's base URL, which ends in `/v1`.
        listen: Where the gateway serves.
    """
    upstream = UpstreamSettings(name="embedded", base_url=engine_url.rstrip("/"))
    deployment = Deployment(name="embedded/reference", upstream=upstream.name, model="triphase-reference")
    route = Route(name="reference", targets=(Target(deployment=deployment),))
    return GatewayConfig(listen=listen, upstreams={upstream.name: upstream}, routes={route.name: route})


def warnings(config: GatewayConfig) -> tuple[Problem, ...]:
    """Returns what works but is hardly meant; each prints as a problem does."""
    return config.warnings


def _surroundings(source: Source, environ: Mapping[str, str]) -> Surroundings:
    routes = as_table(source.document.get("routes"))
    return Surroundings(
        environ=environ,
        folder=source.folder,
        upstreams=_names(source, "upstreams"),
        deployments=_names(source, "deployments"),
        routes=tuple(routes),
        summarized_routes=frozenset(name for name, route in routes.items() if "summary_model" in as_table(route)),
    )


def _names(source: Source, section: str) -> Collection[str]:
    return tuple(as_table(source.document.get(section)))
