"""What is asked, and what came of it: prompts, cells and samples.

Its rule: frozen values without any I/O. A *cell* is one request: a prompt, a draw (the number of its seed) and an arm.
An *arm* is a level, or what is compared with one: its twin, or the positive control. A *sample* is what a cell gave.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Source(StrEnum):
    """Where a count of reasoning tokens comes from, the best first."""

    USAGE = "usage"
    ESTIMATED_USAGE = "usage, which is an estimate"
    TEXT = "the reasoning text"
    SPLIT = "the text up to the closing tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One question. `answer`: what is right, as it should stand at the answer's end; `None`: nobody can check it."""

    turns: tuple[tuple[str, str], ...]
    answer: str | None = None
    extra_body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One request. `seed`: what the engine is given as one."""

    number: int
    prompt: int
    draw: int
    arm: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a cell gave.

    `failure`: why it counts for nothing, with a kind and a detail; empty: it does count. `reasoning`: tokens, by every
    source that there was. `closed`: its thoughts ended. `right`: `None` where nobody can check it. `applied`: the
    effort that a gateway says it asked for.
    """

    cell: Cell
    failure: str = ""
    detail: str = ""
    reasoning: Mapping[Source, int] = field(default_factory=dict)
    output_tokens: int | None = None
    answer_characters: int = 0
    finish_reason: str | None = None
    closed: bool = True
    right: bool | None = None
    applied: str = ""
    took_s: float = 0.0

    @property
    def cut(self) -> bool:
        """Whether a limit ended it, so that its length is not its own."""
        return self.finish_reason == "length"


class Verdict(StrEnum):
    """What may be said of an engine."""

    GRADED = "graded"  # three levels or more have a length of their own, in order
    BINARY = "binary"  # there are two lengths, and no more
    NONE = "none"  # all levels have one length, within the margin
    NON_MONOTONE = "non-monotone"  # a higher level thinks for less long than a lower one
    CENSORED = "censored"  # too many answers were cut off by their limit
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"  # what was measured means nothing


# Those of which figures may be told.
TELLING = frozenset({Verdict.GRADED, Verdict.BINARY, Verdict.NONE, Verdict.NON_MONOTONE, Verdict.INCONCLUSIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict and why. `groups`: levels that are told apart, each with those that are not told from it."""

    verdict: Verdict
    reason: str
    groups: tuple[tuple[str, ...], ...] = ()

    @property
    def telling(self) -> bool:
        """Whether figures may stand beside it."""
        return self.verdict in TELLING
