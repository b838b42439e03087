"""What the weights say by their headers: names, shapes and dtypes of all tensors, and what is wrong with a file.

Rule: of a file only its length field and header are read (https://github.com/huggingface/safetensors#format), and a
header is never believed without being checked against the file's size. What tensors mean for a model is `layers.py`;
which rule tells which fault is `rules/weights.py`.
"""

import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from triphase_model.validator.json_values import FaultKind, JsonValue, Parsed, parse
from triphase_model.validator.source import Source

# The limit of the safetensors library itself; huggingface_hub already refuses a quarter of it.
MOST_HEADER_BYTES: Final = 100_000_000
LFS_HEAD: Final = b"version https://git-lfs.github.com/spec/v1"
# What any file can have; beyond this, arithmetic with numbers of a hostile header gets slow.
_INTEGERS_END: Final = 1 << 63
_MOST_DIMENSIONS: Final = 32
# A thousand files of a thousand tensors have so much.
_MOST_BYTES_OF_HEADERS: Final = 200_000_000
_BITS: Final[Mapping[str, int]] = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


class ShardFault(StrEnum):
    """In which way a safetensors file is broken."""

    POINTER = "is a Git LFS pointer, not the data"
    SHORT = "ends before its header does"
    HEADER_SIZE = "declares an impossible header"
    HEADER_JSON = "has a header that is no JSON object"
    DUPLICATE = "has a tensor twice in its header"
    ENTRY = "has a tensor whose entry cannot be right"
    COVERAGE = "has tensors that overlap or leave a gap"
    TRUNCATED = "is cut off"
    TRAILING = "has bytes after the last tensor"
    METADATA = "has metadata that is not text"
    UNREAD = "cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor by its header entry; `start` and `end` are bytes of its file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """One fault of a safetensors file."""

    fault: ShardFault
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A safetensors file, as far as its header, of `length` bytes, can be believed."""

    file: str
    tensors: Mapping[str, Tensor]
    format: str | None = None
    broken: tuple[Broken, ...] = ()
    length: int = 0


def read_shards(source: Source, files: Iterable[str]) -> dict[str, Shard]:
    """Reads the headers of several files, as long as all of them together are no more than any model's."""
    read: dict[str, Shard] = {}
    left = _MOST_BYTES_OF_HEADERS
    for file in files:
        read[file] = read_shard(source, file, most=left)
        left -= read[file].length
    return read


def read_shard(source: Source, file: str, *, most: int = MOST_HEADER_BYTES) -> Shard:
    """Reads the header of one file, if that has at most `most` bytes; never raises."""
    try:
        size, head = source.size(file), source.read_range(file, 0, max(8, len(LFS_HEAD)))
        if head.startswith(LFS_HEAD):
            return _refused(file, ShardFault.POINTER, f"{size} bytes of text")
        if len(head) < 8:
            return _refused(file, ShardFault.SHORT, f"{size} bytes")
        (length,) = struct.unpack_from("<Q", head)
        if not 2 <= length <= min(MOST_HEADER_BYTES, size - 8):
            return _refused(file, ShardFault.HEADER_SIZE, f"{length} bytes of header in a file of {size} bytes")
        if length > most:
            return _refused(file, ShardFault.UNREAD, f"{length} bytes of header, after those of all files before it")
        header = source.read_range(file, 8, length)
    except OSError as error:
        return _refused(file, ShardFault.UNREAD, error.strerror or str(error))
    return _of_header(file, parse(header), size - 8 - length, 8 + length)


def _refused(file: str, fault: ShardFault, detail: str) -> Shard:
    return Shard(file=file, tensors={}, broken=(Broken(fault=fault, detail=detail),))


def _of_header(file: str, header: Parsed, room: int, base: int) -> Shard:
    if not isinstance(header.value, dict):
        details = [fault.detail for fault in header.faults]
        refused = _refused(file, ShardFault.HEADER_JSON, "; ".join(details) or "it is no object")
        return replace(refused, length=base - 8)
    entries = {name: entry for name, entry in header.value.items() if name != "__metadata__"}
    tensors = {name: made for name, entry in entries.items() if (made := _tensor(file, name, entry, base))}
    metadata = header.value.get("__metadata__", {})
    broken = [
        Broken(fault=ShardFault.DUPLICATE, detail=fault.detail)
        for fault in header.faults
        if fault.kind is FaultKind.DUPLICATE_KEY
    ]
    broken += [Broken(fault=ShardFault.ENTRY, detail=name) for name in entries if name not in tensors]
    broken += _metadata_faults(metadata)
    if len(tensors) == len(entries):
        broken += _coverage(list(tensors.values()), base, room)
    stated = metadata.get("format") if isinstance(metadata, dict) else None
    return Shard(
        file=file,
        tensors=tensors,
        format=stated if isinstance(stated, str) else None,
        broken=tuple(broken),
        length=base - 8,
    )


def _metadata_faults(metadata: JsonValue) -> list[Broken]:
    plain = isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values())
    return [] if plain else [Broken(fault=ShardFault.METADATA, detail="__metadata__ must map text to text")]


def _tensor(file: str, name: str, entry: JsonValue, base: int) -> Tensor | None:
    """The tensor of one entry, or None where its shape, dtype and span do not go together."""
    if not isinstance(entry, dict):
        return None
    shape, span, dtype = _integers(entry.get("shape")), _integers(entry.get("data_offsets")), entry.get("dtype")
    if shape is None or span is None or len(span) != 2 or not isinstance(dtype, str) or dtype not in _BITS:
        return None
    # Python's integers do not overflow, so that a product beyond 2**64 is simply not the span.
    if span[0] > span[1] or math.prod(shape) * _BITS[dtype] != (span[1] - span[0]) * 8:
        return None
    return Tensor(name=name, dtype=dtype, shape=shape, start=base + span[0], end=base + span[1], file=file)


def _integers(value: JsonValue) -> tuple[int, ...] | None:
    """A list of natural numbers, or None where it is anything else."""
    if not isinstance(value, list) or len(value) > _MOST_DIMENSIONS:
        return None
    plain = (item for item in value if isinstance(item, int) and not isinstance(item, bool))
    numbers = [item for item in plain if 0 <= item < _INTEGERS_END]
    return tuple(numbers) if len(numbers) == len(value) else None


def _coverage(tensors: list[Tensor], base: int, room: int) -> Iterator[Broken]:
    """The tensors must fill the file: one after another, without gaps, to its end."""
    at = base
    for tensor in sorted(tensors, key=lambda tensor: (tensor.start, tensor.end)):
        if tensor.start != at:
            detail = f"{tensor.name} begins at byte {tensor.start - base} of the data, expected {at - base}"
            yield Broken(fault=ShardFault.COVERAGE, detail=detail)
            return
        at = tensor.end
    missing = at - base - room
    if missing > 0:
        yield Broken(fault=ShardFault.TRUNCATED, detail=f"{missing} bytes of tensors are missing at its end")
    elif missing < 0:
        yield Broken(fault=ShardFault.TRAILING, detail=f"{-missing} bytes follow the last tensor")
