"""Changes one value of a JSON text and leaves all else as it is: order, indentation, numbers as they are written.

Rule: what is written anew is indented as its surroundings are, and a text on one line stays on one line. The text must
be JSON; what is not is read by `json_values.py`, and which changes are made is `mending.py`.
"""

import json
import re
from collections.abc import Mapping
from typing import Final

from triphase_model.validator.json_values import LONGEST_POINTER, JsonValue, Span, parts, spans

_INDENT: Final = re.compile(r"\n([ \t]*)\Z")

_HALF: Final = re.compile("[\ud800-\udfff]")


class CannotEdit(Exception):
    """There is no place in the text where the value could stand."""


def with_value(text: str, pointer: str, value: JsonValue) -> str:
    """The text with a value set or added; objects on the way to it are made.

    Raises:
        CannotEdit: The way leads through something that is no object, or to an index that a list does not have, or
            is longer than any.
    """
    places = _places(text, pointer)
    if pointer in places:
        span = places[pointer]
        return text[: span.start] + _written(text, span, value) + text[span.end :]
    parent, _, _ = pointer.rpartition("/")
    key = parts(pointer)[-1]
    if parent not in places:
        return with_value(text, parent, {key: value})
    return _with_member(text, places, parent, key, value)


def without_value(text: str, pointer: str) -> str:
    """The text without a value, its key and its comma; a value that is not there is no error.

    Raises:
        CannotEdit: The pointer is that of the whole text, or longer than any.
    """
    places = _places(text, pointer)
    if not pointer:
        raise CannotEdit("the whole text cannot be removed")
    if pointer not in places:
        return text
    span, parent = places[pointer], places[pointer.rpartition("/")[0]]
    start = span.start if span.key is None else span.key
    before, after = text[:start].rstrip(), text[span.end :].lstrip()
    if before.endswith(","):
        return before[:-1] + text[span.end :]
    if after.startswith(","):
        return text[:start] + after[1:].lstrip()
    # It was the only one: what is left is empty.
    return text[: parent.start] + text[parent.start] + text[parent.end - 1 :]


def _places(text: str, pointer: str) -> Mapping[str, Span]:
    if len(pointer) > LONGEST_POINTER:
        raise CannotEdit("its pointer is longer than any that is looked for")
    return spans(text)


def _with_member(text: str, places: Mapping[str, Span], parent: str, key: str, value: JsonValue) -> str:
    span = places[parent]
    if text[span.start] != "{":
        raise CannotEdit(f"{parent or 'the whole'} is no object")
    inside = [place for pointer, place in places.items() if _is_member(pointer, parent)]
    if not inside:
        whole: JsonValue = {key: value}
        return text[: span.start] + _written(text, span, whole) + text[span.end :]
    last = max(inside, key=lambda place: place.end)
    first = min(place.key or place.start for place in inside)
    gap = text[span.start + 1 : first]
    added = f",{gap}{_json(key)}: " if "\n" in gap else f", {_json(key)}: "
    pad = _INDENT.search(text[:first])
    return text[: last.end] + added + _dumped(value, pad.group(1) if pad else None, text) + text[last.end :]


def _is_member(pointer: str, parent: str) -> bool:
    return pointer.startswith(f"{parent}/") and "/" not in pointer[len(parent) + 1 :]


def _written(text: str, span: Span, value: JsonValue) -> str:
    """The value as it is to stand in place of another one."""
    start = span.start if span.key is None else span.key
    pad = _INDENT.search(text[:start])
    return _dumped(value, pad.group(1) if pad else ("" if start == 0 else None), text)


def _dumped(value: JsonValue, pad: str | None, text: str) -> str:
    """The value at an indentation, or on one line where there is none."""
    if pad is None or "\n" not in text.strip():
        return _json(value)
    unit = re.search(r"\n([ \t]+)\S", text)
    lines = _json(value, unit.group(1) if unit else 2).split("\n")
    return f"\n{pad}".join(lines)


def _json(value: JsonValue, indent: str | int | None = None) -> str:
    """The value with its characters as they are, but for halves of characters, which no file can hold."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return json.dumps(value, indent=indent) if _HALF.search(text) else text
