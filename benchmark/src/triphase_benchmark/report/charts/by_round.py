"""One figure in every round: dots by engine, joined, so that drift and odd rounds are seen.

Its rule: void rounds are gaps, not zeros.
"""

from collections.abc import Sequence

import altair as alt

from triphase_benchmark.report.charts import theme
from triphase_benchmark.report.charts.axes import SECONDS
from triphase_benchmark.report.inputs import RoundValue
from triphase_benchmark.report.words import label, titled, written


def round_chart(rows: Sequence[RoundValue], engines: Sequence[str]) -> theme.Chart | None:
    """The rounds of one metric and statistic; `None` where no round has a value."""
    known = {(row.round, row.engine): row.value for row in rows if row.void is None}
    if all(value is None for value in known.values()):
        return None
    values = [
        {
            "round": row.round + 1,
            "engine": row.engine,
            "value": known.get((row.round, row.engine)),  # null breaks the line
            "text": written(row.metric, known.get((row.round, row.engine))),
        }
        for row in rows
    ]
    line = alt.Chart(alt.InlineData(values=values), width=460, height=180).encode(
        x=alt.X("round:O", axis=alt.Axis(title="round", labelAngle=0, labelOverlap="greedy")),
        y=alt.Y("value:Q", scale=alt.Scale(zero=False), axis=_axis(rows[0])),
        color=theme.colours(engines),
        tooltip=["engine:N", "round:O", "text:N"],
    )
    return alt.layer(
        line.mark_line(strokeWidth=1.5).encode(strokeDash=theme.dashes(engines)),
        line.mark_circle(size=55, opacity=1),
    )


def _axis(row: RoundValue) -> alt.Axis:
    title = titled(row.metric, row.statistic)
    if label(row.metric).write(1) == "1.00 s":
        return alt.Axis(title=title, labelExpr=SECONDS, tickCount=5)
    percent = label(row.metric).write(1).endswith("%")
    unit = label(row.metric).write(1).partition(" ")[2]
    return alt.Axis(
        title=title + (f", {unit}" if unit and not percent else ""), format="%" if percent else "~g", tickCount=5
    )
