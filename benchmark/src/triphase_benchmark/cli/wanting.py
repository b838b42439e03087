"""From options to what a run wants: engines, amounts, the folder, the seed, and the command that repeats it.

Its rule: every mistake is found before anything is asked of an engine. Raises BadEngine and BadInput.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path

from triphase_benchmark.cli.engines_given import EnginesGiven, engines_of, free_folder, repeating
from triphase_benchmark.plan.load_flag import amount_of
from triphase_benchmark.plan.loads import Amount, Duration, Requests
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.run.crews import workers_of
from triphase_benchmark.run.slo_flag import slos_of
from triphase_benchmark.run.wanted import Wanted

_MEASURED = Requests(count=100)


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
    workers: str | None
    baseline: str | None
    timeout: float
    wait: float
    out: Path | None


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
        workers=workers_of(given.workers),
        baseline=given.baseline,
        wait_s=given.wait,
        timeout_s=given.timeout,
    )
    wanted.check()
    return wanted


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
