"""Writes a mended repository into a new folder: every file of the old one, and the changed ones with their new bytes.

Rule: the folder appears whole or not at all, so it is filled under another name and then renamed. The old one is never
touched, and links become files, so that nothing written later reaches it. What changes is `mending.py`.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from triphase_model.validator.source import Source


class CannotWrite(Exception):
    """The new folder cannot be made; the message says why. Nothing of it is there."""


def write_copy(source: Source, changed: Mapping[str, bytes], folder: Path) -> None:
    """Makes the folder with all files.

    Raises:
        CannotWrite: It is there already, or cannot be written.
    """
    if folder.exists() or folder.is_symlink():
        raise CannotWrite(f"{folder} is there already")
    try:
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise CannotWrite(f"{folder} cannot be made: {error.strerror}") from error
    try:
        _fill(partial, source, changed)
        # What mkdtemp makes is private; a repository is as open as a new folder would be.
        partial.chmod(0o777 & ~_umask())
        partial.rename(folder)
    except OSError as error:
        raise CannotWrite(f"{folder} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fill(folder: Path, source: Source, changed: Mapping[str, bytes]) -> None:
    for name in sorted({*source.names(), *changed}):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name in changed:
            target.write_bytes(changed[name])
        else:
            _copied(source, name, target)


def _copied(source: Source, name: str, target: Path) -> None:
    entry = source.entries[name]
    if entry.path is None:
        target.write_bytes(entry.sent or b"")
    else:
        shutil.copyfile(entry.path, target)


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current
