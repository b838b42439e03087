"""The command `simulate` of `triphase-model` and `triphase-benchmark`; the engine itself is loaded when it is run.

Its rule: what cannot be simulated as told is one line by the name of the command that was run, and exit code 2 in both:
to the benchmark 1 is a verdict.
"""

import logging
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

_USAGE = 2


class Profile(StrEnum):
    """The profiles."""

    VLLM = "vllm"
    FRIENDLI = "friendli"
    PACED = "paced"
    NULL = "null"


class Time(StrEnum):
    """Whether time passes, by the names of `TimeMode`."""

    REAL = "real"
    NULL = "null"


def simulate(  # noqa: PLR0913 - each is an option
    context: typer.Context,
    *,
    profile: Annotated[
        Profile, typer.Option(help="Which engine to be like; plausible times, not measured ones.")
    ] = Profile.VLLM,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8000,
    seed: Annotated[int | None, typer.Option(help="What all chance is drawn by; 0 unless the file says.")] = None,
    time: Annotated[
        Time, typer.Option(help="real: tokens take their time; null: none, as fast as this process can.")
    ] = Time.REAL,
    truth: Annotated[
        Path | None, typer.Option(help="File for the truth log: when each chunk was really sent.", dir_okay=False)
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file that changes the profile.", exists=True, dir_okay=False)
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Changes one setting, as timing.step_s=0.01; may be repeated."),
    ] = None,
    announce: Annotated[bool, typer.Option("--announce", help='Print {"url": …} as one line when ready.')] = False,
    exit_with_stdin: Annotated[
        bool, typer.Option("--exit-with-stdin", help="End when standard input ends, as when the parent dies.")
    ] = False,
) -> None:
    """Serves a simulated engine, which batches, queues and fails as told, and logs the truth of it."""
    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # The other commands need none of it.
    from triphase_model.engine.simulated.serving import listening  # noqa: PLC0415
    from triphase_model.engine.simulated.serving.profiles import WrongSettings, settings_of  # noqa: PLC0415
    from triphase_model.engine.simulated.serving.settings import TimeMode  # noqa: PLC0415

    try:
        text = None if config is None else config.read_text(encoding="utf-8")
        options = listening.Options(
            settings=settings_of(profile.value, config=text, given=settings or (), seed=seed),
            host=host,
            port=port,
            time_mode=TimeMode(time.value),
            truth=truth,
            announce=announce,
            exit_with_stdin=exit_with_stdin,
        )
        listening.run(options)
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(context, f"cannot read {config}: {error}") from error
    except (WrongSettings, listening.CannotSimulate) as error:
        raise _refused(context, str(error)) from error


def _refused(context: typer.Context, why: str) -> typer.Exit:
    typer.echo(f"{context.find_root().command.name}: {why}", err=True)
    return typer.Exit(_USAGE)
