"""What an error says to a person, in one line each, and which exit code a script gets.

The codes are part of the interface: they stand in `--help` and in docs/benchmark.md, and do not change.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from enum import IntEnum
from typing import Any

import typer
from typer.core import TyperGroup

from triphase_benchmark.cli import INTERRUPTED

NAME = "triphase-benchmark"


class Exit(IntEnum):
    """The exit codes."""

    DONE = 0
    NO = 1
    USAGE = 2
    INCONCLUSIVE = 3
    ENGINE = 4
    BROKEN = 5
    INTERRUPTED = INTERRUPTED


EXIT_CODES = (
    "Exit codes: 0 done, not regressed, or effort has an effect; 1 regressed, a check failed, or effort has none; "
    "2 wrong usage, or a wrong file; 3 inconclusive; 4 an engine cannot be measured; 5 the run broke off midway, and "
    "what was measured is kept; 130 interrupted, and what was measured is kept."
)


def say(*lines: str) -> None:
    """Says lines on standard error."""
    for line in lines:
        sys.stderr.write(f"{NAME}: {line}\n")
    sys.stderr.flush()


# Of all that can be wrong with a command line, which Typer exports none of but this.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


class Commands(TyperGroup):
    """Commands whose wrong options, arguments and names are one line each."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Reads what stands before the command; nothing at all asks for help."""
        with _one_line() if args else nullcontext():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Reads what stands after it, and runs it."""
        with _one_line():
            return super().invoke(ctx)


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except _UsageError as error:
        told: Any = error
        where = told.ctx.command_path if told.ctx is not None else NAME
        say(f"{' '.join(told.format_message().split()).rstrip('.')} (see `{where} --help`)")
        raise typer.Exit(Exit.USAGE) from error


@contextmanager
def reporting() -> Iterator[None]:
    """Turns what can go wrong into lines on standard error and an exit code."""
    # Loaded here, since help needs none of it.
    from triphase_benchmark.engines.engine_flag import BadEngine  # noqa: PLC0415
    from triphase_benchmark.plan.problems import BadInput  # noqa: PLC0415
    from triphase_benchmark.records.folder import BadFolder  # noqa: PLC0415
    from triphase_benchmark.run.problems import CannotRun  # noqa: PLC0415

    try:
        yield
        sys.stdout.flush()
    except (BadEngine, BadFolder, BadInput) as error:
        say(str(error))
        raise typer.Exit(Exit.USAGE) from error
    except CannotRun as error:
        say(*error.lines)
        raise typer.Exit(Exit.ENGINE) from error
    except KeyboardInterrupt as interrupt:
        say("interrupted")
        raise typer.Exit(Exit.INTERRUPTED) from interrupt
    except OSError as error:
        say(f"{error.filename or 'reading or writing'}: {error.strerror or error}")
        raise typer.Exit(Exit.BROKEN) from error
