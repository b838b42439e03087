"""The command line `triphase-server`: what it understands, and its exit codes.

0 = fine, 1 = it could not be done (the reason is one line on standard error), 2 = the command line is wrong. What the
commands do is in `serve.py`, `workers.py`, `rest.py`, `demo.py` and `config/`; each is loaded by the command that needs
it where it takes long: gRPC, the client and its displays take most of the time of a start. Those for a running gateway:
`admin_commands.py`.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError
from triphase_model.engine.process import EngineFailed

from triphase_server.app import admin_commands, loop
from triphase_server.app.admin import place_of
from triphase_server.app.admin_commands import checked_admin
from triphase_server.app.config_file import ConfigFile
from triphase_server.app.handover import Received, SupervisorGone
from triphase_server.app.profiling import Derivations
from triphase_server.app.rest import DEFAULT_REST, RestFailed, beside
from triphase_server.config import (
    ConfigError,
    GatewayConfig,
    LogLevel,
    format_problems,
    json_schema,
    load,
    warnings,
)
from triphase_server.config.kinds import ListenAddress
from triphase_server.config.profiles import Deriver
from triphase_server.core.request import Effort
from triphase_server.rpc.listening import CannotListen
from triphase_server.telemetry.lines import Lines
from triphase_server.telemetry.log import configure

_FLUSH_S = 2.0
Tell = Callable[[str], None]
T = TypeVar("T")

app = typer.Typer(
    name="triphase-server",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_listen_address = TypeAdapter[str](ListenAddress)


def _checked(listen: str | None) -> str | None:
    try:
        return None if listen is None else _listen_address.validate_python(listen)
    except ValidationError:
        pass
    port = (listen or "").rpartition(":")[2]
    if port.isdecimal() and (len(port) > 5 or int(port) > 65535):
        raise typer.BadParameter(f"the port must be 0 to 65535, not {port[:20]}")
    raise typer.BadParameter("expected host:port, [v6]:port or unix:/path")


def _asked(prompt: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in prompt):  # how Python hides bytes that are no text
        raise typer.BadParameter("this is not UTF-8 text")
    if not prompt.strip():
        raise typer.BadParameter("it is empty: nothing to ask")
    return prompt


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - slow, and seldom asked for

        typer.echo(f"triphase-server {version('triphase-server')}")
        raise typer.Exit


ConfigPath = Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file; none = embedded model.")]
Listen = Annotated[
    str | None,
    typer.Option(callback=_checked, help=r"Address: host:port, \[v6]:port or unix:/path; port 0 = a free one."),
]


RestFlag = Annotated[
    bool, typer.Option("--rest", help="Serve HTTP and the playground, too; needs Go or triphase-rest.")
]
RestListen = Annotated[
    str | None, typer.Option(help="Where --rest listens: host:port, by default 127.0.0.1:8080; implies --rest.")
]


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """The Triphase gateway for reasoning models."""


@app.command()
def serve(  # noqa: PLR0913, PLR0917 - one for each option
    config: ConfigPath = None,
    listen: Listen = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that share the port.")] = 1,
    log_level: Annotated[LogLevel | None, typer.Option(help="Overrides the configuration's; info where none.")] = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="One JSON object a line.")] = False,
    admin: Annotated[
        str | None, typer.Option(callback=checked_admin, help="Address of the admin service: loopback or unix:/path.")
    ] = None,
    rest: RestFlag = False,
    rest_listen: RestListen = None,
    worker: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Serves the gateway until SIGTERM or Ctrl-C. With no configuration: the embedded reference model on loopback."""
    if config or worker:  # what a reload would bring is read just now, and a worker is told by its supervisor
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    received = Received(sys.stdin.fileno()) if worker else None
    overrides = {"listen": listen, "admin_listen": admin, "log_level": log_level}
    file = _file(config, derive=Derivations(), **overrides) if config else None
    loaded = _handed(received) if received else _load(file) if file else None
    level = log_level or (loaded.log_level if loaded else "info")
    with _logging(level, as_json=log_json) as tell:
        announce = partial(_announce, tell)
        chosen = partial(_run, rest=_rest(rest, rest_listen), announce=announce, tell=tell)
        if workers > 1:
            from triphase_server.app.workers import serve_by_workers  # noqa: PLC0415 - without gRPC

            options = [*(["--log-level", log_level] if log_level else []), *(["--log-json"] if log_json else [])]
            shared = partial(serve_by_workers, loaded, file=file, listen=listen, admin=admin)
            sys.exit(chosen(partial(shared, workers=workers, options=options)))
        from triphase_server.app.serve import serve_alone, serve_as_worker  # noqa: PLC0415 - loads gRPC and aiohttp

        if worker and received and loaded:
            loop.run(serve_as_worker(loaded, received=received, listen=listen, admin=admin, place=place_of(worker)))
        else:
            chosen(partial(serve_alone, loaded, file=file, listen=listen, admin=admin))


def _rest(wanted: bool, listen: str | None) -> str | None:
    return listen or (DEFAULT_REST if wanted else None)


def _run(serve: Callable[..., Coroutine[Any, Any, T]], *, rest: str | None, announce: Tell, tell: Tell) -> T:
    if rest is None:
        return loop.run(serve(ready=announce))
    return loop.run(beside(lambda ready: serve(ready=ready), listen=rest, ready=announce, tell=tell))


@app.command()
def demo(
    prompt: Annotated[
        str, typer.Argument(callback=_asked, help="What to ask; the model does arithmetic.")
    ] = "What is 47 + 38?",
    pace: Annotated[float, typer.Option(min=0, help="Tokens/s of the embedded model; 0 = full speed.")] = 30.0,
    effort: Annotated[
        Effort | None, typer.Option(help="How long to think; without it, the model's default.", show_default=False)
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every event with its time.")] = False,
    rest: RestFlag = False,
    rest_listen: RestListen = None,
) -> None:
    """Starts the embedded model and a gateway, asks one question, and shows the three phases as they arrive.

    With --rest it stays, with the playground to ask more, until Ctrl-C.
    """
    from triphase_server.app.demo import DemoFailed, run_demo  # noqa: PLC0415 - the client and rich are its alone

    with _logging("warning", as_json=False) as tell:
        try:
            asked = partial(run_demo, prompt, pace=pace, effort=effort.value if effort else "", verbose=verbose)
            address = _rest(rest, rest_listen)
            if address is None:
                loop.run(asked())
            else:
                _run(asked, rest=address, announce=lambda _: None, tell=tell)
        except DemoFailed as failure:
            tell(f"triphase-server: {failure}")
            raise typer.Exit(1) from None


@app.command()
def check(
    config: Annotated[Path | None, typer.Argument(help="Configuration file.")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the file, for editors.")] = False,
    repositories: Annotated[
        bool, typer.Option(help="Whether the model repositories that deployments name are validated, too.")
    ] = True,
) -> None:
    """Checks a configuration file: every problem at once, each with file, line and key."""
    if (config is None) is not schema:
        raise typer.BadParameter("expected a file or --schema, not both" if schema else "name a file, or use --schema")
    if config is None:
        typer.echo(json.dumps(json_schema(), indent=2))
        return
    derivations = Derivations() if repositories else None
    loaded = _load(_file(config, derive=derivations), otherwise=partial(_validate_underived, config, derivations))
    for warning in warnings(loaded):
        typer.echo(f"warning: {warning}", err=True)
    if repositories and any(deployment.repository for deployment in loaded.deployments.values()):
        _validate_repositories(loaded, config)
    count = len(loaded.routes)
    typer.echo(f"{config}: fine; {count} {'route' if count == 1 else 'routes'}: {', '.join(sorted(loaded.routes))}")


def _validate_underived(file: Path, derivations: Derivations | None) -> None:
    """Tells what is wrong with repositories, where that is why no profile could be made of one."""
    if derivations is None or not derivations.failed:
        return
    with suppress(ConfigError):  # what it holds is told then
        _validate_repositories(load(file, environ=os.environ), file)


def _validate_repositories(config: GatewayConfig, file: Path) -> None:
    from triphase_server.app.repositories import repository_problems  # noqa: PLC0415 - the validator is its alone

    found = list(repository_problems(config, file=file))
    for one in found:
        typer.echo(str(one.problem) if one.is_error else f"warning: {one.problem}", err=True)
    if any(one.is_error for one in found):
        raise typer.Exit(1)


app.add_typer(admin_commands.app)


@contextmanager
def _logging(level: str, *, as_json: bool) -> Iterator[Tell]:
    """Sends logs to standard error, gives what tells a line there; an expected failure is one line, and exit code 1."""
    lines = Lines(sys.stderr.fileno())
    configure(level=level, as_json=as_json, tell=lines.tell)
    try:
        yield lines.tell
    except (CannotListen, EngineFailed, RestFailed) as error:
        lines.tell(f"triphase-server: {error}")
        sys.exit(1)
    finally:
        lines.flush(wait_s=_FLUSH_S)


def _file(path: Path, *, derive: Deriver | None = None, **overrides: str | None) -> ConfigFile:
    given = {key: value for key, value in overrides.items() if value is not None}
    return ConfigFile(path, environ=os.environ, overrides=given, derive=derive)


def _load(file: ConfigFile, *, otherwise: Callable[[], None] = lambda: None) -> GatewayConfig:
    """Reads a file; where it is wrong, does what comes otherwise, which may end all, then tells of it and ends."""
    try:
        return file.read()
    except ConfigError as error:
        otherwise()
        typer.echo(format_problems(error), err=True)
        raise typer.Exit(1) from None


def _handed(received: Received) -> GatewayConfig:
    try:
        return received.first()
    except SupervisorGone as error:
        typer.echo(f"triphase-server: {error}", err=True)
        raise typer.Exit(1) from None


def _announce(tell: Tell, address: str) -> None:
    tell(f"triphase-server is listening on {address}")
