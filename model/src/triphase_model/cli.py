"""The command line `triphase-model`: reads options, then runs the engine until it is told to stop.

Standard output carries nothing but the announcement; all else goes to standard error, and never the text of a prompt.
Serving itself is `engine/server.py`, and the loop around it `engine/foreground.py`. The commands that validate model
repositories are `validator/commands.py`, the one that says whether effort can work on them is `effort/commands.py`, and
the one that simulates an engine `engine/simulating.py`.
"""

import logging
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from triphase_model.effort.commands import effort
from triphase_model.engine.reasoning_field import ReasoningField
from triphase_model.engine.simulating import simulate
from triphase_model.validator import commands as validation

_BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class ModelChoice(StrEnum):
    """Which models are served."""

    REFERENCE = "reference"
    SIMULATED = "simulated"


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


app = typer.Typer(
    name="triphase-model",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - slow, and seldom asked for

        typer.echo(f"triphase-model {version('triphase-model')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Triphase's model folder: the embedded engine, and the validator of model repositories."""


for _command in (validation.check, validation.fix, validation.rules, validation.explain):
    app.command()(_command)
app.command()(effort)
app.command()(simulate)


@app.command()
def serve(  # noqa: PLR0913 - each is an option
    *,
    model: Annotated[
        list[ModelChoice] | None, typer.Option(help="Model to serve; may be repeated; default both.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8000,
    pace: Annotated[float, typer.Option(help="Tokens/s of each reference answer; 0 = full speed.", min=0)] = 0.0,
    reasoning_field: Annotated[
        ReasoningField, typer.Option(help="Field for the reference model's thoughts; none leaves them in the text.")
    ] = ReasoningField.NONE,
    script: Annotated[
        Path | None,
        typer.Option(help="JSON file: what the simulated model does by default.", exists=True, dir_okay=False),
    ] = None,
    announce: Annotated[bool, typer.Option("--announce", help='Print {"url": …} as one line when ready.')] = False,
    exit_with_stdin: Annotated[
        bool, typer.Option("--exit-with-stdin", help="End when standard input ends, as when the parent dies.")
    ] = False,
    log_level: Annotated[LogLevel, typer.Option(help="How much to log.")] = LogLevel.WARNING,
) -> None:
    """Serves the models over an OpenAI-compatible HTTP API until interrupted."""
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    limit_blas_threads()
    from triphase_model.engine import foreground  # noqa: PLC0415 - it loads numpy

    options = foreground.Options(
        models=tuple(dict.fromkeys(choice.value for choice in model or ModelChoice)),
        host=host,
        port=port,
        pace=pace,
        reasoning_field=reasoning_field,
        script=script,
        announce=announce,
        exit_with_stdin=exit_with_stdin,
    )
    try:
        foreground.run(options)
    except foreground.CannotServe as error:
        typer.echo(f"triphase-model: {error}", err=True)
        raise typer.Exit(1) from error


def limit_blas_threads() -> None:
    """Lets numpy multiply on one thread, unless the environment says otherwise: small products are faster so.

    numpy reads this at its import, which therefore must come after.
    """
    os.environ.update({name: os.environ.get(name, "1") for name in _BLAS_THREADS})


def main() -> None:
    """Entry point of the command."""
    app()
