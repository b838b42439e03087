"""What a command says at its end, and its exit code: the report on standard output, or one line of JSON.

Its rule: a client that was too slow, and everything else that was wrong, is said beside the figures (`report/`), never
instead of them.
"""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from triphase_benchmark.cli.failures import Exit, say
from triphase_benchmark.cli.json_lines import print_json
from triphase_benchmark.report.knees import knees
from triphase_benchmark.report.progress import Mode
from triphase_benchmark.report.terminal import console_for, print_report
from triphase_benchmark.run.closing import Reported
from triphase_benchmark.run.conducting import Outcome
from triphase_benchmark.run.problems import Ending

_CODES: Mapping[Ending, Exit] = {
    Ending.WHOLE: Exit.DONE,
    Ending.INTERRUPTED: Exit.INTERRUPTED,
    Ending.BROKEN: Exit.BROKEN,
}


def tell(outcome: Outcome, mode: Mode, **more: Any) -> Exit:
    """Says how a run ended, and returns its exit code; `more` goes into the line of JSON."""
    if outcome.problem and mode is not Mode.JSON:
        say(outcome.problem)
    if mode is Mode.JSON:
        told = {"ending": outcome.ending.value, "problem": outcome.problem or None, "client_ok": outcome.client_ok}
        print_json("result", told | _reported(outcome.reported) | more)
    elif outcome.reported is not None and mode is not Mode.QUIET:
        tell_report(outcome.reported)
    return _CODES[outcome.ending]


def tell_report(reported: Reported) -> None:
    """Prints a report, and where its files are."""
    print_report(reported.inputs, reported.found, console_for(sys.stdout))
    page = next((path for path in reported.files if path.suffix == ".html"), None)
    if page is not None:
        sys.stdout.write(
            f"\nThe report: {page}\nAll files:  {', '.join(sorted(path.name for path in reported.files))}\n"
        )


def _reported(reported: Reported | None) -> dict[str, Any]:
    if reported is None:
        return {"files": [], "comparison": [], "knees": []}
    return {
        "files": [str(path) for path in reported.files],
        "comparison": [asdict(row) for row in reported.inputs.comparison],
        "knees": [asdict(knee) for knee in knees(reported.inputs)],
    }
