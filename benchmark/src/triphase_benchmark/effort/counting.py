"""An answer's texts and counts → how many tokens of it were reasoning, and whether it was right.

Its rule: every source that there is is counted, and `evidence.py` takes the best that all answers have. The engine's
own count is best, unless it says 0 where thoughts were sent: then it does not count them. A text is counted by the
tokenizer that was given; else by its share of the engine's count of all output tokens, by characters; else by an
estimate. Thoughts that stand in the answer end at the last closing tag.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from triphase_benchmark.effort.values import Source
from triphase_benchmark.workload.counting import WordEstimate

# Pairs of markers by which models enclose thoughts in their text.
_TAGS: Final = (("<think>", "</think>"), ("<seed:think>", "</seed:think>"), ("[THINK]", "[/THINK]"))
_ESTIMATE: Final = WordEstimate()
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One answer. `counted_reasoning`, `counted_output`: what the engine counted; `estimated`: it only guessed."""

    thoughts: str
    output: str
    counted_reasoning: int | None = None
    counted_output: int | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Thoughts and answer. `source`: how they were told apart; `None`: there are no thoughts to be seen."""

    thoughts: str
    answer: str
    source: Source | None
    closed: bool


def split(said: Said) -> Split:
    """Tells thoughts and answer apart."""
    if said.thoughts:
        return Split(thoughts=said.thoughts, answer=said.output, source=Source.TEXT, closed=True)
    for opening, closing in _TAGS:
        before, found, after = said.output.rpartition(closing)
        if found:  # the opening one may stand in the prompt
            thoughts = before.replace(opening, "")
            return Split(thoughts=thoughts.strip(), answer=after.strip(), source=Source.SPLIT, closed=True)
        if said.output.lstrip().startswith(opening):
            return Split(thoughts=said.output, answer="", source=Source.SPLIT, closed=False)
    return Split(thoughts="", answer=said.output, source=None, closed=True)


def reasoning_tokens(said: Said, parts: Split, *, count: Callable[[str], int] | None) -> dict[Source, int]:
    """The tokens of reasoning by every source. `count`: the model's own tokenizer, where it was given."""
    found: dict[Source, int] = {}
    if said.counted_reasoning is not None and (said.counted_reasoning or not parts.thoughts):
        source = Source.ESTIMATED_USAGE if said.estimated else Source.USAGE
        found[source] = said.counted_reasoning
        if source is Source.USAGE:  # it serves where others of the run are estimates
            found[Source.ESTIMATED_USAGE] = said.counted_reasoning
    tokens = _of_text(said, parts, count)
    found |= {Source.TEXT: tokens, Source.SPLIT: tokens} if parts.source is not Source.SPLIT else {Source.SPLIT: tokens}
    return found


def is_right(answer: str, expected: str) -> bool:
    """Whether an answer's end is what is right: its last number, where a number is; else its last words."""
    wanted = _NUMBER.fullmatch(expected)
    if wanted is not None:
        numbers = _NUMBER.findall(answer)
        return bool(numbers) and float(numbers[-1].replace(",", "")) == float(expected.replace(",", ""))
    words = [word.casefold() for word in _WORDS.findall(expected)]
    return bool(words) and [word.casefold() for word in _WORDS.findall(answer)][-len(words) :] == words


def _of_text(said: Said, parts: Split, count: Callable[[str], int] | None) -> int:
    if not parts.thoughts:
        return 0
    if count is not None:
        return count(parts.thoughts)
    if said.counted_output:
        share = len(parts.thoughts) / (len(parts.thoughts) + len(parts.answer))
        return max(1, round(said.counted_output * share))
    return max(1, _ESTIMATE.count(parts.thoughts))
