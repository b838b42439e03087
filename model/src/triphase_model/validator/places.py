"""Where the files of a repository lie, and opening them without following a link.

Rule: whoever may write in a repository can put a link where a folder or a file was, between looking and opening. So
nothing is opened by a whole path: each folder on the way is opened in the one before it, from one that is known by its
inode, and a link on the way is an error. A link that was found is resolved once, and what it led to is opened like any
file. How much is read, and of which files, is `source.py`.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

MOST_DEPTH: Final = 8
_IGNORED: Final = frozenset({".git", ".cache", "__pycache__"})
# Where the system knows it, by a descriptor that only leads further: a folder on the way need not be readable.
_STEP: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # the last, since a pipe would wait for who writes


class TooMany(Exception):
    """There are more names than are looked at."""


class Other(Enum):
    """What is no file to be read: a link out of the repository; what cannot be opened; a folder not looked into."""

    ESCAPES = auto()
    ODD = auto()
    UNSEEN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A folder by its real path, and by the device and inode that it had."""

    path: Path
    inode: tuple[int, int]

    @classmethod
    def at(cls, path: Path) -> "Anchor":
        """The folder as it is now; raises OSError."""
        status = path.lstat()
        return cls(path=path, inode=(status.st_dev, status.st_ino))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A file below an anchor, by the names on the way to it, of which none was a link."""

    anchor: Anchor
    way: tuple[str, ...]

    def opened(self) -> BinaryIO:
        """The file, open at its beginning.

        Raises:
            OSError: It is not there or not a regular file any more, or a link is on the way to it.
        """
        with _folder(self.anchor, self.way[:-1]) as at:
            file = os.fdopen(os.open(self.way[-1], _FILE, dir_fd=at), "rb")
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return file
        file.close()
        raise OSError(errno.EINVAL, "it is no regular file any more")

    def status(self) -> os.stat_result:
        """What stands there now; raises OSError."""
        with _folder(self.anchor, self.way[:-1]) as at:
            return os.stat(self.way[-1], dir_fd=at, follow_symlinks=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A regular file, and its size in bytes."""

    place: Place
    size: int


@contextmanager
def _folder(anchor: Anchor, way: tuple[str, ...]) -> Iterator[int]:
    """A descriptor of a folder below an anchor."""
    at = os.open(anchor.path, _STEP)
    try:
        status = os.fstat(at)
        if (status.st_dev, status.st_ino) != anchor.inode:
            raise OSError(errno.ESTALE, "it is in another folder than before")
        for name in way:
            inner = os.open(name, _STEP, dir_fd=at)
            os.close(at)
            at = inner
        yield at
    finally:
        os.close(at)


class Listing:
    """The files of one repository: the folder `root`, a real path.

    `within` is a folder around it that nothing may leave. A snapshot in the cache of huggingface_hub is made of links
    to `blobs` beside it: where these are within as well, they are its own. Raises OSError where it is no longer within.
    """

    def __init__(self, root: Path, within: Path | None = None) -> None:
        cached = root.parent.name == "snapshots"
        around = within or (root.parent.parent if cached else root)
        if not root.is_relative_to(around):
            raise OSError(errno.ESTALE, "it is in another folder than before")
        self._anchor = Anchor.at(around)
        self._way = root.relative_to(around).parts
        blobs = (*self._way[:-2], "blobs")
        self._own = (self._way, blobs) if self._way[-2:-1] == ("snapshots",) else (self._way,)
        self._left = 0

    def items(self, most: int) -> dict[str, Found | Other]:
        """What there is, by paths with forward slashes.

        Raises:
            TooMany: There are more than `most` names, those of folders included.
            OSError: A folder cannot be read.
        """
        self._left = most
        with _folder(self._anchor, self._way) as at:
            return dict(self._below(at, ".", ()))

    def _below(self, around: int, folder: str, below: tuple[str, ...]) -> Iterator[tuple[str, Found | Other]]:
        at = os.open(folder, _FOLDER, dir_fd=around)
        try:
            for name in self._names(at):
                way = (*below, name)
                found = self._found(at, way)
                if found is None:
                    yield from self._below(at, name, way)
                else:
                    yield "/".join(way), found
        finally:
            os.close(at)

    def _names(self, at: int) -> list[str]:
        with os.scandir(at) as entries:
            names = [entry.name for entry in islice(entries, self._left + 1)]
        self._left -= len(names)
        if self._left < 0:
            raise TooMany
        return sorted(names)

    def _found(self, at: int, way: tuple[str, ...]) -> Found | Other | None:
        """What stands there; None where it is a folder to look into."""
        try:
            status = os.stat(way[-1], dir_fd=at, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                return self._linked(way)
        except (OSError, RuntimeError):  # the second: a link in a circle, before Python 3.13
            return Other.ODD
        if stat.S_ISDIR(status.st_mode):
            return Other.UNSEEN if way[-1] in _IGNORED or len(way) > MOST_DEPTH else None
        place = Place(anchor=self._anchor, way=(*self._way, *way))
        return Found(place=place, size=status.st_size) if stat.S_ISREG(status.st_mode) else Other.ODD

    def _linked(self, way: tuple[str, ...]) -> Found | Other:
        real = Path(self._anchor.path, *self._way, *way).resolve(strict=True)
        if real.is_dir():
            return Other.ODD
        inner = real.relative_to(self._anchor.path).parts if real.is_relative_to(self._anchor.path) else ()
        if not any(inner[: len(own)] == own for own in self._own) or not inner:
            return Other.ESCAPES
        place = Place(anchor=self._anchor, way=inner)
        status = place.status()
        return Found(place=place, size=status.st_size) if stat.S_ISREG(status.st_mode) else Other.ODD
