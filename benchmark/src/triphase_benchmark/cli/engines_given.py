"""What all commands that measure are given alike: engines, a folder, a seed to repeat it by, how progress is shown.

Its rule: every mistake is found before anything is asked of an engine. Raises BadEngine and BadInput.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from triphase_benchmark.cli.failures import NAME
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.engines.engine_flag import make_engine, parse_engine, read_engine_file
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.report.progress import Mode

_FOLDER = Path("benchmark-results")
_OUT = ("--out", "-o")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginesGiven:
    """The options that name engines."""

    engine: Sequence[str] | None
    engine_file: Path | None
    vllm_url: str | None
    friendli_url: str | None
    model: str | None


def engines_of(given: EnginesGiven) -> tuple[Engine, ...]:
    """All engines, in the order of the command line; those of a file come after."""
    engines = [parse_engine(text) for text in given.engine or ()]
    for name, url in (("vllm", given.vllm_url), ("friendli", given.friendli_url)):
        engines += [] if url is None else [make_engine(name, {"url": url})]
    engines += [] if given.engine_file is None else read_engine_file(given.engine_file)
    if not engines:
        raise BadInput("no engine: name one with --engine NAME=URL, or see them at work with `triphase-benchmark demo`")
    return tuple(replace(one, model=one.model or given.model) for one in engines)


def free_folder(out: Path | None) -> Path:
    """The folder of a run that is to be: one that does not exist, or is empty. It is not made here."""
    if out is None:
        return _FOLDER / datetime.now().astimezone().strftime("%Y-%m-%dT%H-%M-%S")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"--out {out} is not empty: results go to a folder of their own, which need not exist")
    return out


def repeating(seed: int | None) -> tuple[str, ...]:
    """The command that was given, with the seed that was drawn for it.

    It names no folder: that of the run is full, so the repeated one gets a folder by its time.
    """
    return (NAME, *_without_out(sys.argv[1:]), *([] if seed is None else ["--seed", str(seed)]))


def _without_out(arguments: Sequence[str]) -> Iterator[str]:
    rest = iter(arguments)
    for word in rest:
        if word in _OUT:
            next(rest, None)
        elif not word.startswith((f"{_OUT[0]}=", _OUT[1])):
            yield word


def mode_of(*, quiet: bool, json: bool, plain: bool) -> Mode:
    """How progress is shown."""
    if quiet + json + plain > 1:
        raise BadInput("of --quiet, --json and --plain only one can be had")
    return Mode.QUIET if quiet else Mode.JSON if json else Mode.PLAIN if plain else Mode.LIVE
