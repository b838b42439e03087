"""Which settings of its controls a template is rendered with, over which conversations, and what came of it.

Rule: two settings are of one class where all conversations give the same text, byte for byte, or fail alike. What
matters most is rendered first, and a template that is stopped at one setting is asked for the others again, a few
times. Rendering is the validator's child process with its limits; the date stands still there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice, product
from typing import Final, TypeAlias

from triphase_model.effort.controls import Control, Kind
from triphase_model.effort.profile import Scalar
from triphase_model.validator.rendering.probes import PROBES, Probes
from triphase_model.validator.rendering.results import Failure, Outcome, Rendering

# What variables are set to, by their names in order; whatever is not named is left unset.
Setting: TypeAlias = tuple[tuple[str, Scalar], ...]
# Has probes rendered: the template's source, the special tokens, and the probes.
Renderer: TypeAlias = Callable[[str, Mapping[str, str], Probes], Rendering]
# What all conversations of a setting come to.
Fingerprint: TypeAlias = tuple[str, ...]

UNSET: Final[Setting] = ()
# The simplest chat, by which a setting is judged where one conversation must do, comes first.
USER: Final = "user"
WITHOUT_PROMPT: Final = "user_without_prompt"
CONVERSATIONS: Final = (USER, WITHOUT_PROMPT, "system", "tools", "two_turns")
MOST_SETTINGS: Final = 400
_MOST_ROUNDS: Final = 12
_PROBES_OF_ROUND: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What came of each conversation with each setting."""

    outcomes: Mapping[tuple[str, Setting], Outcome]

    def text(self, setting: Setting, conversation: str = USER) -> str | None:
        """The prompt, where there is one."""
        outcome = self.outcomes.get((conversation, setting))
        return outcome.text if outcome else None

    def failed(self, setting: Setting) -> Outcome | None:
        """Why the simplest chat gives no prompt, where it gives none."""
        outcome = self.outcomes.get((USER, setting), _STOPPED)
        return outcome if outcome.failure else None

    def fingerprint(self, setting: Setting) -> Fingerprint:
        """Equal for settings of one class, and for no others."""
        return tuple(_digest(self.outcomes.get((one, setting), _STOPPED)) for one in CONVERSATIONS)


_STOPPED: Final = Outcome(failure=Failure.LIMIT, detail="it took too much time or memory")


def setting_of(values: Mapping[str, Scalar]) -> Setting:
    """The setting that sets these."""
    return tuple(sorted(values.items()))


def settings_of(controls: Sequence[Control], others: Iterable[Setting] = ()) -> list[Setting]:
    """What is worth trying: nothing, each value alone, `others`, then each of a toggle with each of another control."""
    alone = [((control.name, value),) for control in controls for value in control.values]
    found = dict.fromkeys([UNSET, *alone, *others, *_pairs(controls)])
    return list(islice(found, MOST_SETTINGS))


def _pairs(controls: Sequence[Control]) -> Iterator[Setting]:
    for toggle, other in product(controls, controls):
        if toggle.kind is Kind.TOGGLE and other.name != toggle.name:
            for value, state in product(other.values, toggle.values):
                yield setting_of({toggle.name: state, other.name: value})


def rendered(source: str, tokens: Mapping[str, str], settings: Sequence[Setting], renderer: Renderer) -> Rendered:
    """Has all settings rendered; those that never came to an end stand as stopped."""
    asked = {f"{at} {one}": (one, at) for at in range(len(settings)) for one in CONVERSATIONS}
    outcomes: dict[tuple[str, Setting], Outcome] = {}
    for _ in range(_MOST_ROUNDS + len(asked) // _PROBES_OF_ROUND):
        stopped = {setting for (_, setting), outcome in outcomes.items() if outcome.failure is Failure.LIMIT}
        keys = ((name, _key(asked[name], settings)) for name in asked)
        left = [name for name, key in keys if key not in outcomes and key[1] not in stopped][:_PROBES_OF_ROUND]
        if not left:
            break
        made = renderer(source, tokens, {name: _variables(asked[name], settings) for name in left})
        if not made.outcomes:
            break
        outcomes |= {_key(asked[name], settings): outcome for name, outcome in _answered(left, made)}
    return Rendered(outcomes=outcomes)


def _answered(left: Sequence[str], made: Rendering) -> Iterator[tuple[str, Outcome]]:
    """What a round says for certain: one that was stopped in its midst may owe that to those before it."""
    last = next((name for name in reversed(left) if name in made.outcomes), left[0])
    for name, outcome in made.outcomes.items():
        if outcome.failure is not Failure.LIMIT or name != last or name == left[0]:
            yield name, outcome


def _key(asked: tuple[str, int], settings: Sequence[Setting]) -> tuple[str, Setting]:
    conversation, at = asked
    return conversation, settings[at]


def _variables(asked: tuple[str, int], settings: Sequence[Setting]) -> Mapping[str, object]:
    conversation, at = asked
    return {**PROBES[conversation], **dict(settings[at])}


def _digest(outcome: Outcome) -> str:
    return (
        f"{outcome.failure}"
        if outcome.text is None
        else sha256(outcome.text.encode("utf-8", "surrogatepass")).hexdigest()
    )
