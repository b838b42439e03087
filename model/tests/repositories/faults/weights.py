"""Faults of files of weights and of their index."""

import struct
from typing import Any, Final

from tensor_files import Files, safetensors, with_header

from repositories.clean import HIDDEN, SHARDS
from repositories.editing import deleting, dropping, fault, header_of, reheading, setting, writing

_INDEX: Final = "model.safetensors.index.json"
_NORM: Final = "model.norm.weight"
_STALE: Final = safetensors({"model.embed_tokens.weight": ("BF16", (8, HIDDEN))})


def _cut(files: Files) -> None:
    files[SHARDS[1]] = files[SHARDS[1]][:-10]


def _lengthened(files: Files) -> None:
    files[SHARDS[1]] += b"\0" * 10


def _followed(files: Files) -> None:
    files[SHARDS[1]] += b"lost"


def _shifted(header: dict[str, Any]) -> None:
    for entry in header.values():
        if "data_offsets" in entry:
            entry["data_offsets"] = [place + 2 for place in entry["data_offsets"]]


def _wrong_shape(header: dict[str, Any]) -> None:
    header[_NORM]["shape"] = [HIDDEN + 1]


def _key_twice(files: Files) -> None:
    (length,) = struct.unpack_from("<Q", files[SHARDS[1]])
    text = files[SHARDS[1]][8 : 8 + length].decode()
    entry = f'"{_NORM}": {{"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}}, '
    files[SHARDS[1]] = with_header(("{" + entry + text[1:]).encode(), files[SHARDS[1]][8 + length :])


def _number_for_text(header: dict[str, Any]) -> None:
    header["__metadata__"] = {"format": "pt", "step": 3}


def _spread(files: Files) -> None:
    """A header of more than 25 MB, as white space."""
    (length,) = struct.unpack_from("<Q", files[SHARDS[1]])
    data = files[SHARDS[1]]
    files[SHARDS[1]] = with_header(data[8 : 8 + length] + b" " * 25_000_001, data[8 + length :])


def _copied(files: Files) -> None:
    """A tensor of the second file in the first one as well."""
    tensors = {
        name: (e["dtype"], tuple(e["shape"])) for name, e in header_of(files[SHARDS[0]]).items() if name[0] != "_"
    }
    files[SHARDS[0]] = safetensors({**tensors, _NORM: ("BF16", (HIDDEN,))})
    dropping(_INDEX, "metadata", "total_size")(files)


FAULTS: Final = (
    fault("W01", "a file is missing", deleting(SHARDS[1])),
    fault("W02", "a few bytes", writing(SHARDS[1], b"123"), also=()),
    fault("W02", "no JSON", writing(SHARDS[1], with_header(b"{no", b""))),
    fault("W02", "a bomb of a header", writing(SHARDS[1], b"\xff" * 16)),
    fault("W03", "a file is cut off", _cut),
    fault("W04", "more bytes than tensors", _lengthened),
    fault("W04", "other bytes than zeros", _followed),
    fault("W05", "a gap", reheading(SHARDS[1], _shifted)),
    fault("W06", "another sum", setting(_INDEX, "metadata", "total_size", to=5)),
    fault("W07", "no metadata", dropping(_INDEX, "metadata")),
    fault("W08", "an old whole file", writing("model.safetensors", _STALE)),
    fault("W08", "an old part", writing("model-00003-of-00003.safetensors", _STALE)),
    fault("W09", "a tensor of the index alone", setting(_INDEX, "weight_map", "model.extra.weight", to=SHARDS[1])),
    fault("W10", "a tensor of a file alone", dropping(_INDEX, "weight_map", _NORM)),
    fault("W11", "another file", setting(_INDEX, "weight_map", _NORM, to=SHARDS[0])),
    fault("W12", "in both files", _copied),
    fault("W13", "no format", reheading(SHARDS[1], lambda header: header.pop("__metadata__") and None)),
    fault("W14", "a shape that does not fit", reheading(SHARDS[1], _wrong_shape), also=("W09",)),
    fault("W15", "a key twice", _key_twice),
    fault("W16", "a number for a text", reheading(SHARDS[1], _number_for_text)),
    fault("W17", "a header too long for the hub", _spread),
    fault("W18", "no index", deleting(_INDEX)),
)
