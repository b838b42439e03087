"""Samples → what speaks for and against an effect: lengths of prompts, ratios of levels, p-values.

Its rule: the prompt is the unit. A prompt's length at a level is the median of ln(reasoning tokens + 1) over its draws,
and levels are compared within prompts alone. Every level is compared with every higher one, both ways: each way is a
family of its own, corrected by Holm's method. What may be said of it is `verdicts.py`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import exp, log1p
from statistics import median

import numpy as np
from numpy.typing import NDArray

from triphase_benchmark.effort.design import CONTROL, TWIN, Design
from triphase_benchmark.effort.values import Sample, Source
from triphase_benchmark.statistics.bootstrap import ratio_interval
from triphase_benchmark.statistics.holm import holm
from triphase_benchmark.statistics.intervals import Interval, equivalence_p_value
from triphase_benchmark.statistics.sign_flip import growth_p_value, sign_flip_p_value
from triphase_benchmark.statistics.trends import page_l

Floats = NDArray[np.float64]
# By arm, then by prompt: the median of ln(reasoning tokens + 1).
Lengths = Mapping[str, Mapping[int, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two levels, the lower first. `longer`, `shorter`: corrected p-values that the higher one is not so.

    `differences`: of ln(tokens + 1), the higher less the lower, one for each prompt that has both. `equal`: the p-value
    that they are further apart than the margin; `None` with fewer than two prompts.
    """

    low: str
    high: str
    differences: Floats
    longer: float
    shorter: float
    equal: float | None

    @property
    def ratio(self) -> float | None:
        """The geometric mean over prompts of (tokens + 1) of the higher by that of the lower."""
        return exp(float(self.differences.mean())) if self.differences.size else None

    def interval(self, *, seed: int) -> Interval | None:
        """The ratio with an interval from drawing prompts again; `None` with fewer than two prompts."""
        if self.differences.size < 2:
            return None
        one = np.ones(1)
        return ratio_interval(
            [(one, np.exp(np.array([d]))) for d in self.differences], lambda rows: rows[:, 0], seed=seed
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All of it. `trend`: Page's L and its p-value, from three levels on. `twin`: the level that was asked for twice.

    `twin_differences`: the twin less its level. `control`: the arm that switches thinking off, be it a level or an arm
    of its own; empty: there is none. `control_differences`: that arm less the level of the twin.
    """

    source: Source
    lengths: Lengths
    pairs: tuple[Pair, ...]
    trend: tuple[float, float] | None
    twin: str
    twin_differences: Floats
    twin_p_value: float
    control: str
    control_differences: Floats

    def pair(self, low: str, high: str) -> Pair:
        """The pair of two levels, the lower first."""
        return next(pair for pair in self.pairs if (pair.low, pair.high) == (low, high))


def evidence_of(samples: Sequence[Sample], design: Design) -> Evidence | None:
    """Computes it; `None` where no source has counted the reasoning of all samples that count."""
    counting = [sample for sample in samples if not sample.failure]
    source = source_of(counting)
    if source is None:
        return None
    lengths = lengths_of(counting, source)
    levels = list(combinations(design.names, 2))
    differences = [_between(lengths, low, high) for low, high in levels]
    longer = holm([growth_p_value(one) for one in differences])
    shorter = holm([growth_p_value(-one) for one in differences])
    margin = float(np.log(design.margin))
    pairs = tuple(
        Pair(
            low=low,
            high=high,
            differences=one,
            longer=longer[place],
            shorter=shorter[place],
            equal=equivalence_p_value(one, margin) if one.size else None,
        )
        for place, ((low, high), one) in enumerate(zip(levels, differences, strict=True))
    )
    twin = _between(lengths, design.twin_of, TWIN)
    off = [level.name for level in design.levels if not level.thinks and level.name != design.twin_of]
    control = CONTROL if design.controlled else next(iter(off), "")
    return Evidence(
        source=source,
        lengths=lengths,
        pairs=pairs,
        trend=_trend(lengths, design.names),
        twin=design.twin_of,
        twin_differences=twin,
        twin_p_value=sign_flip_p_value(twin),
        control=control,
        control_differences=_between(lengths, design.twin_of, control),
    )


def source_of(samples: Sequence[Sample]) -> Source | None:
    """The best source that every one of them has: levels are never compared by different ones."""
    shared = (source for source in Source if samples and all(source in sample.reasoning for sample in samples))
    return next(shared, None)


def lengths_of(samples: Sequence[Sample], source: Source) -> Lengths:
    """The medians of each arm and prompt."""
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for sample in samples:
        found[sample.cell.arm][sample.cell.prompt].append(log1p(sample.reasoning[source]))
    return {
        arm: {prompt: median(values) for prompt, values in sorted(prompts.items())} for arm, prompts in found.items()
    }


def _between(lengths: Lengths, low: str, high: str) -> Floats:
    lower, higher = lengths.get(low, {}), lengths.get(high, {})
    return np.array([higher[prompt] - lower[prompt] for prompt in lower if prompt in higher], dtype=np.float64)


def _trend(lengths: Lengths, levels: Sequence[str]) -> tuple[float, float] | None:
    whole = [prompt for prompt in lengths.get(levels[0], {}) if all(prompt in lengths.get(one, {}) for one in levels)]
    if len(levels) < 3 or len(whole) < 2:
        return None
    return page_l(np.array([[lengths[level][prompt] for level in levels] for prompt in whole]))
