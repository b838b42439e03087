"""The command `effort` of `triphase-model`: options in, a report or a profile and an exit code out.

Rule: exit codes are those of `check`. Standard output has the report or the profile and nothing else; where there is no
profile to be had, that is one line on standard error. What is found is `analysis.py`.
"""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from msgspec.structs import replace

from triphase_model.effort.analysis import Analysis, analyse
from triphase_model.effort.explaining import explained
from triphase_model.effort.profile import Profile, as_text, write
from triphase_model.effort.profiling import profile_of
from triphase_model.effort.telling import told
from triphase_model.validator.checking import Verdict
from triphase_model.validator.commands import Folder, opened
from triphase_model.validator.reports.text import harmless


class EngineName(StrEnum):
    """The engines of `ENGINES`."""

    VLLM = "vllm"
    SGLANG = "sglang"
    LLAMA_CPP = "llama.cpp"
    FRIENDLI = "friendli"


class EffortForm(StrEnum):
    """The forms of the answer: a report, or the model profile."""

    TEXT = "text"
    JSON = "json"
    TOML = "toml"


_PROFILES: Final = (EffortForm.JSON, EffortForm.TOML)


def effort(
    folder: Folder,
    form: Annotated[EffortForm, typer.Option("--format", help="A report, or the model profile.")] = EffortForm.TEXT,
    engine: Annotated[list[EngineName] | None, typer.Option(help="Only this engine; may be repeated.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Tell the chain in words.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the model profile: TOML, or JSON if named so.")
    ] = None,
) -> None:
    """Tells whether reasoning_effort can work. Exits 0 it is graded, 10 less than that, 20 no chat, 30 unanswered."""
    analysis = analyse(opened(folder))
    engines = [one.value for one in dict.fromkeys(engine or EngineName)]
    if analysis.problem and (out is not None or form in _PROFILES):
        _end(f"there is no profile of {folder}: {analysis.problem}", analysis.verdict)
    if out is not None:
        _write(_profile(analysis, engines, tokenizer_file=_beside(analysis, folder, out)), out)
    if form in _PROFILES:
        typer.echo(as_text(_profile(analysis, engines), json_form=form is EffortForm.JSON), nl=False)
    else:
        typer.echo((explained if explain else told)(analysis, engines))
    raise typer.Exit(analysis.verdict)


def _profile(analysis: Analysis, engines: list[str], *, tokenizer_file: str = "") -> Profile:
    whole = profile_of(analysis, tokenizer_file=tokenizer_file)
    views = {name: view for name, view in whole.effort.engines.items() if name in engines}
    return replace(whole, effort=replace(whole.effort, engines=views))


def _beside(analysis: Analysis, folder: Path, out: Path) -> str:
    """The tokenizer as the profile names it: seen from where the profile lies."""
    file = analysis.tokenizer.file
    return Path(os.path.relpath(folder.absolute() / file, out.absolute().parent)).as_posix() if file else ""


def _write(profile: Profile, out: Path) -> None:
    try:
        write(profile, out)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no name for a file"
        _end(f"{out} cannot be written: {why}", Verdict.UNANSWERED)


def _end(message: str, verdict: Verdict) -> NoReturn:
    typer.echo(f"triphase-model: {harmless(message)}", err=True)
    raise typer.Exit(verdict)
