"""The commands that measure: `run`, `demo`, `gate` and `sweep`. Each shows progress and says how it ended."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from triphase_benchmark.cli.ending import tell
from triphase_benchmark.cli.engines_given import free_folder, repeating
from triphase_benchmark.cli.failures import Exit
from triphase_benchmark.cli.wanting import RunGiven, wanted_of
from triphase_benchmark.comparison.gate import Gate, GateVerdict
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.report.progress import Mode, Snapshot, display
from triphase_benchmark.run import demo as the_demo
from triphase_benchmark.run.bracketing import Bracketing
from triphase_benchmark.run.conducting import Course, Outcome, conduct, every_round
from triphase_benchmark.run.gating import GateCourse, measures_of, share_of
from triphase_benchmark.run.problems import Ending
from triphase_benchmark.run.simulated import simulated_engines
from triphase_benchmark.run.slo_flag import slos_of
from triphase_benchmark.run.sweeping import KINDS, SweepCourse, amounts
from triphase_benchmark.run.wanted import Wanted

_DEMO_SEED = 42


@contextmanager
def progress(mode: Mode) -> Iterator[Callable[[Snapshot], None]]:
    """Shows snapshots: lines of JSON on standard output, whatever is for people on standard error."""
    with display(mode, sys.stdout if mode is Mode.JSON else sys.stderr) as shown:
        yield shown.show


def run(given: RunGiven, mode: Mode) -> Exit:
    """Measures, compares, and tells."""
    return tell(_conducted(wanted_of(given), mode), mode)


def demo(seed: int | None, out: Path | None, mode: Mode) -> Exit:
    """Measures two simulated engines."""
    folder = free_folder(out)
    with simulated_engines(the_demo.ENGINES) as engines:
        wanted = Wanted(
            engines=engines,
            out=folder,
            argv=repeating(None),
            seed=_DEMO_SEED if seed is None else seed,
            load=the_demo.LOAD,
            workload=the_demo.WORKLOAD,
            iterations=the_demo.ITERATIONS,
            measured=the_demo.MEASURED,
            warm_up=the_demo.WARM_UP,
            slos=slos_of(the_demo.SLO),
        )
        outcome = _conducted(wanted, mode)
    return tell(outcome, mode)


def gate(given: RunGiven, mode: Mode, *, max_regress: str, most: int, measures: Sequence[str]) -> Exit:
    """Drives two engines until it can tell whether one is worse than it may be."""
    wanted = wanted_of(given)
    if len(wanted.engines) != 2:
        raise BadInput(
            f"a gate takes two engines, the one that was and the one that is, and these are {len(wanted.engines)}"
        )
    try:
        limits = Gate(
            max_regress=share_of(max_regress, "--max-regress"),
            measures=measures_of(measures, gateways=any(one.is_gateway for one in wanted.engines)),
            first=wanted.iterations,
            most=max(most, wanted.iterations),
        )
    except ValueError as problem:
        raise BadInput(str(problem)) from problem
    (engine,) = (name for name in wanted.names if name != wanted.against)
    course = GateCourse(limits, wanted.against, engine)
    outcome = _conducted(wanted, mode, course)
    verdict = course.verdict(client_ok=outcome.client_ok)
    code = tell(outcome, mode, gate={**course.as_json(), "verdict": verdict.value})
    if mode is not Mode.JSON:
        sys.stdout.write("\n".join(["", *course.lines(client_ok=outcome.client_ok)]) + "\n")
    return _GATE[verdict] if outcome.ending is Ending.WHOLE else code


def sweep(given: RunGiven, mode: Mode, *, kind: str, first: float, last: float, points: int, seconds: float) -> Exit:
    """Measures engines at loads that bracket their knees."""
    whole = kind == "closed"
    if kind not in KINDS:
        raise BadInput(f"--load {kind!r}: a sweep takes {', '.join(KINDS)}, and chooses how much of it")
    if not 0 < first < last or (whole and (first != int(first) or last != int(last))):
        numbers = "whole numbers" if whole else "rates"
        raise BadInput(f"--from {first:g} --to {last:g}: a sweep goes up from one to the other, both {numbers} above 0")
    load = f"{kind}:{int(first) if whole else f'{first:g}'}"
    wanted = replace(wanted_of(replace(given, load=load)), **amounts(kind, first, seconds))
    bracketing = Bracketing(engines=frozenset(wanted.names), first=first, last=last, points=points, whole=whole)
    course = SweepCourse(bracketing, kind, wanted.iterations, seconds)
    return tell(_conducted(wanted, mode, course), mode)


_GATE: Mapping[GateVerdict, Exit] = {
    GateVerdict.NOT_REGRESSED: Exit.DONE,
    GateVerdict.REGRESSED: Exit.NO,
    GateVerdict.INCONCLUSIVE: Exit.INCONCLUSIVE,
}


def _conducted(wanted: Wanted, mode: Mode, course: Course = every_round) -> Outcome:
    with progress(mode) as show:
        return conduct(wanted, show=show, course=course)
