"""Which texts enclose a model's thoughts, and how a prompt leaves them: not begun, begun, or over.

Rule: what a prompt does counts before what stands in the template's source, and that before the tokenizer's words. The
pairs are those of the known families; of another family's markers nothing is said.
"""

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from triphase_model.effort.profile import Thought
from triphase_model.validator.rendering import probes
from triphase_model.validator.rules.template import THOUGHTS

# The longer ones come first, since some hold others.
PAIRS: Final = (
    ("<|channel|>analysis<|message|>", "<|end|>"),
    ("<|open|>think<|sep|>", "<|close|>think<|sep|>"),
    ("<think:opensource>", "</think:opensource>"),
    ("<mm:think>", "</mm:think>"),
    ("<ifm|think>", "</ifm|think>"),
    ("<|channel>thought", "<channel|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|think|>", "<|end|>"),
    *THOUGHTS,
)


# It ends thoughts of some families and turns of more.
_SHARED: Final = frozenset({"<|end|>"})

Pair: TypeAlias = tuple[str, str]
THINK: Final[Pair] = ("<think>", "</think>")


def markers_of(endings: Iterable[str], source: str, tokens: Iterable[str]) -> Pair | None:
    """The pair of a model, where one is known; `endings` are what its prompts end with, see `ending_of`."""
    words, ends = frozenset(tokens), tuple(endings)
    ways: tuple[Callable[[str, str], bool], ...] = (
        lambda opening, closing: any(opening in end or closing in _own(end, closing) for end in ends),
        lambda opening, closing: opening in source and closing in source,
        lambda opening, closing: opening in source or closing in _own(source, closing),
        lambda opening, closing: opening in words and closing in words,
    )
    return next((pair for way in ways for pair in PAIRS if way(*pair)), None)


def _own(text: str, marker: str) -> str:
    return "" if marker in _SHARED else text


def ending_of(prompt: str | None, without: str | None) -> str:
    """What a template asks the model with: what its prompt has more than the same chat without one."""
    if prompt is None:
        return ""
    if without is not None and prompt.startswith(without):
        return prompt.removeprefix(without)
    return prompt.rpartition(probes.USER)[2] if probes.USER in prompt else ""


def thought_in(ending: str, pair: Pair | None) -> Thought:
    """How a prompt leaves the thoughts, by what it ends with."""
    opened, closed = (ending.rfind(marker) for marker in pair) if pair else (-1, -1)
    if opened > closed:
        return Thought.OPEN
    return Thought.CLOSED if closed >= 0 else Thought.UNOPENED
