"""What is known of each level by itself: how long it thinks, how its answers ended, and how many of them are right.

Its rule: lengths are told only where a verdict may have figures; how requests ended is told always.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import expm1

import numpy as np

from triphase_benchmark.effort.design import Design
from triphase_benchmark.effort.evidence import Evidence
from triphase_benchmark.effort.values import Sample
from triphase_benchmark.statistics.binomial import wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelFacts:
    """One arm. `tokens`: of reasoning, the geometric mean over prompts, of (tokens + 1), less 1; `None`: not told.

    `empty`: answers without any text. `right` of `checked` answers are so, with Wilson's interval. `over`: answers that
    thought for longer than the budget that the level is; `None`: it is none. `applied`: what a gateway says it asked.
    """

    name: str
    asked: int
    failed: int
    cut: int
    empty: int
    tokens: float | None
    answer_characters: float | None
    right: int
    checked: int
    accuracy: tuple[float, float] | None
    over: int | None
    applied: tuple[str, ...]


def facts_of(samples: Sequence[Sample], design: Design, evidence: Evidence | None) -> tuple[LevelFacts, ...]:
    """The facts of all arms that were asked; `evidence`: `None` where no figure may be told."""
    budgets = {
        level.name: level.value
        for level in design.levels
        if isinstance(level.value, int) and not isinstance(level.value, bool)
    }
    arms = [(arm, [sample for sample in samples if sample.cell.arm == arm]) for arm in design.arms]
    return tuple(_facts(arm, found, evidence, budgets.get(arm)) for arm, found in arms if found)


def _facts(arm: str, found: Sequence[Sample], evidence: Evidence | None, budget: int | None) -> LevelFacts:
    counting = [sample for sample in found if not sample.failure]
    lengths = list(evidence.lengths.get(arm, {}).values()) if evidence is not None else []
    checked = [sample.right for sample in counting if sample.right is not None]
    over = None
    if budget is not None and evidence is not None:
        over = sum(sample.reasoning[evidence.source] > budget for sample in counting)
    return LevelFacts(
        name=arm,
        asked=len(found),
        failed=len(found) - len(counting),
        cut=sum(sample.cut for sample in counting),
        empty=sum(not sample.answer_characters for sample in counting),
        tokens=expm1(float(np.mean(lengths))) if lengths else None,
        answer_characters=float(np.median([sample.answer_characters for sample in counting])) if counting else None,
        right=sum(checked),
        checked=len(checked),
        accuracy=wilson(sum(checked), len(checked)) if checked else None,
        over=over,
        applied=tuple(sorted({sample.applied for sample in counting if sample.applied})),
    )
