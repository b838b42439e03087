"""The tables of a report, as values: what the terminal and the page draw alike.

Its rule: a cell is finished text. Each value has its unit, each undefined one a dash and its reason, and a tone says
what colour may add to it.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from triphase_benchmark.metrics.catalog import OF_GATEWAYS
from triphase_benchmark.report.inputs import Compared, Inputs, RoundValue
from triphase_benchmark.report.words import (
    UNDEFINED,
    harmless,
    interval,
    label,
    named,
    times,
    titled,
    why_no_ratio,
    why_undefined,
)

Tone = Literal["", "good", "bad", "dim"]
_TONES: Mapping[str, Tone] = {"better": "good", "worse": "bad"}
_ARROWS: Mapping[str, str] = {"lower": "↓ lower", "higher": "↑ higher"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Table:
    """`columns`: their titles. The first of them names the row; `words`: which others hold words, and not figures."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    words: frozenset[str] = frozenset()


def comparison_table(inputs: Inputs) -> Table:
    """All rows of the comparison, with intervals and verdicts."""
    several = len({(row.engine, row.baseline) for row in inputs.comparison}) > 1
    confidence = inputs.comparison[0].confidence if inputs.comparison else 0.95
    columns = ["metric", "ratio", f"{confidence * 100:g} % interval", "p (Holm)", "rounds", "better is", "verdict"]
    return Table(
        "Ratios to the baseline, by the geometric mean of rounds",
        (*columns[:1], *(["engines"] if several else []), *columns[1:]),
        tuple(tuple(_compared(row, several=several)) for row in inputs.comparison),
        frozenset({"engines", "better is", "verdict"}),
    )


def _compared(row: Compared, *, several: bool) -> Iterator[Cell]:
    yield Cell(harmless(titled(row.metric, row.statistic)))
    if several:
        yield Cell(f"{named(row.engine)} ÷ {named(row.baseline)}")
    undefined = row.ratio is None
    yield Cell(f"{UNDEFINED} ({why_no_ratio(row)})" if undefined else times(row.ratio), "dim" if undefined else "")
    without = row.low is None or row.high is None
    yield Cell(
        f"{UNDEFINED} ({why_no_ratio(row)})" if without and not undefined else interval(row), "dim" if without else ""
    )
    yield Cell(UNDEFINED if row.p_holm is None else f"{row.p_holm:.3f}")
    yield Cell(str(row.rounds))
    yield Cell(_ARROWS.get(row.better, harmless(row.better)))
    yield Cell(harmless(row.verdict) + ("" if row.paired else ", unpaired"), _TONES.get(row.verdict, "dim"))


def engine_table(inputs: Inputs, *, metrics: Sequence[str] | None = None) -> Table:
    """Each metric and statistic of each engine: the median of its rounds, and between what they lay.

    The phases of gateways are left out where no engine is one.
    """
    absent = OF_GATEWAYS - {row.metric for row in inputs.rounds if row.n}
    kept = [row for row in inputs.rounds if row.metric not in absent and (metrics is None or row.metric in metrics)]
    cells: dict[tuple[str, str], dict[str, list[RoundValue]]] = {}
    for row in kept:
        cells.setdefault((row.metric, row.statistic), {}).setdefault(row.engine, []).append(row)
    return Table(
        "Medians of the rounds (least … most)",
        ("metric", *(named(name) for name in inputs.engines)),
        tuple(
            (Cell(harmless(titled(*key))), *(_summary(by_engine.get(name, [])) for name in inputs.engines))
            for key, by_engine in cells.items()
        ),
    )


def _summary(rows: Sequence[RoundValue]) -> Cell:
    values = [row.value for row in rows if row.value is not None and row.void is None]
    if not values:
        return Cell(f"{UNDEFINED} ({why_undefined(rows[-1])})" if rows else f"{UNDEFINED} (not measured)", "dim")
    write = label(rows[0].metric).write
    median = write(statistics.median(values))
    return Cell(median if len(values) == 1 else f"{median} ({write(min(values))} … {write(max(values))})")
