"""From options to what a run wants: engines, amounts, the folder, the seed, and the command that repeats it.

Its rule: every mistake is found before anything is asked of an engine. Raises BadEngine and BadInput.
"""

import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from triphase_benchmark.cli.failures import NAME
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.engines.engine_flag import make_engine, parse_engine, read_engine_file
from triphase_benchmark.plan.load_flag import amount_of
from triphase_benchmark.plan.loads import Amount, Duration, Requests
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.report.progress import Mode
from triphase_benchmark.run.slo_flag import slos_of
from triphase_benchmark.run.wanted import Wanted

_MEASURED = Requests(count=100)
_FOLDER = Path("benchmark-results")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginesGiven:
    """The options that name engines."""

    engine: Sequence[str] | None
    engine_file: Path | None
    vllm_url: str | None
    friendli_url: str | None
    model: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGiven:
    """The options of a run, as they came."""

    engines: EnginesGiven
    load: str
    workload: str
    iterations: int
    requests: str | None
    duration: str | None
    warmup: str
    slo: str | None
    tokenizer: str | None
    shared_prefix: str | None
    seed: int | None
    workers: int | None
    baseline: str | None
    timeout: float
    wait: float
    out: Path | None


def engines_of(given: EnginesGiven) -> tuple[Engine, ...]:
    """All engines, in the order of the command line; those of a file come after."""
    engines = [parse_engine(text) for text in given.engine or ()]
    for name, url in (("vllm", given.vllm_url), ("friendli", given.friendli_url)):
        engines += [] if url is None else [make_engine(name, {"url": url})]
    engines += [] if given.engine_file is None else read_engine_file(given.engine_file)
    if not engines:
        raise BadInput("no engine: name one with --engine NAME=URL, or see them at work with `triphase-benchmark demo`")
    return tuple(replace(one, model=one.model or given.model) for one in engines)


def wanted_of(given: RunGiven) -> Wanted:
    """All that a run wants."""
    seed = secrets.randbelow(2**31) if given.seed is None else given.seed
    wanted = Wanted(
        engines=engines_of(given.engines),
        out=free_folder(given.out),
        argv=repeating(None if given.seed is not None else seed),
        seed=seed,
        load=given.load,
        workload=given.workload,
        iterations=given.iterations,
        measured=_measured(given),
        warm_up=amount_of(given.warmup, "--warmup"),
        slos={} if given.slo is None else slos_of(given.slo),
        tokenizer=given.tokenizer,
        shared_prefix=given.shared_prefix,
        workers=given.workers,
        baseline=given.baseline,
        wait_s=given.wait,
        timeout_s=given.timeout,
    )
    wanted.check()
    return wanted


def free_folder(out: Path | None) -> Path:
    """The folder of a run that is to be: one that does not exist, or is empty. It is not made here."""
    if out is None:
        return _FOLDER / datetime.now().astimezone().strftime("%Y-%m-%dT%H-%M-%S")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"--out {out} is not empty: results go to a folder of their own, which need not exist")
    return out


def repeating(seed: int | None) -> tuple[str, ...]:
    """The command that was given, with the seed that was drawn for it."""
    return (NAME, *sys.argv[1:], *([] if seed is None else ["--seed", str(seed)]))


def mode_of(*, quiet: bool, json: bool, plain: bool) -> Mode:
    """How progress is shown."""
    if quiet + json + plain > 1:
        raise BadInput("of --quiet, --json and --plain only one can be had")
    return Mode.QUIET if quiet else Mode.JSON if json else Mode.PLAIN if plain else Mode.LIVE


def _measured(given: RunGiven) -> Amount | None:
    if given.requests is not None and given.duration is not None:
        raise BadInput("--requests and --duration exclude each other: a round ends by number or by time")
    if given.duration is not None:
        return _of_kind(given.duration, "--duration", Duration, "a time, as in 90s")
    if given.requests is not None:
        return _of_kind(given.requests, "--requests", Requests, "a number; for a time there is --duration")
    return None if given.load.startswith("trace:") else _MEASURED


def _of_kind(text: str, flag: str, kind: type[Requests] | type[Duration], what: str) -> Amount:
    amount = amount_of(text, flag)
    if not isinstance(amount, kind):
        raise BadInput(f"{flag} {text!r}: it takes {what}")
    return amount
