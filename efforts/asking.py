"""Asks problems through the gateway, and keeps of each answer how long it was and whether it was right.

Its rule: the model answers greedily, so that the same question gives the same answer, and every effort is asked of the
same ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from triphase_client import Client

from efforts.problems import Problem

# In rising order; the model's template knows no more.
EFFORTS = ("none", "low", "medium", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one problem came to: tokens as the gateway reports them, thoughts included in `output_tokens`."""

    asked: Problem
    output_tokens: int
    reasoning_tokens: int
    right: bool
    estimated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All answers of one setting at one effort, in the order of the problems."""

    setting: str
    effort: str
    answers: tuple[Answer, ...]

    @property
    def mean_tokens(self) -> float:
        """The mean of output tokens, thoughts included."""
        return fmean(answer.output_tokens for answer in self.answers)

    @property
    def mean_reasoning(self) -> float:
        """The mean of reasoning tokens."""
        return fmean(answer.reasoning_tokens for answer in self.answers)

    @property
    def right(self) -> int:
        """How many were right."""
        return sum(answer.right for answer in self.answers)


async def ask(client: Client, setting: str, effort: str, asked: Problem) -> Answer:
    """Asks one problem; raises TriphaseError."""
    response = await client.generate(prompt=asked.question, model=setting, effort=effort)
    usage = response.completed.usage
    return Answer(
        asked=asked,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        right=asked.is_answered_by(response.output),
        estimated=usage.estimated or usage.reasoning_estimated,
    )


async def measure(
    client: Client, setting: str, problems: Sequence[Problem], *, on_answer: Callable[[], None] = lambda: None
) -> tuple[Measured, ...]:
    """Asks all problems at all efforts; `on_answer` is called after each."""
    found = []
    for effort in EFFORTS:
        answers = []
        for one in problems:
            answers.append(await ask(client, setting, effort, one))
            on_answer()
        found.append(Measured(setting=setting, effort=effort, answers=tuple(answers)))
    return tuple(found)
