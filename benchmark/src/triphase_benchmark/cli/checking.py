"""The commands that check: `probe` looks at engines, `selftest` at the harness itself."""

import sys
from collections.abc import Sequence
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from triphase_benchmark.cli.engines_given import EnginesGiven, engines_of
from triphase_benchmark.cli.failures import Exit, say
from triphase_benchmark.cli.json_lines import print_json
from triphase_benchmark.client.crew import CrewFailed
from triphase_benchmark.engines.probe import Probe, Severity
from triphase_benchmark.report.terminal import console_for
from triphase_benchmark.report.words import UNDEFINED, duration, harmless
from triphase_benchmark.run.greeting import probe_all
from triphase_benchmark.run.problems import CannotRun
from triphase_benchmark.run.selftest.judging import Check
from triphase_benchmark.run.selftest.proving import UNTIMED, WHOLE, prove


def probe(given: EnginesGiven, *, wait: float, json: bool) -> Exit:
    """Looks at engines, and says what a run would find wrong with them."""
    probes = probe_all(engines_of(given), wait_s=wait)
    if json:
        print_json("probes", {"probes": [one.as_json() for one in probes]})
    else:
        for one in probes:
            sys.stdout.write("\n".join(_lines(one)) + "\n")
    return Exit.DONE if all(one.can_run for one in probes) else Exit.ENGINE


def _lines(one: Probe) -> Sequence[str]:
    seen = one.stream
    facts = {
        "profile": one.profile,
        "model": one.model,
        "version": None if one.down else one.version or "unknown",
        "round trip": None if one.round_trip_s is None else duration(one.round_trip_s),
        "tokens per chunk": None if seen is None or seen.tokens_per_chunk is None else f"{seen.tokens_per_chunk:.2f}",
        "thoughts": None if seen is None else "shown" if seen.thoughts else "none seen",
        "usage": None if seen is None else seen.usage,
        "same seed, same answer": None if one.seed_honoured is None else "yes" if one.seed_honoured else "no",
    }
    told = [f"  {name}: {harmless(str(fact))}" for name, fact in facts.items() if fact is not None]
    marks = {Severity.ERROR: "!", Severity.WARNING: "-"}
    findings = [f"  {marks[finding.severity]} {harmless(finding.message)}" for finding in one.findings]
    return [f"{one.engine} at {one.url}", *told, *(findings or ["  nothing is wrong with it"])]


def selftest(*, full: bool, json: bool) -> Exit:
    """Measures engines whose truth is known, and says what was measured right."""
    checks: list[Check] = []
    try:
        for check in prove(WHOLE if full else UNTIMED, say=_say_case):
            checks.append(check)
            if json:
                print_json("check", asdict(check))
    except CrewFailed as error:
        raise CannotRun(str(error)) from error
    wrong = [check for check in checks if check.holds is False]
    unjudged = [check for check in checks if check.holds is None]
    if not json:
        console_for(sys.stdout).print(_table(checks))
    verdict = f"{len(checks) - len(wrong) - len(unjudged)} of {len(checks)} checks hold"
    say(verdict + (f"; {len(unjudged)} could not be judged on this machine now" if unjudged else ""))
    return Exit.NO if wrong else Exit.INCONCLUSIVE if unjudged else Exit.DONE


def _say_case(name: str) -> None:
    say(f"self-test: {name}")


def _table(checks: Sequence[Check]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("case", "what", "measured", "true", "off by", "holds"):
        table.add_column(title, justify="right" if title in {"measured", "true"} else "left")
    words = {True: ("yes", "green"), False: ("NO", "bold red"), None: ("not judged", "dim")}
    for check in checks:
        word, style = words[check.holds]
        cells = (check.case, check.what, check.measured, check.true or UNDEFINED, check.off)
        table.add_row(*(Text(cell) for cell in cells), Text(word, style=style))
    return table
