"""What a user may say about a workload beside its name.

Its rule: nothing said means that the workload itself decides, not that there is a second default somewhere.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from triphase_benchmark.workload.counting import WordEstimate
from triphase_benchmark.workload.lengths import Lengths, fixed
from triphase_benchmark.workload.ports import TokenCounter


class Repeat(StrEnum):
    """What to do when a run needs more prompts than a file has."""

    NO = "no"  # say so, and do not begin
    TAG = "tag"  # begin each repeated prompt with a tag of its own, so that no prefix cache knows it
    YES = "yes"  # repeat: cache hits are wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`input` and `output`: tokens of each turn, `None` as the workload has them. `free_output`: the model decides.

    `turns`: how many a conversation has, or, in a file that has its own, at most.
    """

    counter: TokenCounter = field(default_factory=WordEstimate)
    input: Lengths | None = None
    output: Lengths | None = None
    free_output: bool = False
    turns: Lengths = field(default_factory=lambda: fixed(1))
    repeat: Repeat = Repeat.NO

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said where lengths were made or told by the counter."""
        if self.counter.exact:
            return ()
        return ("numbers of tokens are estimates from words, since no --tokenizer was given",)

    def counted(self, text: str) -> int | None:
        """The tokens of a text, where they can be told and not only estimated."""
        return self.counter.count(text) if self.counter.exact else None

    def output_tokens(self, chance: float, own: int | None) -> int | None:
        """The tokens of an answer: as the user said, else as the workload has it, which knows `own`."""
        if self.free_output:
            return None
        return self.output.at(chance) if self.output else own
