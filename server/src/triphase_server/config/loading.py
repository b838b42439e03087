"""The configuration of the gateway: a TOML file in, frozen values out, or every problem of the file at once.

Rule: nothing is guessed and nothing is silently dropped. On the way: `source.py` reads, `schema.py` says which
keys there are, `consistency.py` what holds between them, `problems.py` what is wrong; `build.py` makes the values.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict, ValidationError

from triphase_server.config import build
from triphase_server.config.consistency import contradictions
from triphase_server.config.errors import ConfigError, KeyPath, Problem
from triphase_server.config.fields import Surroundings, Table
from triphase_server.config.kinds import AdminAddress
from triphase_server.config.problems import problems_of
from triphase_server.config.profiles import Deriver, Profiles
from triphase_server.config.repositories import TEMPLATE_FILES, unfit_repositories
from triphase_server.config.schema import GatewayTable, LogLevel
from triphase_server.config.source import Source, as_table, read
from triphase_server.config.warning_rules import warnings_of
from triphase_server.core.limits import Limits
from triphase_server.core.route import Deployment, Route, Target
from triphase_server.core.validation import ValidationPolicy
from triphase_server.upstream.settings import UpstreamSettings

_DEFAULTS = GatewayTable.model_construct()
DEFAULT_LISTEN = _DEFAULTS.listen


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """All that an operator decides.

    Attributes:
        listen: `host:port`, `[v6]:port` or `unix:/path`; port 0 = any free one.
        metrics_listen: `host:port` or `[v6]:port` for Prometheus; empty = no metrics, as where there is no file.
        admin_listen: A loopback address or `unix:/path` for operators; empty = none. Workers derive theirs from it.
        heartbeat_s: The longest silence of a stream before a heartbeat.
        drain_delay_s: How long requests are still taken after a stop was asked for, while health says no.
        grace_s: How long open streams may go on after a stop was asked for.
        max_request_bytes: The largest request that is read.
        log_level: The least level that is logged.
        limits: How much may run, wait, and be asked for each minute, in all workers together.
        validation: What callers may have checked of model repositories.
        upstreams: By name, also those that no route uses.
        routes: By public model name.
        warnings: What is hardly meant in the file that this was made of.
    """

    listen: str = _DEFAULTS.listen
    metrics_listen: str = ""
    admin_listen: str = ""
    heartbeat_s: float = _DEFAULTS.heartbeat_s
    drain_delay_s: float = _DEFAULTS.drain_delay_s
    grace_s: float = _DEFAULTS.grace_s
    max_request_bytes: int = _DEFAULTS.max_request_bytes
    log_level: LogLevel = _DEFAULTS.log_level
    limits: Limits = Limits()
    validation: ValidationPolicy = ValidationPolicy()
    upstreams: Mapping[str, UpstreamSettings]
    routes: Mapping[str, Route]
    warnings: tuple[Problem, ...] = ()

    @property
    def deployments(self) -> Mapping[str, Deployment]:
        """Those that a route uses, by name, in the order of the routes."""
        return {target.deployment.name: target.deployment for route in self.routes.values() for target in route.targets}


def load(path: Path, *, environ: Mapping[str, str], derive: Deriver | None = None) -> GatewayConfig:
    """Reads a configuration file; paths in it count from its folder.

    Args:
        path: The TOML file.
        environ: Where `api_key_env` and `headers_env` look.
        derive: Makes the profile of a repository that is named without one; `None` = nobody does.

    Raises:
        ConfigError: The file cannot be used; holds every problem.
    """
    source = read(path)
    profiles = Profiles(derive)
    problems: list[Problem] = []
    try:
        table = GatewayTable.model_validate(source.document, context=_surroundings(source, environ, profiles))
    except ValidationError as error:
        problems += problems_of(error, source=source)
    problems += (source.problem(path, message=message) for path, message in contradictions(source.document))
    if problems:
        # Raised out here, so that no traceback and no context leads back to the inputs.
        raise ConfigError(sorted(problems, key=lambda problem: problem.line or 0))
    if unfit := [source.problem(path, message=message) for path, message in unfit_repositories(table, profiles)]:
        raise ConfigError(unfit)
    return GatewayConfig(
        listen=table.listen,
        metrics_listen=table.metrics_listen,
        admin_listen=table.admin_listen,
        heartbeat_s=table.heartbeat_s,
        drain_delay_s=table.drain_delay_s,
        grace_s=table.grace_s,
        max_request_bytes=table.max_request_bytes,
        log_level=table.log_level,
        limits=build.limits(table),
        validation=table.validation.policy(),
        upstreams=build.upstreams(table),
        routes=build.routes(table, profiles),
        warnings=warnings_of(table, source=source),
    )


class _AdminTable(Table):
    """The one key that whoever looks for a running gateway needs."""

    model_config = ConfigDict(extra="ignore")

    admin_listen: AdminAddress = _DEFAULTS.admin_listen


def admin_listen(path: Path) -> str:
    """Returns where a file puts the admin service; empty = nowhere.

    Nothing else of the file is checked, since the keys that it names are seldom in the environment of an operator's
    shell. Raises ConfigError.
    """
    source = read(path)
    try:
        return _AdminTable.model_validate(source.document).admin_listen
    except ValidationError as error:
        problems = problems_of(error, source=source)
    raise ConfigError(list(problems))


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


def files_of(path: Path) -> tuple[Path, ...]:
    """Returns the file and those that it names, as far as it can be read: what is to be watched for changes."""
    try:
        source = read(path)
    except ConfigError:
        return (path,)
    upstreams = map(as_table, as_table(source.document.get("upstreams")).values())
    named = [upstream.get(key) for upstream in upstreams for key in ("api_key_file", "ca_file")]
    for one in map(as_table, as_table(source.document.get("deployments")).values()):
        named += [one.get("profile"), *(as_table(one.get("enforcement")).get(key) for key in ("template", "tokenizer"))]
        named += [f"{repository}/{name}" for name in TEMPLATE_FILES if (repository := one.get("repository"))]
    return (path, *dict.fromkeys(source.folder / name for name in named if isinstance(name, str) and name))


def problem_at(path: Path, key: KeyPath, *, message: str) -> Problem:
    """Returns what somebody else found wrong with a key of a file that could be loaded; raises ConfigError."""
    return read(path).problem(key, message=message)


def warnings(config: GatewayConfig) -> tuple[Problem, ...]:
    """Returns what works but is hardly meant; each prints as a problem does."""
    return config.warnings


def _surroundings(source: Source, environ: Mapping[str, str], profiles: Profiles) -> Surroundings:
    routes = as_table(source.document.get("routes"))
    return Surroundings(
        environ=environ,
        folder=source.folder,
        upstreams=_names(source, "upstreams"),
        deployments=_names(source, "deployments"),
        routes=tuple(routes),
        summarized_routes=frozenset(name for name, route in routes.items() if "summary_model" in as_table(route)),
        profiles=profiles,
    )


def _names(source: Source, section: str) -> Collection[str]:
    return tuple(as_table(source.document.get(section)))
