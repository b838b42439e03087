"""What mending did, for people: each fix with its reason and risk, the lines that changed, what is left, and left out.

Rule: as for `text.py`: nothing of a repository reaches a terminal as it is.
"""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import typer

from triphase_model.validator.mending import Mended, Step
from triphase_model.validator.reports.text import harmless, placed, text_report
from triphase_model.validator.source import Source

_MOST_LINES: Final = 60
_MOST_LEFT_OUT: Final = 20
# Comparing line by line takes the square of the lines at worst.
_MOST_BYTES: Final = 200_000
_COLOURS: Final = {"+": typer.colors.GREEN, "-": typer.colors.RED}


def mended_report(mended: Mended, source: Source, written: Path | None) -> str:
    """The whole report; `source` is the repository as it was, `written` where the mended one now is, if anywhere."""
    blocks = ["\n".join(_step(step)) for step in mended.steps]
    blocks += ["\n".join(_change(source, name, data)) for name, data in sorted(mended.files.items())]
    blocks += [f"{harmless(name)}: a new header; its data stay as they are" for name in sorted(mended.headers)]
    where = f"written to {harmless(str(written))}" if written else "nothing is written: --out names the folder to write"
    return "\n\n".join([*blocks, "\n".join([text_report(mended.after), where, *_left_out(source)])])


def _left_out(source: Source) -> Iterator[str]:
    """What the new folder does not have."""
    names = [(f"{path}/", "not looked into") for path in source.unseen]
    names += [(path, "a link out of the repository") for path in source.escaping]
    names += [(path, "no regular file, or no name on every system") for path in source.odd]
    yield from (f"left out {harmless(name)}: {why}" for name, why in names[:_MOST_LEFT_OUT])
    if len(names) > _MOST_LEFT_OUT:
        yield f"left out {len(names) - _MOST_LEFT_OUT} more, of which --format json tells all"


def _step(step: Step) -> Iterator[str]:
    done = "mended" if step.taken_back is None else "taken back"
    colour = typer.colors.GREEN if step.taken_back is None else typer.colors.YELLOW
    yield f"{typer.style(f'{done} {step.finding.rule}', fg=colour, bold=True)} {step.finding.title}"
    yield f"  at       {placed(step.finding.at)}"
    yield f"  because  {harmless(step.taken_back or step.remedy.why)}"
    if step.remedy.risk:
        yield f"  risk     {harmless(step.remedy.risk)}"


def _change(source: Source, name: str, data: bytes) -> Iterator[str]:
    """The lines of a file that change, as a unified diff."""
    if len(data) > _MOST_BYTES:
        yield f"{harmless(name)}: {len(data)} bytes, too many to show what changed"
        return
    before = source.read(name).decode("utf-8", "replace") if source.has(name) else ""
    after = data.decode("utf-8", "replace")
    lines = list(
        difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm="", n=1)
    )
    yield from (_coloured(harmless(line)) for line in lines[:_MOST_LINES])
    if len(lines) > _MOST_LINES:
        yield f"… and {len(lines) - _MOST_LINES} lines more"


def _coloured(line: str) -> str:
    colour = _COLOURS.get(line[:1])
    return typer.style(line, fg=colour) if colour else line
