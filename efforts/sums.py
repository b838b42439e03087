"""The questions: additions that the reference model's training never showed, so that an answer is worked out.

Where they come from is told in `model/reference-training/README.md`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).parent.parent / "model" / "tests" / "data" / "unseen-sums.json"


@dataclass(frozen=True, slots=True)
class Sum:
    """An addition of two numbers."""

    left: int
    right: int

    @property
    def question(self) -> str:
        """What the model is asked."""
        return f"What is {self.left}+{self.right}?"

    def is_answered_by(self, text: str) -> bool:
        """Whether an answer ends with the right number."""
        return text.strip().endswith(f"= {self.left + self.right}")


def unseen(*, every: int = 1) -> tuple[Sum, ...]:
    """Returns one of `every` of all 407, always the same ones."""
    additions = json.loads(_FILE.read_text(encoding="utf-8"))["additions"]
    return tuple(Sum(*map(int, text.split("+"))) for text in additions[::every])
