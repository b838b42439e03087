"""How a repository in memory is changed: values of its JSON files, texts, tensors.

Rule: a change fails where it changes nothing, so that a fault which no longer applies cannot pass for one that is not
found. Clean repositories are `clean.py`, the faults `faults/`.
"""

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tensor_files import Files, Tensors, safetensors, with_header
from triphase_model.validator.checking import Renderer, Result, Selection, check
from triphase_model.validator.findings import Finding, Severity
from triphase_model.validator.mending import Mended, mend, remembered
from triphase_model.validator.pieces import read_pieces
from triphase_model.validator.rendering.asking import render
from triphase_model.validator.source import Source

Change = Callable[[Files], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault, the rule that must tell it, and what else of weight follows from it and nothing more."""

    name: str
    rule: str
    changes: tuple[Change, ...]
    base: str = "qwen3"
    also: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.rule} {self.name}"


def fault(rule: str, name: str, *changes: Change, base: str = "qwen3", also: tuple[str, ...] = ()) -> Fault:
    return Fault(name=name, rule=rule, changes=changes, base=base, also=also)


@cache
def renderer() -> Renderer:
    """One for all tests: most faults leave the template alone."""
    return remembered(render)


def checked(files: Files, sizes: Mapping[str, int] | None = None, selection: Selection | None = None) -> Result:
    return check(Source.of_files(files, sizes, name="model"), selection, renderer=renderer())


def mended(files: Files, **choices: str) -> Mended:
    return mend(Source.of_files(files, name="model"), choices, renderer=renderer())


def whole(made: Mended) -> Files:
    """All files of a mended repository."""
    return {name: made.source.read_range(name, 0, made.source.size(name)) for name in made.source.names()}


def weighty(result: Result) -> set[str]:
    """The rules of all findings that are not merely worth knowing."""
    return {finding.rule for finding in result.findings if finding.severity is not Severity.INFO}


def the(result: Result, rule: str) -> Finding:
    return next(finding for finding in result.findings if finding.rule == rule)


def setting(file: str, *path: str | int, to: Any) -> Change:
    """Sets a value; the file is made where it is missing."""

    def change(files: Files) -> None:
        document = json.loads(files.get(file, b"{}"))
        before = json.dumps(document)
        inner = document
        for part in path[:-1]:
            inner = inner.setdefault(part, {}) if isinstance(inner, dict) else inner[part]
        inner[path[-1]] = to
        assert json.dumps(document) != before, f"{file} {path} is {to!r} already"
        files[file] = json.dumps(document, indent=2, ensure_ascii=False).encode()

    return change


def dropping(file: str, *path: str | int) -> Change:
    def change(files: Files) -> None:
        document = json.loads(files[file])
        inner = document
        for part in path[:-1]:
            inner = inner[part]
        del inner[path[-1]]
        files[file] = json.dumps(document, indent=2, ensure_ascii=False).encode()

    return change


def deleting(*names: str) -> Change:
    def change(files: Files) -> None:
        for file in names:
            del files[file]

    return change


def writing(file: str, content: str | bytes) -> Change:
    def change(files: Files) -> None:
        files[file] = content.encode() if isinstance(content, str) else content

    return change


def replacing(file: str, old: str, new: str, times: int = -1) -> Change:
    def change(files: Files) -> None:
        text = files[file].decode()
        assert old in text, f"{file} has no {old!r}"
        files[file] = text.replace(old, new, times).encode()

    return change


def prefixing(file: str, data: bytes) -> Change:
    def change(files: Files) -> None:
        files[file] = data + files[file]

    return change


def retensoring(file: str, alter: Callable[[Tensors], None]) -> Change:
    """Changes names, shapes and dtypes of a file of weights, which is filled anew."""

    def change(files: Files) -> None:
        tensors = tensors_of(files[file])
        before = dict(tensors)
        alter(tensors)
        assert tensors != before
        files[file] = safetensors(tensors)

    return change


def header_of(data: bytes) -> dict[str, Any]:
    (length,) = struct.unpack_from("<Q", data)
    header: dict[str, Any] = json.loads(data[8 : 8 + length])
    return header


def tensors_of(data: bytes) -> Tensors:
    entries = header_of(data).items()
    return {name: (entry["dtype"], tuple(entry["shape"])) for name, entry in entries if name != "__metadata__"}


def repiecing(alter: Callable[[list[tuple[str, int]]], None], *, vocab_size: int = 640, fallback: int = 1) -> Change:
    """Changes the pieces of `tokenizer.model`, each a text and a type, and writes it with two trainer settings."""

    def change(files: Files) -> None:
        pieces = [(piece.text, piece.type) for piece in read_pieces(files["tokenizer.model"]).items]
        alter(pieces)
        coded = [_field(1, _field(1, text.encode()) + b"\x18" + bytes([kind])) for text, kind in pieces]
        trainer = b"\x20" + _varint(vocab_size) + _varint(35 << 3) + bytes([fallback])
        files["tokenizer.model"] = b"".join(coded) + _field(2, trainer)

    return change


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    data = b""
    while number > 127:
        data += bytes([number & 127 | 128])
        number >>= 7
    return data + bytes([number])


def reheading(file: str, alter: Callable[[dict[str, Any]], None]) -> Change:
    """Changes the header of a file of weights and nothing else."""

    def change(files: Files) -> None:
        header, length = header_of(files[file]), struct.unpack_from("<Q", files[file])[0]
        alter(header)
        files[file] = with_header(json.dumps(header).encode(), files[file][8 + length :])

    return change
