"""Writes the header of a safetensors file anew, without reading or changing the data that follow it.

Rule: only a file whose header can be believed is touched, and every tensor keeps its dtype, shape and place. The form:
https://github.com/huggingface/safetensors#format. Texts of JSON files are changed by `json_edits.py`.
"""

import json
import struct
from typing import Any, Final

from triphase_model.validator.fixes import Reheader
from triphase_model.validator.json_edits import CannotEdit
from triphase_model.validator.source import Source
from triphase_model.validator.weights import ShardFault, read_shard

_METADATA: Final = "__metadata__"
_ALIGNMENT: Final = 8


def reheaded(source: Source, edit: Reheader) -> Source:
    """The repository with that file as the edit has it.

    Raises:
        CannotEdit: The file cannot be read, or is broken in another way than by bytes after its last tensor.
    """
    shard = read_shard(source, edit.file)
    if not shard.tensors or any(one.fault is not ShardFault.TRAILING for one in shard.broken):
        raise CannotEdit(f"the header of {edit.file} cannot be believed")
    try:
        (length,) = struct.unpack("<Q", source.read_range(edit.file, 0, 8))
        text = source.read_range(edit.file, 8, length)
        old: dict[str, Any] = json.loads(text)
    except (OSError, ValueError, struct.error) as error:
        raise CannotEdit(f"{edit.file} cannot be read any more") from error
    new = _changed(old, edit)
    text = text if new == old else _text(new)
    end = max(tensor.end for tensor in shard.tensors.values())
    return source.with_beginning(edit.file, struct.pack("<Q", len(text)) + text, 8 + length, end - 8 - length)


def _changed(old: dict[str, Any], edit: Reheader) -> dict[str, Any]:
    metadata = dict(old.get(_METADATA, {})) | ({"format": edit.format} if edit.format else {})
    names = {name: name.removeprefix(edit.unwrapped) for name in old if name != _METADATA}
    if len(set(names.values())) < len(names):
        raise CannotEdit(f"two tensors of {edit.file} would have one name")
    return ({_METADATA: metadata} if metadata else {}) | {new: old[name] for name, new in names.items()}


def _text(header: dict[str, Any]) -> bytes:
    """A header as the library writes it, filled up with spaces so that the data stay aligned."""
    text = json.dumps(header, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % _ALIGNMENT)
