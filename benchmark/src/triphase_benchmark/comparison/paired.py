"""Compares engines that ran in the same rounds: the comparison that drift and noise between rounds do not mislead.

Its rule: the round is the unit. Its ratio is what counts, by its logarithm: the interval is Student's of their mean,
the p-value that of the sign-flip test. Where a value is 0 there is no ratio; then differences are tested instead, and
only the verdict tells.
"""

from collections.abc import Collection

import numpy as np
import pyarrow as pa

from triphase_benchmark.comparison.pairs import DroppedPair, Measure, Pairs, Rounds
from triphase_benchmark.comparison.verdicts import PRIMARY, Evidence, judge
from triphase_benchmark.statistics.intervals import mean_interval
from triphase_benchmark.statistics.sign_flip import least_p_value, sign_flip_p_value


def compare(
    rounds: pa.Table,
    *,
    baseline: str,
    primary: Collection[Measure] = PRIMARY,
    confidence: float = 0.95,
    seed: int = 0,
) -> pa.Table:
    """Returns the table `COMPARISON` of every engine of a table `ROUNDS` with its baseline.

    Args:
        rounds: Of all engines.
        baseline: The engine that the others are compared with.
        primary: The measures that the comparison is about; `verdicts.py` says what follows.
        confidence: Of intervals and verdicts.
        seed: Decides what the sign-flip test draws, where there are too many rounds for an exact one.

    Raises:
        ValueError: If the baseline has no round.
    """
    known = Rounds(rounds)
    if baseline not in known.engines:
        raise ValueError(f"no round of {baseline}, which is the baseline; there are: {', '.join(known.engines)}")
    evidence = [
        _evidence(measure, baseline, engine, pairs, confidence, seed)
        for engine in known.engines
        if engine != baseline
        for measure in known.measures
        if (pairs := known.pairs(baseline, engine, measure)).engine.size or measure in primary
    ]
    return judge(evidence, primary=primary, confidence=confidence)


def dropped_pairs(rounds: pa.Table, *, baseline: str) -> list[DroppedPair]:
    """Returns which pairs of a comparison do not count, and why; each void round once."""
    known = Rounds(rounds)
    found = [pair for engine in known.engines if engine != baseline for pair in known.dropped(baseline, engine)]
    return sorted(set(found), key=lambda pair: (pair.round, pair.engine))


def _evidence(measure: Measure, baseline: str, engine: str, pairs: Pairs, confidence: float, seed: int) -> Evidence:
    count = pairs.engine.size
    positive = bool(count and (pairs.baseline > 0).all() and (pairs.engine > 0).all())
    differences = np.log(pairs.engine / pairs.baseline) if positive else pairs.engine - pairs.baseline
    interval = mean_interval(differences, confidence) if positive else None
    return Evidence(
        measure=measure,
        baseline=baseline,
        engine=engine,
        direction=float(differences.sum()),
        p_value=sign_flip_p_value(differences, seed=seed) if count else None,
        least_p_value=least_p_value(count),
        rounds=count,
        ratio=None if interval is None else float(np.exp(interval.estimate)),
        low=None if interval is None or interval.low is None else float(np.exp(interval.low)),
        high=None if interval is None or interval.high is None else float(np.exp(interval.high)),
        ratios=[
            high / low if low > 0 else None
            for low, high in zip(pairs.baseline.tolist(), pairs.engine.tolist(), strict=True)
        ],
    )
