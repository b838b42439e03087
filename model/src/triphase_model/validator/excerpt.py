"""What of a repository a check reads: small files whole, headers of safetensors files, and how large everything is.

Rule: a check of the excerpt finds what a check of the folder finds, and says what only samples of weights would tell
(A12, whether a tied projection is another one than the embedding). Nor can it tell whether bytes after the last tensor
may be cut off, which W04 then leaves to a check of the folder. Whoever has a repository checked elsewhere sends this,
and never a weight. What is read, and of which files, is decided in `repository.py`, `weights.py` and `source.py`.
"""

import struct
from dataclasses import replace
from typing import Final

from triphase_model.validator.repository import JSON_FILES, PIECES, README, is_template
from triphase_model.validator.source import Entry, Source, TooLarge, limit_of
from triphase_model.validator.weights import LFS_HEAD, MOST_HEADER_BYTES

# A tokenizer at its limit, and as much again for all else. All of it is in memory at once.
MOST_EXCERPT_BYTES: Final = 512 << 20
_WHOLE: Final = frozenset({*JSON_FILES, README, PIECES})


def excerpt(source: Source, *, most: int = MOST_EXCERPT_BYTES) -> Source:
    """Returns the repository with no more of its files than a check reads, all of that in memory.

    Raises:
        TooLarge: That is more than `most` bytes. Nothing but first bytes of files was read.
    """
    lengths: dict[str, int] = {}
    left = most
    for path in source.names():
        lengths[path] = _length(source, path)
        left -= min(lengths[path], source.size(path))
        if left < 0:
            raise TooLarge(f"a check reads more than {most} bytes of it")
    sent = {path: Entry(size=source.size(path), sent=_beginning(source, path, n)) for path, n in lengths.items()}
    return replace(source, entries=sent)


def _beginning(source: Source, path: str, length: int) -> bytes:
    """The bytes that are read; none where the file cannot be read, which a check then tells."""
    try:
        return source.read_range(path, 0, length)
    except OSError:
        return b""


def _length(source: Source, path: str) -> int:
    """How many bytes a check reads of a file from its beginning on."""
    size = source.size(path)
    if path in _WHOLE or is_template(path):
        return size if size <= limit_of(path) else len(LFS_HEAD)
    if "/" in path:
        return 0
    return _header_length(source, path) if path.endswith(".safetensors") else len(LFS_HEAD)


def _header_length(source: Source, path: str) -> int:
    """The length of a safetensors file up to its tensors, as far as that can be one."""
    head = _beginning(source, path, 8)
    length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
    return 8 + length if len(LFS_HEAD) <= 8 + length <= 8 + MOST_HEADER_BYTES else len(LFS_HEAD)
