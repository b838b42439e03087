"""What a probe says on a terminal, and in a log: its verdict, how it was measured, tables, and what else was seen."""

from rich.console import Console
from rich.text import Text

from triphase_benchmark.effort.outcome import Probed
from triphase_benchmark.report.effort.tables import (
    conditions,
    headline,
    level_table,
    notes,
    pair_table,
    verdict_tone,
)
from triphase_benchmark.report.terminal import STYLES, print_table


def print_effort(probed: Probed, console: Console) -> None:
    """Prints all of it."""
    console.print(Text(headline(probed), style=STYLES[verdict_tone(probed)] or "bold"))
    for line in conditions(probed):
        console.print(Text(line, style="dim"))
    for table in (level_table(probed), pair_table(probed)):
        if table.rows:
            print_table(table, console)
    found = notes(probed)
    if found:
        console.print()
    for note in found:
        console.print(Text(f"- {note}"))
