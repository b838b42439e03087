"""What is asked: a folder, read by the one reader of repositories, as a request; never a byte of weights in it.

Rule: options are checked as `triphase-model check` checks them. A folder that is no repository ends the command before
anything is sent.
"""

from pathlib import Path

import typer
from triphase.model.v1 import File, Files, ValidateModelConfigRequest, model_config_service_pb2
from triphase_model.validator.checking import Verdict
from triphase_model.validator.commands import prefixes
from triphase_model.validator.excerpt import excerpt
from triphase_model.validator.findings import Engine
from triphase_model.validator.reports.text import harmless
from triphase_model.validator.source import NotARepository, Source, TooLarge

from triphase_client.cli.validating.engines import ENGINES


def request_of(
    folder: Path | None,
    *,
    stored: str,
    select: list[str] | None,
    ignore: list[str] | None,
    engines: list[str] | None,
) -> tuple[ValidateModelConfigRequest, str]:
    """Returns the request, and the repository's name for the report; ends the command where there is nothing to ask."""
    request = ValidateModelConfigRequest(
        engines=[_engine(name) for name in engines or ()],
        select=prefixes(select, "--select"),
        ignore=prefixes(ignore, "--ignore"),
    )
    if folder is None:
        request.stored_repository = stored
        return request, stored
    source = _opened(folder)
    request.files.CopyFrom(_files(source))
    return request, source.name


def _engine(name: str) -> "model_config_service_pb2.Engine.ValueType":
    known = [engine.value for engine in Engine]
    if name not in known:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(known)}", param_hint="--engine")
    return ENGINES[Engine(name)]


def _opened(folder: Path) -> Source:
    """What is sent of the repository in a folder."""
    try:
        return excerpt(Source.of_folder(folder))
    except (NotARepository, TooLarge) as error:
        named = "" if isinstance(error, NotARepository) else f"{folder}: "
        typer.echo(f"triphase: {harmless(f'{named}{error}')}", err=True)
        raise typer.Exit(Verdict.UNANSWERED) from error


def _files(source: Source) -> Files:
    # By path, since names that are no UTF-8 may become the same.
    files = {
        _text(path): File(path=_text(path), content=entry.sent or b"", size=entry.size)
        for path, entry in sorted(source.entries.items())
    }
    return Files(
        files=files.values(),
        escaping_links=[_text(path) for path in source.escaping],
        irregular=[_text(path) for path in source.odd],
    )


def _text(path: str) -> str:
    return path.encode("utf-8", "replace").decode()
