"""Mends a repository: applies fixes one by one, and keeps only those after which all rules say that it got better.

Rule: a fix stays if its own finding is gone and nothing of weight is new; otherwise it is taken back. Only automatic
fixes of warnings and errors are made by themselves; choices, and what is merely worth knowing, by name; refused ways
never. Nothing is written here: the result is the repository as it would be. Writing it is `copying.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

from triphase_model.validator.checking import Renderer, Result, check
from triphase_model.validator.findings import Finding, is_weighty
from triphase_model.validator.fixes import (
    NO_CHOICE,
    Edit,
    Refusal,
    Reheader,
    Remedy,
    RemoveValue,
    SetValue,
    TextEdit,
    WriteText,
)
from triphase_model.validator.header_edits import reheaded
from triphase_model.validator.json_edits import CannotEdit, with_value, without_value
from triphase_model.validator.json_values import parse, without_trailing_commas
from triphase_model.validator.rendering.asking import render
from triphase_model.validator.rendering.results import Rendering
from triphase_model.validator.source import Source, TooLarge

_MOST_FIXES: Final = 100


class CannotChoose(Exception):
    """A choice that is not offered, or refused; the message says why and what is offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One fix that was tried: the finding, the way, and where it was taken back, why."""

    finding: Finding
    way: str
    remedy: Remedy
    taken_back: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What came of it: the mended repository, what was tried, and the check before and after.

    `files` are the new bytes of files that change, `headers` the files of weights that only have another header.
    """

    source: Source
    files: Mapping[str, bytes]
    headers: frozenset[str]
    steps: tuple[Step, ...]
    before: Result
    after: Result


@dataclass(slots=True)
class _Work:
    """A repository that is being mended."""

    source: Source
    result: Result
    renderer: Renderer
    changed: dict[str, bytes] = field(default_factory=dict)
    headers: set[str] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)


def mend(source: Source, choices: Mapping[str, str] | None = None, *, renderer: Renderer = render) -> Mended:
    """Applies all automatic fixes, and by rule the chosen ways.

    Raises:
        CannotChoose: A rule has no finding that offers the way, or the way is refused. Nothing was applied.
    """
    chosen = {code.upper(): way for code, way in (choices or {}).items()}
    remembering = remembered(renderer)
    before = check(source, renderer=remembering)
    for code, way in chosen.items():
        _require_offered(before, code, way)
    work = _Work(source=source, result=before, renderer=remembering)
    while len(work.steps) < _MOST_FIXES and (found := next(_untried(work, chosen), None)):
        _try(work, *found)
    return Mended(
        source=work.source,
        files=work.changed,
        headers=frozenset(work.headers),
        steps=tuple(work.steps),
        before=before,
        after=work.result,
    )


def remembered(renderer: Renderer) -> Renderer:
    """Renders what it has not rendered before: few fixes touch a template, and all are checked with it."""
    known: dict[tuple[str, tuple[tuple[str, str], ...]], Rendering] = {}

    def rendered(text: str, tokens: Mapping[str, str]) -> Rendering:
        key = text, tuple(sorted(tokens.items()))
        if key not in known:
            known[key] = renderer(text, tokens)
        return known[key]

    return rendered


def _require_offered(result: Result, code: str, way: str) -> None:
    offers = [finding.fix.ways for finding in result.findings if finding.rule == code and finding.fix]
    found = next((ways[way] for ways in offers if way in ways), None)
    if isinstance(found, Refusal):
        raise CannotChoose(f"{code}={way} is refused: {found.why}")
    if found is None:
        names = sorted({name for ways in offers for name, one in ways.items() if isinstance(one, Remedy)})
        offered = f"it offers {', '.join(names)}" if names else "no finding of it offers a choice here"
        raise CannotChoose(f"{code}={way} is not offered: {offered}")


def _untried(work: _Work, chosen: Mapping[str, str]) -> Iterator[tuple[Finding, str, Remedy]]:
    """The findings that can be mended and were not tried, the worst first."""
    tried = {_key(step.finding) for step in work.steps}
    for finding in work.result.findings:
        way = chosen.get(finding.rule, NO_CHOICE if is_weighty(finding) else "")
        remedy = finding.fix.ways.get(way) if finding.fix else None
        if isinstance(remedy, Remedy) and _key(finding) not in tried:
            yield finding, way, remedy


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.at.file, finding.at.pointer


def _try(work: _Work, finding: Finding, way: str, remedy: Remedy) -> None:
    try:
        made = dict(_edited(work.source, remedy.edits))
        candidate = work.source.with_files(made)
        for edit in remedy.edits:
            candidate = reheaded(candidate, edit) if isinstance(edit, Reheader) else candidate
    except CannotEdit as error:
        work.steps.append(Step(finding=finding, way=way, remedy=remedy, taken_back=str(error)))
        return
    result = check(candidate, renderer=work.renderer)
    why = _worse(work.result, result, finding)
    work.steps.append(Step(finding=finding, way=way, remedy=remedy, taken_back=why))
    if why is None:
        work.source, work.result = candidate, result
        work.changed |= made
        work.headers |= {edit.file for edit in remedy.edits if isinstance(edit, Reheader)}


def _worse(before: Result, after: Result, finding: Finding) -> str | None:
    """Why a fix is to be taken back, if it is."""
    known, now = _weighty(before), _weighty(after)
    new = sorted(now - known)
    if new:
        return f"it would bring {new[0][0]} at {new[0][1]} {new[0][2]}".rstrip()
    if _key(finding) in {_key(other) for other in after.findings}:
        return "the finding would still be there"
    return "it could not be checked" if len(after.unanswered) > len(before.unanswered) else None


def _weighty(result: Result) -> set[tuple[str, str, str]]:
    return {_key(finding) for finding in result.findings if is_weighty(finding)}


def _edited(source: Source, edits: tuple[Edit, ...]) -> Iterator[tuple[str, bytes]]:
    """The new bytes of each file whose text edits change, after all of them."""
    texts: dict[str, str] = {}
    for edit in (edit for edit in edits if not isinstance(edit, Reheader)):
        texts[edit.file] = _text_after(texts.get(edit.file), source, edit)
    for file, text in texts.items():
        try:
            yield file, text.encode()
        except UnicodeEncodeError as error:
            raise CannotEdit(f"{file} would hold half of a character") from error


def _text_after(text: str | None, source: Source, edit: TextEdit) -> str:
    match edit:
        case WriteText():
            return edit.text
        case SetValue():
            return with_value(_json_text(text, source, edit.file), edit.pointer, edit.value)
        case RemoveValue():
            return without_value(_json_text(text, source, edit.file), edit.pointer)
        case _:
            assert_never(edit)


def _json_text(text: str | None, source: Source, file: str) -> str:
    """The text of a JSON file as far as it was edited already; an empty object where there is none."""
    if text is not None:
        return text
    if not source.has(file):
        return "{\n}\n"
    try:
        parsed = parse(source.read(file))
    except (TooLarge, OSError) as error:
        raise CannotEdit(f"{file} cannot be read: {error}") from error
    if not parsed.readable:
        raise CannotEdit(f"{file} is not JSON")
    return without_trailing_commas(parsed.text)
