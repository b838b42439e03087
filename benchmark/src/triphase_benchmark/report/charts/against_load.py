"""A sweep: what each load costs in latency, or brings in throughput.

Its rule: a point is the median of the rounds at its load; every round stands behind it as a dot.
"""

import statistics
from collections.abc import Sequence
from typing import Any

import altair as alt

from triphase_benchmark.report.charts import theme
from triphase_benchmark.report.charts.axes import SECONDS
from triphase_benchmark.report.inputs import LoadPoint, RoundValue
from triphase_benchmark.report.words import label, titled


def load_chart(rows: Sequence[RoundValue], sweep: Sequence[LoadPoint], engines: Sequence[str]) -> theme.Chart | None:
    """One metric and statistic against the load; `None` where no round of the sweep has a value."""
    dots = [dot for point in sweep for dot in _dots(rows, point)]
    if not dots:
        return None
    points = [
        {"engine": engine, "load": load, "value": value, "text": label(rows[0].metric).write(value)}
        for engine in engines
        for load in sorted({dot["load"] for dot in dots if dot["engine"] == engine})
        for value in [statistics.median(dot["value"] for dot in dots if (dot["engine"], dot["load"]) == (engine, load))]
    ]
    loads = [point.value for point in sweep]
    axis = alt.Axis(title="load", grid=False, values=loads, format="~g", labelOverlap="greedy")
    x = alt.X("load:Q", scale=alt.Scale(zero=False, padding=12), axis=axis)
    y = alt.Y("value:Q", scale=_scale(rows[0]), axis=_axis(rows[0]))
    behind = alt.Chart(alt.InlineData(values=dots)).mark_circle(size=22, opacity=0.4)
    before = alt.Chart(alt.InlineData(values=points)).mark_line(point=True, strokeWidth=2)
    layers = [
        behind.encode(x=x, y=y, color=theme.colours(engines)),
        before.encode(
            x=x,
            y=y,
            color=theme.colours(engines),
            strokeDash=theme.dashes(engines),
            tooltip=["engine:N", "load:Q", "text:N"],
        ),
    ]
    return alt.layer(*layers).properties(width=460, height=230)


def _dots(rows: Sequence[RoundValue], point: LoadPoint) -> list[dict[str, Any]]:
    return [
        {"engine": row.engine, "load": point.value, "value": row.value}
        for row in rows
        if row.round in point.rounds and row.void is None and row.value is not None
    ]


def _is_duration(row: RoundValue) -> bool:
    return label(row.metric).write(1) == "1.00 s"


def _scale(row: RoundValue) -> alt.Scale:
    return alt.Scale(type="log", nice=False) if _is_duration(row) else alt.Scale(zero=True)


def _axis(row: RoundValue) -> alt.Axis:
    title = titled(row.metric, row.statistic)
    if _is_duration(row):
        return alt.Axis(title=f"{title}, log scale", labelExpr=SECONDS, tickCount=5)
    return alt.Axis(title=f"{title}, {label(row.metric).write(1).partition(' ')[2]}", tickCount=5)
