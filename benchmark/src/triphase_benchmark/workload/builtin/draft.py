"""What a prompt set writes: texts that may be stretched in one place.

Its rule: what must stand in a prompt is its `begin` and `end`; where it is to have more tokens than these, more of its
filler goes between them. How much is `fitting.py`'s to say.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from triphase_benchmark.plan.chance import Chance
from triphase_benchmark.workload.lengths import Lengths


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """`begin`, then sentences of the endless `filler`, then `end`. `natural`: how many, where nobody says a length."""

    begin: str
    filler: Iterator[str]
    natural: int = 0
    end: str = ""

    def natural_text(self, begin: str) -> str:
        """The text with the length that it has by itself and this beginning; its filler is used up to there."""
        return " ".join([begin, *islice(self.filler, self.natural)]) + self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSet:
    """One set. `first` writes what a conversation begins with, `later` a further turn.

    `output`: the tokens of answers. `input`: those of prompts, where they have no length by themselves.
    """

    name: str
    first: Callable[[Chance], Draft]
    later: Callable[[Chance], Draft]
    output: Lengths
    input: Lengths | None = None
