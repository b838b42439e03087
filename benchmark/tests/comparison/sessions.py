"""Rounds whose ratios are given: what comparisons and gates are shown to do with them."""

from collections.abc import Sequence

import pyarrow as pa
from triphase_benchmark.comparison.pairs import Measure
from triphase_benchmark.run.selftest.sessions import table


def paired_table(ratios: Sequence[float], measures: Sequence[Measure]) -> pa.Table:
    """Rounds in which `base` measures 1, 2, 3, …, and `new` these ratios of it."""
    return table(
        (number, engine, measure, (number + 1.0) * factor, None)
        for number, ratio in enumerate(ratios)
        for engine, factor in (("base", 1.0), ("new", ratio))
        for measure in measures
    )
