"""The commands for a gateway that runs: `status`, `isolate`, `restore`, `configuration`.

Rule: each is for the whole gateway, so it asks all workers; one that does not answer is told on standard error and
makes the exit code 1, as does everything else that could not be done. Where to ask: `--admin`, or else what the file of
`--config` says, or else the usual address. What a status looks like is `status_view.py`; the asking,
`rpc/admin/client.py`.
"""

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError

from triphase_server.app import loop
from triphase_server.config import ConfigError, admin_listen, format_problems
from triphase_server.config.fields import listed, suggestion
from triphase_server.config.kinds import AdminAddress
from triphase_server.rpc.admin.addresses import USUAL

if TYPE_CHECKING:
    from triphase_server.rpc.admin.client import Silence, Workers
    from triphase_server.service.administration import DeploymentStatus, WorkerStatus

    Steer = Callable[[str, Sequence[int]], Coroutine[None, None, Mapping[int, tuple[DeploymentStatus, ...] | Silence]]]

T = TypeVar("T")

app = typer.Typer()
_admin_address = TypeAdapter[str](AdminAddress)


def checked_admin(address: str | None) -> str | None:
    """Returns an address that the admin service may have; raises BadParameter for others."""
    try:
        return None if address is None else _admin_address.validate_python(address)
    except ValidationError:
        pass
    raise typer.BadParameter("expected an address of this machine alone: 127.0.0.1:port, [::1]:port or unix:/path")


Admin = Annotated[
    str | None,
    typer.Option(callback=checked_admin, help=f"Where the admin service is; without it and --config: {USUAL}."),
]
Config = Annotated[Path | None, typer.Option("--config", "-c", help="The gateway's file, which says where it is.")]
Patience = Annotated[float, typer.Option("--timeout", min=0.05, max=3600, help="Seconds that a worker may take.")]
Deployment = Annotated[str, typer.Argument(help="The name of a deployment in the configuration.", show_default=False)]


@app.command()
def status(
    admin: Admin = None,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as one JSON object.")] = False,
    timeout: Patience = 2.0,
) -> None:
    """Shows how every deployment stands in every worker: its circuit, why and since when, what is in flight."""
    from triphase_server.app import status_view  # noqa: PLC0415 - rich is its alone

    found = _found(_workers(admin, config, timeout))
    if as_json:
        typer.echo(status_view.as_json(found))
    else:
        status_view.show(_of(found))
    _tell_silences(found)


@app.command()
def isolate(deployment: Deployment, admin: Admin = None, config: Config = None, timeout: Patience = 2.0) -> None:
    """Shuts a deployment off in every worker until it is restored; what it answers already goes on."""
    workers = _workers(admin, config, timeout)
    _steer(deployment, workers, workers.isolate, done="isolated")


@app.command()
def restore(deployment: Deployment, admin: Admin = None, config: Config = None, timeout: Patience = 2.0) -> None:
    """Takes a deployment back in every worker, whether it was isolated or its circuit had opened by itself."""
    workers = _workers(admin, config, timeout)
    _steer(deployment, workers, workers.restore, done="restored")


@app.command()
def configuration(admin: Admin = None, config: Config = None, timeout: Patience = 2.0) -> None:
    """Prints the configuration that is in force, as JSON: with defaults and presets filled in, and without secrets."""
    workers = _workers(admin, config, timeout)
    first = min(_of(_found(workers)))
    told = loop.run(workers.configuration((first,)))
    _tell_silences(told)
    typer.echo(json.dumps(told[first], indent=2, ensure_ascii=False))


def _workers(admin: str | None, config: Path | None, timeout_s: float) -> "Workers":
    from triphase_server.rpc.admin.client import Workers  # noqa: PLC0415 - loads gRPC

    return Workers(admin or _configured(config) or USUAL, patience_s=timeout_s)


def _configured(config: Path | None) -> str:
    if config is None:
        return ""
    try:
        address = admin_listen(config)
    except ConfigError as error:
        typer.echo(format_problems(error), err=True)
        raise typer.Exit(1) from None
    return address or _fail(f"{config} sets no admin_listen; name the address with --admin if `serve --admin` did")


def _found(workers: "Workers") -> "Mapping[int, WorkerStatus | Silence]":
    """Returns what each worker said; ends the command where nobody answered."""
    found = loop.run(workers.status())
    if not _of(found):
        silence = _silences(found)[0]
        _fail(
            f"no admin service answers at {silence.address}: {silence.reason}\n"
            "Does the gateway run, and has it one (admin_listen in its file, or serve --admin ADDRESS)? "
            "If it is elsewhere, use --admin or --config."
        )
    return found


def _steer(name: str, workers: "Workers", steer: "Steer", *, done: str) -> None:
    found = _found(workers)
    known = sorted({deployment.name for status in _of(found).values() for deployment in status.deployments})
    if name not in known:
        near = suggestion(name, known=known)
        _fail(f"no deployment is named {name!r}; known deployments: {listed(known)}{near}")
    told = loop.run(steer(name, tuple(_of(found))))
    if steered := _of(told):
        sharing = sorted({member.name for members in steered.values() for member in members} - {name})
        also = f", and with it {', '.join(sharing)}: one circuit" if sharing else ""
        typer.echo(f"{name} is {done} in {len(steered)} of {_workers_counted(len(found))}{also}")
    _tell_silences({**found, **told})


def _workers_counted(count: int) -> str:
    return f"{count} {'worker' if count == 1 else 'workers'}"


def _of(found: "Mapping[int, T | Silence]") -> dict[int, T]:
    """Returns the answers alone."""
    from triphase_server.rpc.admin.client import Silence  # noqa: PLC0415 - loads gRPC

    return {place: answer for place, answer in found.items() if not isinstance(answer, Silence)}


def _silences(found: "Mapping[int, Any]") -> "list[Silence]":
    answers = _of(found)
    return [silence for place, silence in found.items() if place not in answers]


def _tell_silences(found: "Mapping[int, Any]") -> None:
    """Tells each worker that did not answer, and ends the command with code 1 if there is one."""
    for silence in (silences := _silences(found)):
        typer.echo(f"triphase-server: the worker at {silence.address} did not answer: {silence.reason}", err=True)
    if silences:
        raise typer.Exit(1)


def _fail(message: str) -> NoReturn:
    typer.echo(f"triphase-server: {message}", err=True)
    raise typer.Exit(1)
