"""Reads JSON that may be wrong: what a strict parser refuses is a fault with a line, and as much as possible is read.

Rule: a value is what Python's parser makes of it, and each way in which other parsers differ is a fault: a second key
of the same name, NaN, a byte order mark, a comma before a closing bracket (RFC 8259). Places of values are found on
demand, by JSON pointer (RFC 6901). What the values mean is `documents.py`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

_WORD: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
# A text that does not end counts as one up to the end, or each quote in it would be tried anew.
_TRAILING: Final = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*(?:"|\Z|\\\Z))|,(?=\s*[}\]])', re.DOTALL)
# What no file of a model comes near; below it, pointers stay short.
MOST_DEPTH: Final = 128
# Far longer than that of any value that matters: with a key of a million characters, each value below it would have a
# pointer as long.
LONGEST_POINTER: Final = 1_024
_MOST_DOUBLED: Final = 20


class FaultKind(StrEnum):
    """In which way a text is no JSON, or not the same JSON for every parser."""

    ENCODING = "is not UTF-8"
    BYTE_ORDER_MARK = "begins with a byte order mark"
    TRAILING_COMMA = "has a comma before a closing bracket"
    SYNTAX = "is not JSON"
    TOO_DEEP = "is nested too deeply"
    DUPLICATE_KEY = "has a key twice"
    NOT_A_NUMBER = "has a literal that is no JSON"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of a text; `detail` is for people."""

    kind: FaultKind
    detail: str
    line: int | None = None


_TOO_DEEP: Final = Fault(kind=FaultKind.TOO_DEEP, detail=f"more than {MOST_DEPTH} brackets inside each other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A text as JSON. `value` is None where nothing could be read, which `readable` tells from a null."""

    text: str
    value: JsonValue
    readable: bool
    faults: tuple[Fault, ...]


def parse(data: bytes) -> Parsed:
    """Reads bytes as JSON; never raises, whatever they are."""
    faults: list[Fault] = []
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        fault = Fault(kind=FaultKind.ENCODING, detail=f"byte {error.start} is not UTF-8")
        return Parsed(text="", value=None, readable=False, faults=(fault,))
    if text.startswith("\ufeff"):
        faults.append(Fault(kind=FaultKind.BYTE_ORDER_MARK, detail="U+FEFF before the first character", line=1))
        text = text[1:]
    value, found = _parse_text(text)
    return Parsed(text=text, value=value.value, readable=value.readable, faults=(*faults, *found))


@dataclass(frozen=True, slots=True)
class _Outcome:
    value: JsonValue
    readable: bool


def _parse_text(text: str) -> tuple[_Outcome, list[Fault]]:
    try:
        return _strict(text)
    except RecursionError:
        return _Outcome(None, False), [_TOO_DEEP]
    except ValueError as error:
        # Also an integer of more digits than Python converts, which is a plain ValueError.
        return _mended(text, error)


def _mended(text: str, error: ValueError) -> tuple[_Outcome, list[Fault]]:
    commas: list[int] = [match.start() for match in _TRAILING.finditer(text) if match.group(1) is None]
    line = error.lineno if isinstance(error, json.JSONDecodeError) else None
    detail = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
    unread = _Outcome(None, False), [Fault(kind=FaultKind.SYNTAX, detail=detail, line=line)]
    if not commas:
        return unread
    try:
        outcome, faults = _strict(without_trailing_commas(text))
    except (ValueError, RecursionError):
        return unread
    line = text.count("\n", 0, commas[0]) + 1
    return outcome, [Fault(kind=FaultKind.TRAILING_COMMA, detail="a comma before } or ]", line=line), *faults]


def without_trailing_commas(text: str) -> str:
    """The text without commas before closing brackets; those inside strings stay."""
    return _TRAILING.sub(lambda match: match.group(1) or "", text)


def _strict(text: str) -> tuple[_Outcome, list[Fault]]:
    doubled: list[str] = []
    literals: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(items)
        if len(made) != len(items):
            counts = Counter(name for name, _ in items)
            doubled.extend(name for name, count in counts.items() if count > 1)
        return made

    def constant(name: str) -> float:
        literals.append(name)
        return float(name.replace("Infinity", "inf"))

    value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    if _is_deep(value):
        return _Outcome(None, False), [_TOO_DEEP]
    faults = [_doubled(text, name) for name in list(dict.fromkeys(doubled))[:_MOST_DOUBLED]]
    faults += [_literal(text, name) for name in dict.fromkeys(literals)]
    return _Outcome(value, True), faults


def _is_deep(value: JsonValue) -> bool:
    level: list[JsonValue] = [value]
    for _ in range(MOST_DEPTH):
        inside = (child for one in level for child in (one.values() if isinstance(one, dict) else _items(one)))
        level = [child for child in inside if isinstance(child, dict | list)]
    return bool(level)


def _items(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _doubled(text: str, name: str) -> Fault:
    key = re.compile(re.escape(json.dumps(name, ensure_ascii=False)) + r"\s*:")
    places = [match.start() for match in key.finditer(text)]
    line = text.count("\n", 0, places[-1]) + 1 if places else None
    return Fault(
        kind=FaultKind.DUPLICATE_KEY, detail=f"the key {json.dumps(name)} stands twice in one object", line=line
    )


def _literal(text: str, name: str) -> Fault:
    places = [match.start() for match in _WORD.finditer(text) if match.group() == name]
    line = text.count("\n", 0, places[0]) + 1 if places else None
    return Fault(kind=FaultKind.NOT_A_NUMBER, detail=f"the literal {name}", line=line)


@dataclass(frozen=True, slots=True)
class Span:
    """Where a value stands in a text: `[start, end)`, and where the key before it begins, if there is one."""

    start: int
    end: int
    key: int | None = None


def spans(text: str) -> Mapping[str, Span]:
    """The place of each value of a JSON text, by its pointer, but for those whose pointer is longer than any."""
    return {pointer: span for pointer, span in _walk(text) if pointer is not None}


def _walk(text: str) -> Iterator[tuple[str | None, Span]]:
    """Walks valid JSON (but for trailing commas) without recursion, so that depth costs nothing but memory.

    A pointer that is longer than any is None.
    """
    stack: list[_Open] = []
    for match in _WORD.finditer(text):
        word, at = match.group(), match.start()
        inside = stack[-1] if stack else None
        if word in "]}":
            closed = stack.pop()
            yield closed.pointer, Span(closed.start, match.end(), closed.own_key)
        elif word == ",":
            if inside is not None:
                inside.next()
        elif word == ":":
            continue
        elif inside is not None and inside.takes_key:
            inside.name(word, at)
        elif word in "[{":
            stack.append(_Open(_place(inside), at, word == "{", inside.key_at if inside else None))
        else:
            yield _place(inside), Span(at, match.end(), inside.key_at if inside else None)


class _Open:
    """An array or object that has begun."""

    def __init__(self, pointer: str | None, start: int, is_object: bool, own_key: int | None) -> None:
        self.pointer, self.start, self.own_key = pointer, start, own_key
        self.is_object, self.takes_key = is_object, is_object
        self.key_at: int | None = None
        self.part = "" if is_object else "0"

    def name(self, word: str, at: int) -> None:
        self.part, self.key_at, self.takes_key = escaped(json.loads(word)), at, False

    def next(self) -> None:
        if self.is_object:
            self.takes_key = True
        else:
            self.part = str(int(self.part) + 1)


def _place(inside: _Open | None) -> str | None:
    if inside is None:
        return ""
    if inside.pointer is None or len(inside.pointer) + len(inside.part) >= LONGEST_POINTER:
        return None
    return f"{inside.pointer}/{inside.part}"


def escaped(key: str) -> str:
    """A key as a part of a pointer (RFC 6901, section 3)."""
    return key.replace("~", "~0").replace("/", "~1")


def parts(pointer: str) -> list[str]:
    """The keys of a pointer, from the root."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
