"""The levels that are compared, and the member of a request that says which one is asked for.

Its rule: a level is a value of one member of the JSON, whatever that member is: an effort, a switch of the template, a
budget of tokens. Levels stand in the order in which reasoning should grow: efforts by their meaning, numbers and
switches by their size, other words as they were given.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from triphase_benchmark.plan.problems import BadInput

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
USUAL: Final = ("none", "low", "medium", "high")
FIELD: Final = "reasoning_effort"
FEWEST: Final = 2
MOST: Final = 7  # beyond which Page's test is not exact, and a run too long

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*){0,3}")
_SWITCHES: Final[Mapping[str, bool]] = {"false": False, "true": True}
# Which levels give no thoughts at all, where they are honoured.
_OFF: Final = frozenset({"none", "false", "0"})
_MOST_TOKENS = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One of them: what it is called, and the value that is sent."""

    name: str
    value: str | int | bool

    @property
    def thinks(self) -> bool:
        """Whether any reasoning is to be expected of it."""
        return self.name not in _OFF


def levels_of(text: str | None) -> tuple[Level, ...]:
    """What `--levels` means: names parted by commas, `all` for every effort, or nothing for the usual ones.

    Raises:
        BadInput: They are no levels, too few or too many.
    """
    names = USUAL if text is None else EFFORTS if text == "all" else tuple(text.split(","))
    if wrong := [name for name in names if not _WORD.fullmatch(name)]:
        raise BadInput(f"--levels {text!r}: {wrong[0]!r} is none: it takes words, numbers of tokens, true and false")
    if twice := [name for name in names if names.count(name) > 1]:
        raise BadInput(f"--levels {text!r}: {twice[0]} stands twice")
    if not FEWEST <= len(names) <= MOST:
        raise BadInput(f"--levels {text!r}: it takes from {FEWEST} to {MOST} levels")
    return _in_order(tuple(Level(name=name, value=_value(name)) for name in names))


def field_of(text: str) -> str:
    """What `--field` means: a member's name, or several with dots between them. Raises BadInput."""
    if not _FIELD.fullmatch(text):
        raise BadInput(f"--field {text!r}: it takes a member of the request, as chat_template_kwargs.reasoning_effort")
    return text


def members(field: str, value: object) -> dict[str, Any]:
    """The member as JSON, one object inside another where its name has dots."""
    first, _, rest = field.partition(".")
    return {first: members(rest, value) if rest else value}


def merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """All layers as one object: later ones win, and objects merge member by member."""
    result: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            present = result.get(name)
            both = isinstance(present, Mapping) and isinstance(value, Mapping)
            result[name] = merged(present, value) if both and present is not None else value
    return result


def _value(name: str) -> str | int | bool:
    if name in _SWITCHES:
        return _SWITCHES[name]
    if name.isdecimal() and name.isascii():
        if int(name) > _MOST_TOKENS:
            raise BadInput(f"--levels: {name} is more tokens than any model thinks")
        return int(name)
    return name


def _in_order(levels: Sequence[Level]) -> tuple[Level, ...]:
    if all(level.name in EFFORTS for level in levels):
        return tuple(sorted(levels, key=lambda level: EFFORTS.index(level.name)))
    if all(isinstance(level.value, int) for level in levels):  # of which bool is one
        return tuple(sorted(levels, key=lambda level: int(level.value)))
    return tuple(levels)
