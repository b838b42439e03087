"""Writes a repository into a new folder, every file of it: those that were changed, and those that lie elsewhere.

Rule: the folder appears whole or not at all, so it is filled under another name and then renamed. The old one is never
touched, and links become files, so that nothing written later reaches it. What changes is `mending.py`.
"""

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO, Final

from triphase_model.validator.source import Entry, Source

_PIECE_BYTES: Final = 1 << 20


class CannotWrite(Exception):
    """The new folder cannot be made; the message says why. Nothing of it is there."""


def write_copy(source: Source, folder: Path, *, beside: Path) -> None:
    """Makes the folder with all files; it must not be in `beside`, which is where the repository was read.

    Raises:
        CannotWrite: It is there already, or in the repository, or cannot be written.
    """
    try:
        if folder.exists() or folder.is_symlink():
            raise CannotWrite(f"{folder} is there already")
        if folder.resolve().is_relative_to(beside.resolve()):
            raise CannotWrite(f"{folder} is in the repository itself, of which nothing is changed")
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise CannotWrite(f"{folder} cannot be made: {error.strerror}") from error
    try:
        _fill(partial, source)
        # What mkdtemp makes is private; a repository is as open as a new folder would be.
        partial.chmod(0o777 & ~_umask())
        partial.rename(folder)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise CannotWrite(f"{folder} cannot be written: {error.strerror}{where}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fill(folder: Path, source: Source) -> None:
    for name in source.names():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, source.entries[name])


def _write(target: Path, entry: Entry) -> None:
    # Never over another: a disk that takes two names for one would lose a file without a word.
    with target.open("xb") as file:
        file.write(entry.sent or b"")
        if entry.place is not None:
            with entry.place.opened() as old:
                old.seek(entry.skip)
                _append(file, old, entry.size - len(entry.sent or b""))
                if entry.sent is None and old.read(1):
                    raise OSError(errno.EIO, "a file became longer meanwhile")


def _append(file: BinaryIO, old: BinaryIO, length: int) -> None:
    """Copies so many bytes, in pieces, since weights are larger than memory."""
    while length > 0 and (piece := old.read(min(length, _PIECE_BYTES))):
        file.write(piece)
        length -= len(piece)
    if length > 0:
        raise OSError(errno.EIO, "a file became shorter meanwhile")


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current
