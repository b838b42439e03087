"""What mends a finding: which values of which files change, why, and what is risky about it.

Rule: a fix is `automatic` only where what the repository itself says leaves one answer. Otherwise it is a choice that
a person makes by name, and a choice that would do harm is named too, with the reason why it is refused. Of weights a
fix changes the header at most, never a number. Making the changes is `mending.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from triphase_model.validator.json_values import JsonValue

NO_CHOICE: Final = "automatic"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetValue:
    """Sets the value at a pointer of a JSON file; what is not there is added. The file is made where it is missing."""

    file: str
    pointer: str
    value: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveValue:
    """Removes the value at a pointer of a JSON file."""

    file: str
    pointer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteText:
    """Replaces the text of a whole file."""

    file: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reheader:
    """Writes the header of a safetensors file anew; the data of its tensors are copied as they are.

    `unwrapped` is taken off the beginning of each tensor's name, `format` is what the metadata then says, and whatever
    follows the last tensor goes. The defaults change nothing.
    """

    file: str
    unwrapped: str = ""
    format: str | None = None


TextEdit = SetValue | RemoveValue | WriteText
Edit = TextEdit | Reheader


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One way to mend a finding."""

    edits: tuple[Edit, ...]
    why: str
    risk: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A way that is often taken and does harm."""

    why: str


class Kind(StrEnum):
    """What has to be decided before a finding is mended: nothing; by somebody; no way is known to be right."""

    AUTO = "auto"
    CHOICE = "choice"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """The ways to mend one finding by name. The one that is called `automatic` needs nobody's word."""

    ways: Mapping[str, Remedy | Refusal] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def automatic(self) -> Remedy | None:
        """The way that needs no choice, if there is one."""
        way = self.ways.get(NO_CHOICE)
        return way if isinstance(way, Remedy) else None


def automatic(*edits: Edit, why: str, risk: str = "", **refused: str) -> Fix:
    """The only way, and the harmful ones by name with the reason why they are refused."""
    remedy = Remedy(edits=edits, why=why, risk=risk)
    return Fix(ways={NO_CHOICE: remedy} | {name: Refusal(why=reason) for name, reason in refused.items()})
