"""An engine that exists in numbers only: how long it thinks is drawn, and what it does to an effort is known.

The length of an answer's reasoning is log-normal: of the prompt (`between`), of the answer (`within`), times the factor
of the level. All draws are keyed by the population's seed, so that a probe of it can be repeated. Its clock is its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from math import exp
from statistics import NormalDist

from triphase_benchmark.effort.course import Course
from triphase_benchmark.effort.design import CONTROL, FIRST, TWIN, Design, Stage
from triphase_benchmark.effort.levels import levels_of
from triphase_benchmark.effort.values import Cell, Prompt, Sample, Source
from triphase_benchmark.effort.verdicts import judge

_NORMAL = NormalDist()
TOKENS_PER_S = 100.0


@dataclass(frozen=True, kw_only=True)
class Population:
    """`factors`: of each level; 0 = it does not think. `honours_seeds`: equal prompts and seeds give equal answers.

    `limit`: where answers are cut. `fails`: the share of requests that do. `per_hour`: by how much ln(length) grows
    while time passes. `twin`: the factor of a level that is asked for again, which no honest engine has.
    """

    factors: Mapping[str, float]
    seed: int = 0
    tokens: float = 300.0
    between: float = 0.6
    within: float = 0.5
    honours_seeds: bool = False
    limit: int | None = None
    fails: float = 0.0
    per_hour: float = 0.0
    twin: float = 1.0
    hidden: bool = False
    _prompts: dict[int, float] = field(default_factory=dict)

    def answer(self, cell: Cell, *, at_s: float, level: str) -> Sample:
        factor = self.factors[level] * (self.twin if cell.arm == TWIN else 1.0)
        noise, luck = drawn(self.seed, cell.prompt, cell.seed, "" if self.honours_seeds else cell.arm)
        if luck < self.fails:
            return Sample(cell=cell, failure="timeout", detail="not whole after 1 s", took_s=1.0)
        length = (
            self._of_prompt(cell.prompt) * factor * exp(self.within * quantile(noise) + self.per_hour * at_s / 3600)
        )
        tokens = 0 if self.hidden else round(length)
        cut = self.limit is not None and tokens > self.limit
        tokens = min(tokens, self.limit) if self.limit is not None else tokens
        return Sample(
            cell=cell,
            reasoning={Source.USAGE: tokens},
            output_tokens=tokens + (0 if cut else 20),
            answer_characters=0 if cut else 60,
            finish_reason="length" if cut else "stop",
            took_s=(tokens + 20) / TOKENS_PER_S,
        )

    def _of_prompt(self, prompt: int) -> float:
        if prompt not in self._prompts:
            chance, _ = drawn(self.seed, prompt)
            self._prompts[prompt] = self.tokens * exp(self.between * quantile(chance))
        return self._prompts[prompt]


def quantile(chance: float) -> float:
    return _NORMAL.inv_cdf(min(max(chance, 1e-12), 1 - 1e-12))


def drawn(*key: int | str) -> tuple[float, float]:
    """Two numbers between 0 and 1, the same for the same key."""
    digest = blake2b(repr(key).encode(), digest_size=16).digest()
    return tuple(int.from_bytes(half, "big") / 2**64 for half in (digest[:8], digest[8:]))  # type: ignore[return-value]


def design_of(population: Population, *, stages: tuple[Stage, ...] = FIRST, controlled: bool = False) -> Design:
    """A probe of all its levels."""
    levels = levels_of(",".join(population.factors))
    prompts = tuple(Prompt(turns=(("user", f"prompt {number}"),)) for number in range(stages[-1].prompts))
    return Design(levels=levels, prompts=prompts, stages=stages, seed=population.seed, controlled=controlled)


def played(population: Population, *, stages: tuple[Stage, ...] = FIRST) -> Course:
    """Goes through a whole probe, one request after the other, on a clock that costs nothing."""
    design = design_of(population, stages=stages)
    course = Course(design, judge=partial(judge, design=design, limit=population.limit))
    at_s = 0.0
    while batch := course.batch():
        for cell in batch:
            if course.stopped:
                break
            level = {TWIN: design.twin_of, CONTROL: design.names[0]}.get(cell.arm, cell.arm)
            sample = population.answer(cell, at_s=at_s, level=level)
            at_s += sample.took_s
            course.take(sample)
    assert course.judgement is not None
    return course
