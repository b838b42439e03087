"""What of a repository a check reads: small files whole, headers of safetensors files, and how large everything is.

Rule: a check of the excerpt finds what a check of the folder finds, but for what only samples of weights tell (A12,
whether a tied projection is another one than the embedding); nor can it tell whether bytes after the last tensor may be
cut off, which W04 then leaves to a check of the folder. Whoever has a repository checked elsewhere sends this, and
never a weight. What is read, and of which files, is decided in `repository.py`, `weights.py` and `source.py`.
"""

import struct
from typing import Final

from triphase_model.validator.repository import JSON_FILES, PIECES, README, is_template
from triphase_model.validator.source import LIMITS, ORDINARY_LIMIT, Entry, Source, is_inside
from triphase_model.validator.weights import LFS_HEAD, MOST_HEADER_BYTES

_WHOLE: Final = frozenset({*JSON_FILES, README, PIECES})


def excerpt(source: Source) -> Source:
    """Returns the repository with no more of its files than a check reads, all of that in memory."""
    names = [path for path in source.names() if is_inside(path)]
    return Source(
        name=source.name,
        entries={path: Entry(size=source.size(path), sent=_beginning(source, path)) for path in names},
        escaping=source.escaping,
        # A file whose name other systems read as a path out of here cannot be sent, and is told like what is no file.
        odd=(*source.odd, *sorted(set(source.entries) - set(names))),
    )


def _beginning(source: Source, path: str) -> bytes:
    """The bytes that are read; none where the file cannot be read, which a check then tells."""
    try:
        return source.read_range(path, 0, _length(source, path))
    except OSError:
        return b""


def _length(source: Source, path: str) -> int:
    name, size = path.rpartition("/")[2], source.size(path)
    if path in _WHOLE or is_template(path):
        return size if size <= LIMITS.get(name, ORDINARY_LIMIT) else len(LFS_HEAD)
    if "/" in path:
        return 0
    return _header_length(source, path) if path.endswith(".safetensors") else len(LFS_HEAD)


def _header_length(source: Source, path: str) -> int:
    """The length of a safetensors file up to its tensors, as far as that can be one."""
    head = source.read_range(path, 0, 8)
    length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
    return 8 + length if len(LFS_HEAD) <= 8 + length <= 8 + MOST_HEADER_BYTES else len(LFS_HEAD)
