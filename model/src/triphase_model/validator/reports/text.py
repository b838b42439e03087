"""A result for people: one block for each finding, with who says what, and one line of counts at the end.

Rule: nothing of a repository reaches a terminal as it is: control characters are shown, not sent, since a name or value
may hold sequences that move the cursor. Colours are added here and taken away by whoever prints to no terminal.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, assert_never

import typer

from triphase_model.validator.checking import Result
from triphase_model.validator.findings import EVERY_ENGINE, Finding, Location, Severity, is_weighty
from triphase_model.validator.fixes import NO_CHOICE, Refusal, Remedy
from triphase_model.validator.rule import Unanswered

_COLOURS: Final[Mapping[Severity, str]] = {
    Severity.ERROR: typer.colors.RED,
    Severity.WARNING: typer.colors.YELLOW,
    Severity.INFO: typer.colors.BLUE,
}
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def text_report(result: Result) -> str:
    """The whole report."""
    blocks = ["\n".join(_block(finding)) for finding in result.findings]
    blocks += ["\n".join(_unanswered(one)) for one in result.unanswered]
    return "\n\n".join([*blocks, _counts(result)])


def harmless(text: str) -> str:
    """The text with control characters written out."""
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


def placed(at: Location) -> str:
    """A location as people write it: `file:line pointer`."""
    line = f":{at.line}" if at.line is not None else ""
    return harmless(f"{at.file}{line} {at.pointer}".rstrip())


def coloured(severity: Severity, text: str) -> str:
    """The text in the colour of a severity."""
    return typer.style(text, fg=_COLOURS[severity], bold=True)


def _block(finding: Finding) -> Iterator[str]:
    yield f"{coloured(finding.severity, f'{finding.severity} {finding.rule}')} {finding.title}"
    yield f"  {harmless(finding.message)}"
    yield f"  at       {placed(finding.at)}"
    yield f"  engines  {'all' if finding.engines == EVERY_ENGINE else ', '.join(sorted(finding.engines))}"
    for evidence in finding.evidence:
        yield f"  witness  {harmless(evidence.witness)}: {harmless(evidence.says)}"
    yield from (_way(finding, name, way) for name, way in (finding.fix.ways.items() if finding.fix else ()))


def _way(finding: Finding, name: str, way: Remedy | Refusal) -> str:
    match way:
        case Refusal():
            return f"  refused  {harmless(name)}: {harmless(way.why)}"
        case Remedy() if name == NO_CHOICE and is_weighty(finding):
            return f"  fix      {harmless(way.why)}"
        case Remedy():
            return f"  choice   --apply {finding.rule}={harmless(name)}: {harmless(way.why)}"
        case _:
            assert_never(way)


def _unanswered(one: Unanswered) -> Iterator[str]:
    yield f"{typer.style(f'unanswered {one.rule}', fg=typer.colors.MAGENTA, bold=True)}"
    yield f"  {harmless(one.why)}"


def _counts(result: Result) -> str:
    counts = Counter(finding.severity for finding in result.findings)
    told = [f"{counts[one]} {one}{_plural(one, counts[one])}" for one in Severity if counts[one]]
    told += [f"{len(result.unanswered)} unanswered"] if result.unanswered else []
    return f"{harmless(result.name)}: {result.verdict.name.lower()}" + (f" ({', '.join(told)})" if told else "")


def _plural(severity: Severity, count: int) -> str:
    return "s" if count > 1 and severity is not Severity.INFO else ""
