"""Repositories by name: below folders that whoever runs a service allows, and nowhere else.

Rule: a name that leads out of its root, by dots or by a link, is unknown like one that nobody has, and no message says
where a root lies. A repository is opened from its root on, so that no link on the way leads out, nor one that is put
there later (`places.py`); links that leave the root are told as escaping, also where they lead to the blobs of a cache.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from triphase_model.validator.source import NotARepository, Source, is_inside


class UnknownRepository(Exception):
    """No root has a repository of that name; the message is for whoever asked."""


def open_stored(name: str, roots: Iterable[str]) -> Source:
    """Returns the repository of a name; the first root that has it counts.

    Raises:
        UnknownRepository: There is none.
        NotARepository: There is a folder, and no repository in it.
    """
    for root in roots:
        folder = _folder(Path(root), name)
        if folder is not None:
            return _opened(folder, Path(root).resolve(), name)
    raise UnknownRepository(f"there is no repository {name!r}")


def _folder(root: Path, name: str) -> Path | None:
    """The folder of a name, where it is one below the root in truth."""
    if not is_inside(name):
        return None
    try:
        folder = (root / name).resolve(strict=True)
        return folder if folder.is_dir() and folder.is_relative_to(root.resolve(strict=True)) else None
    except (OSError, RuntimeError, ValueError):
        return None


def _opened(folder: Path, root: Path, name: str) -> Source:
    try:
        source = Source.of_folder(folder, within=root)
    except NotARepository as error:
        # Its own message begins with where the folder lies.
        raise NotARepository(f"{name!r}{str(error).removeprefix(str(folder))}") from error
    return replace(source, name=name)
