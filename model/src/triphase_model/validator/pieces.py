"""Reads `tokenizer.model`, a SentencePiece ModelProto, by its wire format: pieces, their types, two trainer settings.

Rule: lengths are checked against what is there before anything is taken, and unknown fields are passed over. Only what
rules ask for is kept. Wire format: https://protobuf.dev/programming-guides/encoding/; the fields are those of
`sentencepiece_model.proto` in https://github.com/google/sentencepiece.
The package `sentencepiece` refuses the very models that rules tell of, in native code that hostile bytes might crash; a
test holds both to the same pieces. What is wrong with pieces is told in `rules/pieces.py`.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

_PIECES: Final = 1
_TRAINER: Final = 2
_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5
_TRAINER_VOCAB_SIZE: Final = 4
_TRAINER_BYTE_FALLBACK: Final = 35
MOST_PIECES: Final = 2_000_000


class PieceType(IntEnum):
    """The types of pieces, with their numbers in the proto."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


class NotPieces(Exception):
    """The bytes are no ModelProto; the message says where they stop to be one."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece; its id is its place in the model."""

    text: str
    type: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """The model, as far as rules ask."""

    items: tuple[Piece, ...]
    vocab_size: int | None
    byte_fallback: bool

    def of_type(self, wanted: PieceType) -> list[int]:
        """The ids of all pieces of a type."""
        return [number for number, piece in enumerate(self.items) if piece.type == wanted]


def read_pieces(data: bytes) -> Pieces:
    """Reads a ModelProto.

    Raises:
        NotPieces: The bytes are none.
    """
    items: list[Piece] = []
    trainer: dict[int, int] = {}
    for number, value in _fields(data):
        if number == _PIECES and isinstance(value, bytes):
            items.append(_piece(value))
        elif number == _TRAINER and isinstance(value, bytes):
            trainer |= {key: found for key, found in _fields(value) if isinstance(found, int)}
        if len(items) > MOST_PIECES:
            raise NotPieces(f"it has more than {MOST_PIECES} pieces")
    if not items:
        raise NotPieces("it has no pieces")
    size = trainer.get(_TRAINER_VOCAB_SIZE)
    return Pieces(items=tuple(items), vocab_size=size, byte_fallback=bool(trainer.get(_TRAINER_BYTE_FALLBACK, 0)))


def _piece(data: bytes) -> Piece:
    text, kind = "", int(PieceType.NORMAL)
    for number, value in _fields(data):
        if number == 1 and isinstance(value, bytes):
            text = value.decode("utf-8", "replace")
        elif number == 3 and isinstance(value, int):
            kind = value
    return Piece(text, kind)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes | float]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value, at = _value(data, at, key & 7)
        yield key >> 3, value


def _value(data: bytes, at: int, wire: int) -> tuple[int | bytes | float, int]:
    if wire == _VARINT:
        return _varint(data, at)
    if wire == _BYTES:
        length, at = _varint(data, at)
        return _taken(data, at, length), at + length
    if wire == _FIXED32:
        return float(struct.unpack("<f", _taken(data, at, 4))[0]), at + 4
    if wire == _FIXED64:
        return float(struct.unpack("<d", _taken(data, at, 8))[0]), at + 8
    raise NotPieces(f"byte {at} begins a field of the unknown wire type {wire}")


def _taken(data: bytes, at: int, length: int) -> bytes:
    if at + length > len(data):
        raise NotPieces(f"it ends at byte {len(data)}, in the middle of a field")
    return data[at : at + length]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise NotPieces(f"it ends at byte {at}, in the middle of a number")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise NotPieces(f"byte {at} is in a number of more than ten bytes")
