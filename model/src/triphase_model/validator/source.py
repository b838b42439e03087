"""The only reader of repositories: a folder, or small files and declared sizes that a request brings.

Rule: nothing outside the root is ever opened (a link that leaves it is told, not followed), only regular files are,
and of each file no more than its kind may have. Of weights only the first bytes are asked for. What stands in the
files is `repository.py`.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

MOST_FILES: Final = 20_000
MOST_DEPTH: Final = 8
# Ordinary JSON and text; `tokenizer.json` and tokenizer models; the index, as huggingface_hub limits it.
LIMITS: Final[Mapping[str, int]] = {
    "tokenizer.json": 256 << 20,
    "tokenizer.model": 64 << 20,
    "model.safetensors.index.json": 10 << 20,
}
ORDINARY_LIMIT: Final = 64 << 20
_IGNORED: Final = frozenset({".git", ".cache", "__pycache__"})


class NotARepository(Exception):
    """There is nothing that could be checked; the message is for whoever asked."""


class TooLarge(Exception):
    """A file has more bytes than a file of its name may have, or than were sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file: its whole size, and the bytes that were sent of it or where it lies.

    Where it has both, it begins with the bytes and goes on at byte `skip` of the file at the path.
    """

    size: int
    sent: bytes | None = None
    path: Path | None = None
    skip: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The files of one repository, by their paths with forward slashes.

    `escaping` are links that lead out of it, `odd` are names that are no regular files or cannot be opened.
    """

    name: str
    entries: Mapping[str, Entry]
    escaping: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()

    @classmethod
    def of_files(cls, files: Mapping[str, bytes], sizes: Mapping[str, int] | None = None, name: str = "") -> "Source":
        """A repository of files in memory; `sizes` declares those of which only the beginning is there.

        Raises:
            NotARepository: It has no file, or one whose name leaves the repository.
        """
        declared = sizes or {}
        names = [*files, *(path for path in declared if path not in files)]
        wrong = [path for path in names if not is_inside(path)]
        if wrong or not names:
            raise NotARepository(f"{wrong[0]!r} is not a path inside a repository" if wrong else "it has no files")
        made = {path: (files.get(path, b""), declared.get(path)) for path in names}
        return cls(
            name=name,
            entries={path: Entry(size=max(size or 0, len(data)), sent=data) for path, (data, size) in made.items()},
        )

    @classmethod
    def of_folder(cls, folder: Path) -> "Source":
        """The repository in a folder.

        Raises:
            NotARepository: It is no folder, cannot be listed, is empty, or has more files than any repository.
        """
        try:
            if not folder.is_dir():
                raise NotARepository(f"{folder} is {'not a folder' if folder.exists() else 'not there'}")
            found = list(_listed(folder, MOST_FILES + 1))
        except OSError as error:
            raise NotARepository(f"{folder} cannot be read: {error.strerror}") from error
        if not found or len(found) > MOST_FILES:
            raise NotARepository(f"{folder} has {'no files' if not found else f'more than {MOST_FILES} files'}")
        return cls(
            name=folder.resolve().name,
            entries={path: entry for path, entry in found if isinstance(entry, Entry)},
            escaping=tuple(path for path, entry in found if entry == "escapes"),
            odd=tuple(path for path, entry in found if entry == "odd"),
        )

    def with_files(self, files: Mapping[str, bytes]) -> "Source":
        """The same repository with some files added or replaced; nothing is written."""
        made = {path: Entry(size=len(data), sent=data) for path, data in files.items()}
        return replace(self, entries={**self.entries, **made})

    def with_beginning(self, path: str, head: bytes, start: int, length: int) -> "Source":
        """The same repository, where one file is `head` and then `length` bytes of the old one from `start` on.

        Nothing is written, and nothing of the file is read.
        """
        old = self.entries[path]
        sent, skip = old.sent or b"", old.skip + max(0, start - len(old.sent or b""))
        made = Entry(size=len(head) + length, sent=head + sent[start : start + length], path=old.path, skip=skip)
        return replace(self, entries={**self.entries, path: made})

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        return path in self.entries

    def names(self) -> list[str]:
        """The paths of all files, sorted."""
        return sorted(self.entries)

    def size(self, path: str) -> int:
        """The size of a file in bytes, also where only its beginning was sent."""
        return self.entries[path].size

    def read(self, path: str) -> bytes:
        """The whole of a small file.

        Raises:
            TooLarge: It has more bytes than are read of such a file, or than were sent.
            OSError: It cannot be read.
        """
        entry, limit = self.entries[path], LIMITS.get(path.rpartition("/")[2], ORDINARY_LIMIT)
        if entry.size > limit:
            raise TooLarge(f"it has {entry.size} bytes; of such a file at most {limit} are read")
        data = self.read_range(path, 0, entry.size)
        if len(data) < entry.size:
            raise TooLarge(f"it has {entry.size} bytes, of which {len(data)} could be read")
        return data

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """At most `length` bytes from `start` on; fewer where the file ends or no more were sent.

        Raises:
            OSError: It cannot be read.
        """
        entry = self.entries[path]
        sent = (entry.sent or b"")[start : start + length]
        left = min(length, entry.size - start) - len(sent)
        if entry.path is None or left <= 0:
            return sent
        with os.fdopen(os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError("it is no regular file any more")
            file.seek(entry.skip + start + len(sent) - len(entry.sent or b""))
            return sent + file.read(left)


def is_inside(path: str) -> bool:
    """Whether a path of a repository stays inside it, on every system."""
    pieces = path.replace("\\", "/").split("/")
    return bool(path) and ":" not in pieces[0] and not {"", ".", ".."} & set(pieces) and "\0" not in path


def _listed(folder: Path, most: int) -> Iterator[tuple[str, Entry | str]]:
    """The files below a folder; an `escapes` or `odd` stands for one that is not to be opened."""
    root = folder.resolve()
    # A snapshot in the cache of huggingface_hub is made of links to blobs beside it: those are its own.
    allowed = (root, root.parent.parent / "blobs") if root.parent.name == "snapshots" else (root,)
    count = 0
    for place, folders, files in os.walk(folder, onerror=_raise):
        below = Path(place).relative_to(folder)
        deep = len(below.parts) >= MOST_DEPTH
        linked = [name for name in folders if (Path(place) / name).is_symlink()]
        yield from (((below / name).as_posix(), "odd") for name in linked)
        folders[:] = [] if deep else sorted(set(folders) - _IGNORED - set(linked))
        for name in sorted(files):
            yield (below / name).as_posix(), _entry(Path(place) / name, allowed)
            count += 1
            if count >= most:
                return


def _entry(path: Path, allowed: tuple[Path, ...]) -> Entry | str:
    try:
        real = path.resolve(strict=True)
        status = real.stat()
    except (OSError, RuntimeError):
        return "odd"
    if not any(real.is_relative_to(place) for place in allowed):
        return "escapes"
    return Entry(size=status.st_size, path=real) if stat.S_ISREG(status.st_mode) else "odd"


def _raise(error: OSError) -> None:
    raise error
