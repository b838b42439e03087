"""The command `effort`: from its options to a probe, and what it says at its end.

Its rule: the exit code is the answer. An effort that lengthens reasoning is 0, one that does not is 1, whatever the
levels; what cannot be told is 3, and what means nothing is 4.
"""

import secrets
import sys
from collections.abc import Mapping

from triphase_benchmark.cli.engines_given import EnginesGiven, engines_of, free_folder, repeating
from triphase_benchmark.cli.failures import Exit, say
from triphase_benchmark.cli.json_lines import print_json
from triphase_benchmark.effort.values import Verdict
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.report.progress import Mode, display
from triphase_benchmark.report.terminal import console_for
from triphase_benchmark.run.effort.conducting import Outcome, probe_effort
from triphase_benchmark.run.effort.wanted import EffortGiven, EffortWanted, effort_wanted
from triphase_benchmark.run.problems import Ending

_CODES: Mapping[Verdict, Exit] = {
    Verdict.GRADED: Exit.DONE,
    Verdict.BINARY: Exit.DONE,
    Verdict.NONE: Exit.NO,
    Verdict.NON_MONOTONE: Exit.NO,
    Verdict.CENSORED: Exit.INCONCLUSIVE,
    Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE,
    Verdict.INVALID: Exit.ENGINE,
}
_ENDINGS: Mapping[Ending, Exit] = {Ending.INTERRUPTED: Exit.INTERRUPTED, Ending.BROKEN: Exit.BROKEN}


def effort(engines: EnginesGiven, given: EffortGiven, mode: Mode) -> Exit:
    """Probes an engine, and tells."""
    wanted = _wanted(engines, given)
    with display(mode, sys.stdout if mode is Mode.JSON else sys.stderr) as shown:
        outcome = probe_effort(wanted, show=shown.show)
    _tell(outcome, mode)
    return _ENDINGS.get(outcome.ending) or _CODES[outcome.probed.judgement.verdict]


def _wanted(engines: EnginesGiven, given: EffortGiven) -> EffortWanted:
    named = engines_of(engines)
    if len(named) != 1:
        raise BadInput(f"a probe of effort takes one engine, and these are {len(named)}")
    seed = secrets.randbelow(2**31) if given.seed is None else given.seed
    argv = repeating(None if given.seed is not None else seed)
    return effort_wanted(given, named[0], seed=seed, out=free_folder(given.out), argv=argv)


def _tell(outcome: Outcome, mode: Mode) -> None:
    from triphase_benchmark.report.effort.results import told  # noqa: PLC0415 - statistics are slow to load
    from triphase_benchmark.report.effort.terminal import print_effort  # noqa: PLC0415

    probed = outcome.probed
    if mode is Mode.JSON:
        without = {name: value for name, value in told(probed).items() if name != "samples"}
        print_json("result", {**without, "problem": outcome.problem or None, "files": list(outcome.files)})
        return
    if outcome.problem:
        say(outcome.problem)
    if outcome.ending is Ending.INTERRUPTED:
        say(probed.judgement.reason)
    if mode is Mode.QUIET:
        if probed.judgement.verdict is Verdict.INVALID:
            say(f"invalid: {probed.judgement.reason}")
        return
    print_effort(probed, console_for(sys.stdout))
    page = next((path for path in outcome.files if path.suffix == ".html"), None)
    if page is not None:
        names = ", ".join(sorted(path.name for path in outcome.files))
        sys.stdout.write(f"\nThe report: {page}\nAll files:  {names}\n")
