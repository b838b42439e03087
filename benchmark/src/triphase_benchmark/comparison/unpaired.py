"""Compares two stored runs, which is worth less than two engines of one run in `paired.py`.

Its rule: it is always labelled *unpaired*, since whatever changed between the runs besides the engine (the machine, the
hour, the load of others) is in the ratio, and in no interval. The intervals are Welch's, of the logarithms of rounds.
"""

from collections.abc import Collection

import numpy as np
import pyarrow as pa

from triphase_benchmark.comparison.pairs import Floats, Measure, Rounds
from triphase_benchmark.comparison.verdicts import PRIMARY, Evidence, judge
from triphase_benchmark.statistics.intervals import welch_interval, welch_p_value


def compare_unpaired(
    first: pa.Table,
    second: pa.Table,
    *,
    baseline: str,
    engine: str,
    primary: Collection[Measure] = PRIMARY,
    confidence: float = 0.95,
) -> pa.Table:
    """Returns the table `COMPARISON` of one engine of each of two tables `ROUNDS`; they may have the same name.

    Raises:
        ValueError: If either has no round in its table.
    """
    before, after = Rounds(first), Rounds(second)
    for name, rounds in ((baseline, before), (engine, after)):
        if name not in rounds.engines:
            raise ValueError(f"no round of {name}; there are: {', '.join(rounds.engines)}")
    evidence = [
        _evidence(measure, baseline, engine, low, high, confidence)
        for measure in before.measures
        if (low := before.values(baseline, measure)).size and (high := after.values(engine, measure)).size
    ]
    return judge(evidence, primary=primary, confidence=confidence)


def _evidence(
    measure: Measure, baseline: str, engine: str, first: Floats, second: Floats, confidence: float
) -> Evidence:
    positive = bool((first > 0).all() and (second > 0).all())
    if positive:
        first, second = np.log(first), np.log(second)
    interval = welch_interval(first, second, confidence)
    return Evidence(
        measure=measure,
        baseline=baseline,
        engine=engine,
        direction=interval.estimate,
        p_value=welch_p_value(first, second),
        least_p_value=0.0,
        rounds=min(first.size, second.size),
        ratio=float(np.exp(interval.estimate)) if positive else None,
        low=float(np.exp(interval.low)) if positive and interval.low is not None else None,
        high=float(np.exp(interval.high)) if positive and interval.high is not None else None,
        paired=False,
    )
