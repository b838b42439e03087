"""Where the prompts of two levels differ: in what the system says, in the user's turn, or in what asks the model.

Rule: a place is told by words that only our own conversations have, never by the look of a prompt. What is shown of a
difference is short, since a template may print anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from triphase_model.effort.classes import Classes, Step
from triphase_model.effort.markers import ending_of
from triphase_model.effort.profile import Effort
from triphase_model.effort.settings import CONVERSATIONS, UNSET, WITHOUT_PROMPT, Rendered, Setting
from triphase_model.validator.rendering import probes

_SHOWN: Final = 160


class Place(StrEnum):
    """Which part of a prompt."""

    SYSTEM = "system text"
    USER = "user's turn"
    PROMPT = "generation prompt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What the prompt of one level has in the place of what another has; `against` None is a request without effort."""

    effort: Effort
    against: Effort | None
    places: tuple[Place, ...]
    there: str
    here: str


def differences(classes: Classes, made: Rendered) -> tuple[Difference, ...]:
    """Each level against the default one, or against a request without effort where that is no level."""
    default = next((step for step in classes.steps if step.effort is classes.default), None)
    others = [step for step in classes.steps if step is not default]
    return tuple(found for step in others if (found := _difference(step, default, made)))


def _difference(step: Step, default: Step | None, made: Rendered) -> Difference | None:
    there = default.setting if default else UNSET
    pairs = [pair for pair in _pairs(step.setting, there, made) if pair[0] != pair[1]]
    if not pairs:
        return None
    one, other = pairs[0]
    start = _common(one, other)
    end = _common(one[start:][::-1], other[start:][::-1])
    endings = _ending(step.setting, made), _ending(there, made)
    places = {place for here, before in pairs for place in _places(here, before, endings)}
    return Difference(
        effort=step.effort,
        against=default.effort if default else None,
        places=tuple(place for place in Place if place in places),
        there=_cut(other[start : len(other) - end]),
        here=_cut(one[start : len(one) - end]),
    )


def _pairs(one: Setting, other: Setting, made: Rendered) -> Iterator[tuple[str, str]]:
    for conversation in CONVERSATIONS:
        here, there = made.text(one, conversation), made.text(other, conversation)
        if here is not None and there is not None:
            yield here, there


def _ending(setting: Setting, made: Rendered) -> str:
    return ending_of(made.text(setting), made.text(setting, WITHOUT_PROMPT))


def _places(one: str, other: str, endings: Sequence[str]) -> Iterator[Place]:
    bodies = [text.removesuffix(ending) for text, ending in zip((one, other), endings, strict=True)]
    if endings[0] != endings[1] and bodies != [one, other]:
        yield Place.PROMPT
    (before, _, after), (other_before, _, other_after) = (body.partition(probes.USER) for body in bodies)
    if before != other_before:
        yield Place.SYSTEM
    if after != other_after:
        yield Place.USER


def _common(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
