"""The commands that read runs: `report` and `compare`."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from triphase_benchmark.cli.ending import tell_report
from triphase_benchmark.cli.engines_given import free_folder, repeating
from triphase_benchmark.cli.failures import Exit
from triphase_benchmark.cli.json_lines import print_json
from triphase_benchmark.report.gathered import gathered
from triphase_benchmark.report.terminal import console_for, print_report
from triphase_benchmark.report.writing import write_report
from triphase_benchmark.run.closing import report_again
from triphase_benchmark.run.stored import compare_stored


def report(folder: Path, *, quiet: bool) -> Exit:
    """Renders a report again."""
    reported = report_again(folder)
    if not quiet:
        tell_report(reported)
    return Exit.DONE


def compare(folders: Sequence[Path], *, out: Path | None, json: bool) -> Exit:
    """Compares stored runs, which is worth less than one run of both."""
    place = None if out is None else free_folder(out)
    inputs = compare_stored(folders, argv=repeating(None))
    found = gathered(inputs)
    files: tuple[Path, ...] = ()
    if place is not None:
        place.mkdir(parents=True, exist_ok=True)
        files = write_report(inputs, place, found)
    if json:
        comparison = [asdict(row) for row in inputs.comparison]
        print_json("result", {"files": list(files), "comparison": comparison, "problems": list(inputs.facts.problems)})
        return Exit.DONE
    print_report(inputs, found, console_for(sys.stdout))
    if place is not None:
        sys.stdout.write(f"\nThe report: {place / 'report.html'}\n")
    return Exit.DONE
