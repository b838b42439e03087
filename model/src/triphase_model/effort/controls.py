"""Which variables of a template are about effort, and what each of them may be set to.

Rule: a variable is a control by its name, or by the words that the template compares it with; a value is worth trying
where it is an effort's own word, a word that templates have for one, or one that the template names. What a value does
is not known here but seen in the renderings (`settings.py` and `classes.py`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from triphase_model.effort.profile import Effort, Scalar
from triphase_model.validator.rendering.results import Rendering

# A word that no template knows: what it does with this, it does with any.
NONSENSE: Final = "zqEffortWord"
_MOST_CONTROLS: Final = 6


class Kind(StrEnum):
    """How a control tells efforts: by words, by a number of tokens, or by yes and no."""

    WORDS = "words"
    BUDGET = "budget"
    TOGGLE = "toggle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One variable; `values` is what it may be set to, each with the effort that it stands for, None if for no one.

    `named` are the values that the template itself has. Where `unset` is an effort, leaving it out stands for that.
    """

    name: str
    kind: Kind
    values: Mapping[Scalar, Effort | None]
    named: frozenset[Scalar] = field(default_factory=frozenset)
    unset: Effort | None = None


# Words of templates for the efforts, beside the efforts' own.
_WORDS: Final[Mapping[str, Effort]] = MappingProxyType(
    {effort.value: effort for effort in Effort}
    | dict.fromkeys(("no_think", "nothink", "no-think", "off", "disabled", "disable", "false", "no"), Effort.NONE)
    | dict.fromkeys(("auto", "adaptive", "normal", "standard", "default", "mid"), Effort.MEDIUM)
    | dict.fromkeys(("high", "deep"), Effort.HIGH)
    | dict.fromkeys(("extra_high", "extra-high", "x-high", "very_high"), Effort.XHIGH)
    | dict.fromkeys(("maximum", "ultra"), Effort.MAX)
    | dict.fromkeys(("min", "fast", "quick", "brief"), Effort.MINIMAL)
)
# Words for thinking without a degree: more than what the template calls its middle, where it has one.
_YES: Final = frozenset({"on", "enabled", "enable", "true", "yes", "think"})
_DEGREES: Final = frozenset(Effort) - {Effort.NONE}
_WORDY: Final = re.compile(r"(reason|think|thought|effort).*(effort|strength|level|mode|depth)|^(effort|think)$")
_NUMERIC: Final = re.compile(r"(reason|think).*(budget|tokens|length)|budget.*(reason|think)")
# Thinking is on where these are true; where those of the second are true, it is off.
_ON: Final = frozenset({
    "enable_thinking", "thinking", "enable_reasoning", "reasoning", "use_thinking", "thinking_enabled", "think_mode",
    "enable_think", "is_thinking", "add_thinking", "do_thinking",
})  # fmt: skip
_OFF: Final = frozenset({"skip_think", "skip_thinking", "disable_thinking", "no_think", "no_thinking"})
# Toggles of a degree: NVIDIA's Nemotron-3 Super.
_LESS: Final = frozenset({"low_effort"})
# Tokens of thought, where a template counts them: doubled from step to step, as far as templates have words for them.
_TOKENS: Final[Mapping[Effort, int]] = MappingProxyType({
    Effort.NONE: 0, Effort.MINIMAL: 512, Effort.LOW: 1024, Effort.MEDIUM: 4096, Effort.HIGH: 8192,
    Effort.XHIGH: 16384,
})  # fmt: skip
# What every chat has, or what is known to be about something else: a word that these are compared with is no effort.
_OF_EVERY_CHAT: Final = frozenset({
    "messages", "tools", "documents", "add_generation_prompt", "tool_choice", "bos_token", "eos_token", "pad_token",
    "unk_token", "sep_token", "cls_token", "mask_token", "raise_exception", "strftime_now", "namespace", "range",
    "loop", "builtin_tools", "custom_tools", "tools_in_user_message", "date_string", "role", "content", "message",
    "detail", "quality", "verbosity", "priority", "resolution",
})  # fmt: skip


def controls_of(rendering: Rendering) -> tuple[Control, ...]:
    """The controls that a template declares: those that tell most first."""
    found = (_control(name, rendering.literals.get(name, ())) for name in sorted(rendering.variables))
    controls = [control for control in found if control is not None]
    order = list(Kind)
    return tuple(
        sorted(controls, key=lambda one: (order.index(one.kind), one.name != "reasoning_effort"))[:_MOST_CONTROLS]
    )


def switches_of(rendering: Rendering) -> tuple[str, ...]:
    """The words such as `/no_think` that a template looks for in what users or the system say."""
    words = (word for word in rendering.literals.get("messages", ()) if isinstance(word, str))
    return tuple(sorted(word for word in words if word.startswith("/") and "think" in word))


def effort_of(word: Scalar) -> Effort | None:
    """The effort that a word stands for, whatever its case."""
    return _WORDS.get(word.strip().lower()) if isinstance(word, str) else None


def _control(name: str, literals: tuple[str | int, ...]) -> Control | None:
    lowered = name.lower()
    words = [word for word in literals if isinstance(word, str)]
    told = [effort for word in words if (effort := effort_of(word)) is not None]
    if lowered in _OF_EVERY_CHAT:
        return None
    if lowered in _OFF | _LESS or (lowered in _ON and not told):
        return _toggle(name, lowered)
    if _NUMERIC.search(lowered):
        return _budget(name)
    if _WORDY.search(lowered) or lowered in _ON or len(_DEGREES & set(told)) > 1:
        return _wordy(name, words)
    return None


def _toggle(name: str, lowered: str) -> Control:
    values: dict[Scalar, Effort | None] = {False: Effort.NONE, True: Effort.MEDIUM}
    if lowered in _OFF:
        values = {True: Effort.NONE, False: Effort.MEDIUM}
    if lowered in _LESS:
        values = {True: Effort.LOW}
    return Control(name=name, kind=Kind.TOGGLE, values=values)


def _budget(name: str) -> Control:
    values: dict[Scalar, Effort | None] = {tokens: effort for effort, tokens in _TOKENS.items()}
    return Control(name=name, kind=Kind.BUDGET, values=values, unset=Effort.MAX)


def _wordy(name: str, words: list[str]) -> Control:
    """Of words for the same effort, the template's own come first."""
    yes = Effort.HIGH if any(effort_of(word) is Effort.MEDIUM for word in words) else Effort.MEDIUM
    tried = dict.fromkeys([*words, *(effort.value for effort in Effort), NONSENSE])
    values: dict[Scalar, Effort | None] = {w: yes if w.strip().lower() in _YES else effort_of(w) for w in tried}
    return Control(name=name, kind=Kind.WORDS, values=values, named=frozenset(words))
