"""One JSON file of a repository, and the values in it, each with the file and pointer that it came from.

Rule: a check never handles a bare value. A `Node` says what stands at a place, of the kind that is asked for or else
None, and speaks for itself as a witness. Reading the text is `json_values.py`, which files there are `repository.py`.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from triphase_model.validator.findings import Evidence, Location
from triphase_model.validator.json_values import Fault, JsonValue, Span, escaped, spans

# Finding lines walks a text token by token: enough for any file but a large tokenizer.json, which has pointers only.
_LONGEST_WITH_LINES: Final = 2_000_000
_LONGEST_SHOWN: Final = 80
_INTEGERS_END: Final = 1 << 63


@dataclass(frozen=True, kw_only=True)
class Document:
    """A JSON file. Where it is absent or could not be read, `readable` is False and `value` is None."""

    file: str
    present: bool = False
    readable: bool = False
    value: JsonValue = None
    text: str = ""
    faults: tuple[Fault, ...] = ()

    @cached_property
    def _spans(self) -> Mapping[str, Span]:
        # What is too deep to be read would have pointers of its depth.
        return spans(self.text) if self.readable and len(self.text) <= _LONGEST_WITH_LINES else {}

    def line(self, pointer: str) -> int | None:
        """The line of a value, or of the innermost one around it that is there."""
        while pointer and pointer not in self._spans:
            pointer = pointer.rpartition("/")[0]
        span = self._spans.get(pointer)
        if span is None:
            return None
        return self.text.count("\n", 0, span.start if span.key is None else span.key) + 1

    @property
    def root(self) -> "Node":
        """The whole of it."""
        return Node(document=self, pointer="", present=self.readable, value=self.value)

    def __getitem__(self, key: str) -> "Node":
        return self.root[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What stands at one place of a document; absent places have nodes as well."""

    document: Document = field(repr=False)
    pointer: str
    present: bool
    value: JsonValue

    def __getitem__(self, key: str | int) -> "Node":
        found = list(self._at(key))
        place = f"{self.pointer}/{escaped(str(key))}"
        return Node(document=self.document, pointer=place, present=bool(found), value=found[0] if found else None)

    def _at(self, key: str | int) -> Iterator[JsonValue]:
        """The value at a key or index, where there is one."""
        match self.value, key:
            case dict() as members, str() if key in members:
                yield members[key]
            case list() as items, int() if 0 <= key < len(items):
                yield items[key]

    @property
    def file(self) -> str:
        """The file that it stands in."""
        return self.document.file

    @property
    def given(self) -> bool:
        """Whether there is anything but null."""
        return self.value is not None

    @property
    def integer(self) -> int | None:
        """Its value, where that is an integer of 64 bits, as other languages read it, and not a truth value."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            return None
        return self.value if abs(self.value) < _INTEGERS_END else None

    @property
    def number(self) -> float | None:
        """Its value, where that is a number; one that is too large for a float is infinite."""
        if not isinstance(self.value, int | float) or isinstance(self.value, bool):
            return None
        try:
            return float(self.value)
        except OverflowError:
            return math.inf

    @property
    def text(self) -> str | None:
        """Its value, where that is a text."""
        return self.value if isinstance(self.value, str) else None

    @property
    def flag(self) -> bool | None:
        """Its value, where that is true or false."""
        return self.value if isinstance(self.value, bool) else None

    @property
    def integers(self) -> tuple[int, ...]:
        """The integers that it names, be it one or a list, as token ids are given."""
        nodes = [self, *self.items()]
        return tuple(number for node in nodes if (number := node.integer) is not None)

    @property
    def length(self) -> int | None:
        """How many items it has, where it is a list."""
        return len(self.value) if isinstance(self.value, list) else None

    def items(self) -> Iterator["Node"]:
        """Its items, where it is a list."""
        yield from (self[index] for index in range(self.length or 0))

    def members(self) -> Iterator[tuple[str, "Node"]]:
        """Its keys and what stands at them, where it is an object."""
        if isinstance(self.value, dict):
            yield from ((key, self[key]) for key in self.value)

    @property
    def at(self) -> Location:
        """Where it is."""
        return Location(file=self.file, pointer=self.pointer, line=self.document.line(self.pointer))

    @property
    def says(self) -> Evidence:
        """What it says, as a witness."""
        shown = json.dumps(self.value, ensure_ascii=False) if self.present else "nothing"
        shown = shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + "…"
        return Evidence(witness=f"{self.file} {self.pointer}".rstrip(), says=shown)
