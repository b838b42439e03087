"""The tables beside charts: the same figures, for those who read rather than look.

Its rule: percentiles of a pool are given only where the pool is large enough for them, by the floor that MLPerf's
inference rules ask for.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from triphase_benchmark.metrics.catalog import SHARES
from triphase_benchmark.report.gathered import Flow
from triphase_benchmark.report.histogram import Histogram
from triphase_benchmark.report.inputs import Inputs, RoundValue
from triphase_benchmark.report.tables import Cell, Table
from triphase_benchmark.report.words import (
    UNDEFINED,
    duration,
    label,
    named,
    significant,
    titled,
    why_undefined,
    written,
)
from triphase_benchmark.statistics.percentiles import sample_floor

_PARTS: Final = 8


def quantile_table(caption: str, spreads: Mapping[str, Histogram], *, of: str = "engine") -> Table:
    """Percentiles of a distribution, each only where there are enough values for it."""
    return Table(
        caption,
        (of, "values", *(f"p{share * 100:g}" for share in SHARES.values()), "most"),
        tuple(
            (
                Cell(named(name)),
                Cell(f"{spread.count:,}"),
                *(_quantile(spread, share, sample_floor(share)) for share in SHARES.values()),
                Cell(duration(float(spread.quantiles([1])[0])) if spread.count else UNDEFINED),
            )
            for name, spread in spreads.items()
        ),
    )


def _quantile(spread: Histogram, share: float, floor: int) -> Cell:
    if spread.count < floor:
        return Cell(f"{UNDEFINED} (n < {floor})" if spread.count else UNDEFINED, "dim")
    return Cell(duration(float(spread.quantiles([share])[0])))


def round_table(rows: Sequence[RoundValue], engines: Sequence[str]) -> Table:
    """One metric and statistic: a row for each round."""
    by_place = {(row.round, row.engine): row for row in rows}
    return Table(
        f"{titled(rows[0].metric, rows[0].statistic)} by round",
        ("round", *map(named, engines)),
        tuple(
            (Cell(str(number + 1)), *(_of_round(by_place.get((number, name))) for name in engines))
            for number in sorted({row.round for row in rows})
        ),
    )


def _of_round(row: RoundValue | None) -> Cell:
    if row is None:
        return Cell(f"{UNDEFINED} (not measured)", "dim")
    if row.value is None or row.void is not None:
        return Cell(f"{UNDEFINED} ({why_undefined(row)})", "dim")
    return Cell(written(row.metric, row.value))


def load_table(inputs: Inputs, metric: str, statistic: str) -> Table:
    """One metric and statistic: a row for each load of a sweep, with the median of its rounds."""
    rows = [row for row in inputs.rounds if (row.metric, row.statistic) == (metric, statistic)]
    return Table(
        f"{titled(metric, statistic)}: medians of rounds",
        ("load", *map(named, inputs.engines)),
        tuple(
            (
                Cell(f"{point.value:g}"),
                *(
                    _median([row for row in rows if row.engine == name and row.round in point.rounds])
                    for name in inputs.engines
                ),
            )
            for point in inputs.facts.sweep
        ),
    )


def _median(rows: Sequence[RoundValue]) -> Cell:
    values = [row.value for row in rows if row.value is not None and row.void is None]
    if values:
        return Cell(label(rows[0].metric).write(statistics.median(values)))
    return Cell(f"{UNDEFINED} ({why_undefined(rows[-1])})" if rows else f"{UNDEFINED} (not measured)", "dim")


def flow_table(inputs: Inputs, flows: Mapping[str, Flow]) -> Table:
    """Output tokens a second in equal parts of the time that a round takes."""
    flow = next(iter(flows.values()))
    parts = np.array_split(np.arange(len(flow.mean)), _PARTS)
    return Table(
        "Mean output tokens a second",
        ("from", "to", *map(named, inputs.engines)),
        tuple(
            (
                Cell(duration(float(part[0]) * flow.bin_s)),
                Cell(duration(float(part[-1] + 1) * flow.bin_s)),
                *(_rate(flows.get(name), part.tolist()) for name in inputs.engines),
            )
            for part in parts
        ),
    )


def _rate(flow: Flow | None, part: Sequence[int]) -> Cell:
    rates = [rate for index in part if flow is not None and math.isfinite(rate := float(flow.mean[index]))]
    return Cell(significant(statistics.fmean(rates))) if rates else Cell(UNDEFINED, "dim")
