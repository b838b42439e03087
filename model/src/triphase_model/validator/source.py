"""The only reader of repositories: a folder, or small files and declared sizes that a request brings.

Rule: nothing outside the root is ever opened (a link that leaves it is told, not followed), only regular files are,
and of each file no more than its kind may have. Of weights only the first bytes are asked for. What a repository may
have at most holds for both kinds alike. How a file is opened is `places.py`, what stands in it `repository.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from triphase_model.validator.places import Found, Listing, Other, Place, TooMany

# Of all names: those of files, links, folders and anything else. The length is that of a path, in characters.
MOST_FILES: Final = 20_000
LONGEST_PATH: Final = 1_024
_MANY: Final = f"has more than {MOST_FILES} files and folders"
# `tokenizer.json` and tokenizer models; the index, as huggingface_hub limits it; templates, of which the longest have
# some 50 KB; ordinary JSON and text.
_LIMITS: Final[Mapping[str, int]] = {
    "tokenizer.json": 256 << 20,
    "tokenizer.model": 64 << 20,
    "model.safetensors.index.json": 10 << 20,
}
_TEMPLATE_LIMIT: Final = 1 << 20
_ORDINARY_LIMIT: Final = 64 << 20


class NotARepository(Exception):
    """There is nothing that could be checked; the message is for whoever asked."""


class TooLarge(Exception):
    """A file has more bytes than a file of its name may have, or than were sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file: its whole size, and the bytes that were sent of it or where it lies.

    Where it has both, it begins with the bytes and goes on at byte `skip` of the file at the place.
    """

    size: int
    sent: bytes | None = None
    place: Place | None = None
    skip: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The files of one repository, by their paths with forward slashes.

    `escaping` are links that lead out of it, `odd` are names that are no regular files, cannot be opened, or are a path
    out of it on other systems, `unseen` are folders that were not looked into.
    """

    name: str
    entries: Mapping[str, Entry]
    escaping: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    @classmethod
    def of_files(
        cls,
        files: Mapping[str, bytes],
        sizes: Mapping[str, int] | None = None,
        name: str = "",
        *,
        escaping: Iterable[str] = (),
        odd: Iterable[str] = (),
    ) -> "Source":
        """A repository of files in memory; `sizes` declares those of which only the beginning is there.

        Raises:
            NotARepository: It has no file, one whose name leaves the repository, or more than any repository.
        """
        declared = sizes or {}
        names = [*files, *(path for path in declared if path not in files)]
        made = {path: (files.get(path, b""), declared.get(path)) for path in names}
        source = cls(
            name=name,
            entries={path: Entry(size=max(size or 0, len(data)), sent=data) for path, (data, size) in made.items()},
            escaping=tuple(escaping),
            odd=tuple(odd),
        )
        wrong = next((f"{path!r} is not a path inside a repository" for path in names if not is_inside(path)), None)
        if refused := wrong or _refusal(source):
            raise NotARepository(refused if wrong else f"it {refused}")
        return source

    @classmethod
    def of_folder(cls, folder: Path, *, within: Path | None = None) -> "Source":
        """The repository in a folder; `within` is a folder around it that its links may not leave, a real path.

        Raises:
            NotARepository: It is no folder, cannot be listed, is empty, or has more than any repository.
        """
        try:
            if not folder.is_dir():
                raise NotARepository(f"{folder} is {'not a folder' if folder.exists() else 'not there'}")
            root = folder.resolve(strict=True)
            found = Listing(root, within).items(MOST_FILES)
        except TooMany as error:
            raise NotARepository(f"{folder} {_MANY}") from error
        except (OSError, RuntimeError) as error:
            raise NotARepository(f"{folder} cannot be read: {getattr(error, 'strerror', error)}") from error
        files = {path: one for path, one in found.items() if isinstance(one, Found)}
        away = [path for path in files if not is_inside(path)]
        source = cls(
            name=root.name,
            entries={path: Entry(size=one.size, place=one.place) for path, one in files.items() if path not in away},
            escaping=tuple(path for path, one in found.items() if one is Other.ESCAPES),
            odd=(*(path for path, one in found.items() if one is Other.ODD), *away),
            unseen=tuple(path for path, one in found.items() if one is Other.UNSEEN),
        )
        if refused := _refusal(source):
            raise NotARepository(f"{folder} {refused}")
        return source

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
        made = Entry(size=len(head) + length, sent=head + sent[start : start + length], place=old.place, skip=skip)
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

    def lacks(self, path: str, end: int) -> bool:
        """Whether a file is said to have so many bytes, of which not all were sent."""
        entry = self.entries[path]
        return entry.place is None and len(entry.sent or b"") < end <= entry.size

    def read(self, path: str) -> bytes:
        """The whole of a small file.

        Raises:
            TooLarge: It has more bytes than are read of such a file, or than were sent.
            OSError: It cannot be read.
        """
        entry, limit = self.entries[path], limit_of(path)
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
        if entry.place is None or left <= 0:
            return sent
        with entry.place.opened() as file:
            file.seek(entry.skip + start + len(sent) - len(entry.sent or b""))
            return sent + file.read(left)


def limit_of(path: str) -> int:
    """How many bytes a file of that name may have to be read whole."""
    return _TEMPLATE_LIMIT if path.endswith(".jinja") else _LIMITS.get(path.rpartition("/")[2], _ORDINARY_LIMIT)


def is_inside(path: str) -> bool:
    """Whether a path of a repository stays inside it, on every system."""
    pieces = path.replace("\\", "/").split("/")
    return bool(path) and ":" not in pieces[0] and not {"", ".", ".."} & set(pieces) and "\0" not in path


def _refusal(source: Source) -> str | None:
    """Why it is no repository, if so."""
    names = (*source.entries, *source.escaping, *source.odd)
    longest = max(map(len, names), default=0)
    reasons = (
        (not names, "has no files"),
        (len(names) > MOST_FILES, _MANY),
        (longest > LONGEST_PATH, f"has a path of more than {LONGEST_PATH} characters"),
    )
    return next((reason for holds, reason in reasons if holds), None)
