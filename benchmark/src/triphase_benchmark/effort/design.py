"""What is asked in which order: prompts, draws of each, and arms of each draw, in stages.

Its rule: every prompt gets every level, with the same seeds, one right after the other and in an order that is drawn
anew for each: what changes while a run lasts meets all levels alike. A stage adds to those before it, and looks at all
of them together. What the numbers mean is `verdicts.py`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

from triphase_benchmark.effort.levels import Level
from triphase_benchmark.effort.values import Cell, Prompt
from triphase_benchmark.plan.chance import Chance, Purpose
from triphase_benchmark.plan.problems import BadInput

TWIN: Final = "twin"  # a level once more, with seeds of its own
CONTROL: Final = "control"  # thinking switched off, where the levels have nothing that does

_CONTROLLED = 6  # prompts of the positive control, each asked once
_STAGE = re.compile(r"(\d{1,4})x(\d{1,2})")
_MOST_STAGES = 4
_MOST_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """How many prompts have how many draws by its end."""

    prompts: int
    draws: int


FIRST: Final = (Stage(prompts=12, draws=2), Stage(prompts=30, draws=3))


@dataclass(frozen=True, kw_only=True)
class Design:
    """All of a probe.

    `alpha`: how often all looks together may find an effect where there is none. `equivalence`: how often they may call
    levels equal that are `margin` apart. `margin`: the largest ratio of lengths that counts as none. `controlled`:
    whether there is an arm of the positive control.
    """

    levels: tuple[Level, ...]
    prompts: tuple[Prompt, ...]
    stages: tuple[Stage, ...] = FIRST
    seed: int = 0
    alpha: float = 0.01
    equivalence: float = 0.05
    margin: float = 1.15
    controlled: bool = False

    @cached_property
    def twin_of(self) -> str:
        """The level that is asked for twice: the middle one of those that think."""
        thinking = [level.name for level in self.levels if level.thinks] or [level.name for level in self.levels]
        return thinking[len(thinking) // 2]

    @property
    def names(self) -> tuple[str, ...]:
        """The levels, in order."""
        return tuple(level.name for level in self.levels)

    @property
    def arms(self) -> tuple[str, ...]:
        """All arms, the levels first."""
        return (*self.names, TWIN, *([CONTROL] if self.controlled else []))

    def shown(self, arm: str) -> str:
        """An arm as people read it."""
        return {TWIN: f"{self.twin_of} again", CONTROL: "thinking off"}.get(arm, arm)

    def cells(self, stage: int) -> tuple[Cell, ...]:
        """What a stage adds, in its order."""
        before = self.stages[stage - 1] if stage else Stage(prompts=0, draws=0)
        now = self.stages[stage]
        blocks = [
            (prompt, draw)
            for prompt in range(now.prompts)
            for draw in range(now.draws)
            if prompt >= before.prompts or draw >= before.draws
        ]
        chance = Chance(self.seed, Purpose.EFFORT, stage)
        number = sum(self.count(earlier) for earlier in range(stage))
        cells: list[Cell] = []
        for prompt, draw in chance.shuffled(blocks):
            seeds = self._seeds(prompt, draw)
            for arm in chance.shuffled(self._asked(prompt, draw)):
                cells.append(Cell(number=number, prompt=prompt, draw=draw, arm=arm, seed=seeds[arm == TWIN]))
                number += 1
        return tuple(cells)

    def count(self, stage: int) -> int:
        """How many cells a stage adds."""
        now, before = self.stages[stage], self.stages[stage - 1] if stage else Stage(prompts=0, draws=0)
        blocks = now.prompts * now.draws - before.prompts * before.draws
        controls = min(now.prompts, _CONTROLLED) if self.controlled and not stage else 0
        return blocks * (len(self.levels) + 1) + controls

    def _asked(self, prompt: int, draw: int) -> Sequence[str]:
        return self.arms if prompt < _CONTROLLED and draw == 0 else (*self.names, TWIN)

    def _seeds(self, prompt: int, draw: int) -> tuple[int, int]:
        """One for all levels, so that an engine that ignores the level repeats itself; another for the twin."""
        chance = Chance(self.seed, Purpose.EFFORT, 1 + prompt, draw)
        return chance.between(1, _MOST_SEED), chance.between(1, _MOST_SEED)


def stages_of(text: str, *, prompts: int | None) -> tuple[Stage, ...]:
    """What `--stages` means: PROMPTSxSEEDS, parted by commas, each no smaller than the one before.

    Args:
        text: As it was given.
        prompts: How many there are; `None`: as many as one likes.

    Raises:
        BadInput: It is none, or there are not enough prompts.
    """
    found = [_STAGE.fullmatch(part) for part in text.split(",")]
    stages = [Stage(prompts=int(one[1]), draws=int(one[2])) for one in found if one is not None]
    if len(stages) != len(found) or not 1 <= len(stages) <= _MOST_STAGES:
        raise BadInput(f"--stages {text!r}: it takes PROMPTSxSEEDS, at most {_MOST_STAGES} of them, as 12x2,30x3")
    growing = all(a.prompts <= b.prompts and a.draws <= b.draws and a != b for a, b in pairwise(stages))
    if stages[0].prompts < 6 or stages[0].draws < 1 or not growing:
        raise BadInput(f"--stages {text!r}: a stage has 6 prompts or more, a seed or more, and adds to the one before")
    if prompts is not None and stages[-1].prompts > prompts:
        raise BadInput(f"--stages {text!r}: there are {prompts} prompts, and {stages[-1].prompts} are asked for")
    return tuple(stages)
