"""What a run says on a terminal, and in a log.

Its rule: the same tables as on the page. Where no terminal listens they are plain text: no colours, no boxes, and no
line is broken to fit a width that nobody has. Names and messages are texts, never markup, so a `[` in them is a `[`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, TextIO

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from triphase_benchmark.report import facts_tables, headline, tables
from triphase_benchmark.report.gathered import Gathered
from triphase_benchmark.report.inputs import Inputs
from triphase_benchmark.report.labelled import labelled
from triphase_benchmark.report.tables import Table, Tone
from triphase_benchmark.report.wrong import wrongs

STYLES: Final[Mapping[Tone, str]] = {"": "", "good": "bold green", "bad": "bold red", "dim": "dim"}
_ENDLESS: Final = 10_000


def console_for(stream: TextIO) -> Console:
    """A console that writes to the stream, in the way that suits it."""
    plain = not stream.isatty()
    return Console(file=stream, width=_ENDLESS if plain else None, highlight=False, markup=False, emoji=False)


def print_report(inputs: Inputs, found: Gathered, console: Console) -> None:
    """Prints the verdicts, the comparison, each engine's figures, and everything that was wrong."""
    inputs, found = labelled(inputs, found)
    for sentence in headline.verdicts(inputs):
        _say(console, sentence, style="bold")
    for line in headline.conditions(inputs, found):
        _say(console, line, style="dim")
    brief = _brief(inputs)
    shown = [tables.comparison_table(brief)] if brief.comparison else []
    shown += [tables.engine_table(brief), facts_tables.requests_table(inputs, found)]
    for table in (*shown, facts_tables.failure_table(found)):
        if table.rows:
            print_table(table, console)
    print_problems(inputs, found, console)


def _brief(inputs: Inputs) -> Inputs:
    """The usual measures, of metrics that any engine has; the page has all of them, and the loads of a sweep apart."""
    known = {row.metric for row in inputs.rounds if row.value is not None}
    rounds = () if inputs.facts.sweep else tuple(row for row in inputs.usual if row.metric in known)
    return replace(inputs, comparison=inputs.pictured, rounds=rounds)


def print_problems(inputs: Inputs, found: Gathered, console: Console) -> None:
    """Prints everything that was wrong with the run; that nothing was, where so."""
    console.print()
    every = wrongs(inputs, found)
    if not every:
        _say(console, "Nothing was wrong with this run.")
    for one in every:
        _say(console, f"{'!' if one.grave else '-'} {one.text}", style="bold red" if one.grave else "")


def print_table(table: Table, console: Console) -> None:
    """Prints one table."""
    terminal = console.is_terminal
    drawn = RichTable(title=Text(table.caption), title_justify="left", title_style="italic", pad_edge=terminal)
    drawn.box, drawn.padding = (box.SIMPLE_HEAD, (0, 1)) if terminal else (None, (0, 2, 0, 0))
    for index, column in enumerate(table.columns):
        words = index == 0 or column in table.words
        drawn.add_column(Text(column), justify="left" if words else "right", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(cell.text, style=STYLES[cell.tone]) for cell in row))
    console.print()
    if terminal:
        console.print(drawn)
    else:
        _without_trailing_spaces(drawn, console)


def _without_trailing_spaces(drawn: RichTable, console: Console) -> None:
    with console.capture() as captured:
        console.print(drawn)
    for line in captured.get().splitlines():
        _say(console, line.rstrip())


def _say(console: Console, text: str, *, style: str = "") -> None:
    console.print(Text(text, style=style))
