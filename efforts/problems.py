"""The questions: arithmetic that the reference model can do, with the one right end of each answer.

`unseen` are additions that its training never showed, so that each is worked out; where they come from is told in
`model/reference-training/README.md`. `mixed` are of all three kinds, most of them shown in training.
"""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).parent.parent / "model" / "tests" / "data" / "unseen-sums.json"
_RESULTS: Mapping[str, Callable[[int, int], int]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Two numbers, and what is to be done with them: a sign of +, - or *."""

    left: int
    right: int
    sign: str = "+"

    @property
    def question(self) -> str:
        """What the model is asked."""
        return f"What is {self.left}{self.sign}{self.right}?"

    def is_answered_by(self, text: str) -> bool:
        """Whether an answer ends with the right number."""
        return text.strip().endswith(f"= {_RESULTS[self.sign](self.left, self.right)}")


def unseen(*, every: int = 1) -> tuple[Problem, ...]:
    """Returns one of `every` of all 407, always the same ones."""
    additions = json.loads(_FILE.read_text(encoding="utf-8"))["additions"]
    return tuple(Problem(int(left), int(right)) for left, right in (text.split("+") for text in additions[::every]))


def mixed(count: int) -> tuple[Problem, ...]:
    """Returns additions, subtractions and multiplications in the shares of its training; always the same ones."""
    chance = random.Random(0)  # noqa: S311 - nothing secret depends on it
    return tuple(_drawn(chance) for _ in range(count))


def _drawn(chance: random.Random) -> Problem:
    sign = chance.choices("+-*", weights=(5, 3, 2))[0]
    if sign == "*":
        return Problem(chance.randrange(10, 100), chance.randrange(2, 10), sign)
    larger, smaller = sorted((chance.randrange(100), chance.randrange(100)), reverse=True)
    return Problem(larger, smaller, sign)
