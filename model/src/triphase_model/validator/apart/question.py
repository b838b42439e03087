"""What is asked of the process that checks, and how it travels there: a line of JSON, then the bytes of the files.

Rule: both ends are this program, so the form may change with it. Nothing is checked here that `checking.py` checks
anyway. Who asks is `asking.py`, who answers `child.py`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from triphase_model.validator.checking import Selection
from triphase_model.validator.findings import Engine
from triphase_model.validator.source import Source
from triphase_model.validator.stored import open_stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A repository whose files are at hand, as far as they are read; `sizes` are those of the whole files."""

    files: Mapping[str, bytes]
    sizes: Mapping[str, int]
    escaping: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()

    def opened(self) -> Source:
        """Returns it as a source; raises NotARepository."""
        return Source.of_files(self.files, self.sizes, escaping=self.escaping, odd=self.odd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A repository by its name below one of the roots, which are absolute paths."""

    name: str
    roots: tuple[str, ...]

    def opened(self) -> Source:
        """Returns it as a source; raises UnknownRepository or NotARepository."""
        return open_stored(self.name, self.roots)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which repository is to be checked, and what of the result matters."""

    repository: Sent | Stored
    selection: Selection


def to_bytes(question: Question) -> bytes:
    """Returns what travels."""
    selection, repository = question.selection, question.repository
    head: dict[str, Any] = {
        "select": selection.select,
        "ignore": selection.ignore,
        "engines": sorted(selection.engines),
    }
    if isinstance(repository, Stored):
        return json.dumps(head | {"name": repository.name, "roots": repository.roots}).encode() + b"\n"
    files = repository.files
    head["lengths"] = {path: len(data) for path, data in files.items()}
    head |= {"sizes": dict(repository.sizes), "escaping": repository.escaping, "odd": repository.odd}
    return b"".join([json.dumps(head).encode(), b"\n", *files.values()])


def read(stream: BinaryIO) -> Question:
    """Reads one question, and not a byte more."""
    head = json.loads(stream.readline())
    selection = Selection(
        select=tuple(head["select"]),
        ignore=tuple(head["ignore"]),
        engines=frozenset(map(Engine, head["engines"])),
    )
    return Question(repository=_repository(head, stream), selection=selection)


def _repository(head: Mapping[str, Any], stream: BinaryIO) -> Sent | Stored:
    if "roots" in head:
        return Stored(name=head["name"], roots=tuple(head["roots"]))
    return Sent(
        files={path: stream.read(length) for path, length in head["lengths"].items()},
        sizes=head["sizes"],
        escaping=tuple(head["escaping"]),
        odd=tuple(head["odd"]),
    )
