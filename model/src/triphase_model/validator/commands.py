"""The commands `check`, `fix`, `rules` and `explain` of `triphase-model`: options in, reports and exit codes out.

Rule: exit codes are those of `checking.Verdict` and stay apart from usage errors (2) and crashes (1). Standard output
has the report and nothing else. What is found is `checking.py`, how it is told `reports/`.
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from triphase_model.validator.catalog import RULES, is_prefix, rule_of
from triphase_model.validator.checking import Selection, Verdict
from triphase_model.validator.checking import check as check_source
from triphase_model.validator.copying import CannotWrite, write_copy
from triphase_model.validator.explaining import explanation
from triphase_model.validator.findings import EVERY_ENGINE, Engine
from triphase_model.validator.mending import CannotChoose, Mended, mend
from triphase_model.validator.reports.forms import Form, report
from triphase_model.validator.reports.machine import mended_json_report
from triphase_model.validator.reports.mended import mended_report
from triphase_model.validator.reports.text import coloured, harmless
from triphase_model.validator.rule import Rule
from triphase_model.validator.source import NotARepository, Source


class FixForm(StrEnum):
    """The forms of a report of what was mended."""

    TEXT = "text"
    JSON = "json"


# What stands out in an explanation, which is Markdown: its heading, and the names of its parts.
_STRONG: Final = re.compile(r"^(## .+|\*\*[^*\n]+:\*\*)", re.MULTILINE)

# Whether it can be read is for the reader to tell: to the command line it would be a usage error.
Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="The model repository.", show_default=False, readable=False)
]


def check(
    folder: Folder,
    form: Annotated[Form, typer.Option("--format", help="How to tell the findings.")] = Form.TEXT,
    select: Annotated[list[str] | None, typer.Option(help="Only rules whose codes begin so, such as V,T01.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Not the rules whose codes begin so.")] = None,
    engine: Annotated[
        list[Engine] | None, typer.Option(help="Only what concerns this engine; may be repeated.")
    ] = None,
) -> None:
    """Tells what is wrong in a model repository. Exits 0 clean, 10 warnings, 20 errors, 30 could not evaluate."""
    selection = Selection(
        select=prefixes(select, "--select"),
        ignore=prefixes(ignore, "--ignore"),
        engines=frozenset(engine) if engine else EVERY_ENGINE,
    )
    result = check_source(opened(folder), selection)
    told = report(result, form)
    if told:
        typer.echo(told)
    raise typer.Exit(result.verdict)


def fix(
    folder: Folder,
    out: Annotated[
        Path | None, typer.Option(metavar="NEW", help="The folder to write; without it nothing is written.")
    ] = None,
    choices: Annotated[
        list[str] | None, typer.Option("--apply", metavar="RULE=CHOICE", help="A way to mend that needs your word.")
    ] = None,
    form: Annotated[FixForm, typer.Option("--format", help="How to tell what was mended.")] = FixForm.TEXT,
) -> None:
    """Mends what the files themselves leave one answer for, into a new folder. Exits as `check` of the result does."""
    source = opened(folder)
    chosen = dict(_choice(text) for text in choices or ())
    try:
        mended = mend(source, chosen)
    except CannotChoose as error:
        raise typer.BadParameter(harmless(str(error)), param_hint="--apply") from error
    if out is not None:
        # First of all, so that whoever reads of a mended model has it.
        _written(mended, folder, out)
    typer.echo(mended_json_report(mended) if form is FixForm.JSON else mended_report(mended, source, out))
    raise typer.Exit(mended.after.verdict)


def _written(mended: Mended, folder: Path, out: Path) -> None:
    try:
        write_copy(mended.source, out, beside=folder)
    except CannotWrite as error:
        typer.echo(f"triphase-model: {harmless(str(error))}", err=True)
        raise typer.Exit(Verdict.UNANSWERED) from error


def _choice(text: str) -> tuple[str, str]:
    code, equals, way = text.partition("=")
    if not (code and equals and way):
        raise typer.BadParameter(f"{text!r} is not RULE=CHOICE", param_hint="--apply")
    return _known(code).code, way


def opened(folder: Path) -> Source:
    """The repository in a folder; where there is none, that is told and the command ends."""
    try:
        return Source.of_folder(folder)
    except NotARepository as error:
        typer.echo(f"triphase-model: {harmless(str(error))}", err=True)
        raise typer.Exit(Verdict.UNANSWERED) from error


def prefixes(given: list[str] | None, option: str) -> tuple[str, ...]:
    """The prefixes of codes in an option, which takes one or several with commas."""
    asked = tuple(part.strip().upper() for one in given or () for part in one.split(",") if part.strip())
    for prefix in asked:
        if not is_prefix(prefix):
            message = f"no rule begins with {prefix}; `triphase-model rules` lists all"
            raise typer.BadParameter(message, param_hint=option)
    return asked


def rules() -> None:
    """Lists all rules: code, severity, title."""
    for rule in RULES:
        typer.echo(f"{rule.code}  {coloured(rule.severity, f'{rule.severity:<7}')}  {rule.title}")


def explain(
    code: Annotated[str, typer.Argument(metavar="RULE", help="The code of a rule, such as V01.", show_default=False)],
) -> None:
    """Tells what a rule finds, why that is bad, and what mends it."""
    typer.echo(_STRONG.sub(lambda match: typer.style(match.group(), bold=True), explanation(_known(code))), nl=False)


def _known(code: str) -> Rule:
    rule = rule_of(code)
    if rule is None:
        raise typer.BadParameter(f"there is no rule {code}; `triphase-model rules` lists all", param_hint="RULE")
    return rule
