"""How a safetensors file is made: a header of names, dtypes and shapes, and bytes that nobody has to believe.

Rule: each tensor is filled with a byte of its own, so that two of them differ unless they are said to be alike. The
form: https://github.com/huggingface/safetensors#format.
"""

import json
import math
import struct
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Files: TypeAlias = dict[str, bytes]
# The dtype and the shape of each tensor, by its name.
Tensors: TypeAlias = dict[str, tuple[str, tuple[int, ...]]]

ITEM_BYTES: Final[Mapping[str, int]] = {"BF16": 2, "F16": 2, "F32": 4, "I32": 4, "U8": 1}


def tensor_bytes(tensors: Tensors) -> int:
    """The size of all tensors, in bytes."""
    return sum(math.prod(shape) * ITEM_BYTES[dtype] for dtype, shape in tensors.values())


def safetensors(tensors: Tensors, metadata: Any = None, alike: tuple[str, ...] = ()) -> bytes:
    """A file of weights; `alike` are the names of tensors that are filled with the same byte."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"} if metadata is None else metadata}
    at, data = 0, []
    for number, (name, (dtype, shape)) in enumerate(tensors.items()):
        size = math.prod(shape) * ITEM_BYTES[dtype]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
        data.append(bytes([0 if name in alike else number % 250 + 1]) * size)
    return with_header(json.dumps(header).encode(), b"".join(data))


def with_header(header: bytes, data: bytes) -> bytes:
    """A file of that header, whatever it says, and that data."""
    return struct.pack("<Q", len(header)) + header + data
