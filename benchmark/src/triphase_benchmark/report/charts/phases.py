"""When the phases of a gateway's answer begin, after the request was sent.

Its rule: a bar from the 10th to the 90th percentile and a point at the median, on one axis of time, in the order in
which phases come.
"""

from collections.abc import Mapping
from typing import Any, Final

import altair as alt

from triphase_benchmark.metrics.catalog import OF_GATEWAYS
from triphase_benchmark.report.charts import theme
from triphase_benchmark.report.charts.axes import log_seconds
from triphase_benchmark.report.histogram import Histogram
from triphase_benchmark.report.words import duration

PHASES: Final[Mapping[str, str]] = {
    "accepted": "accepted",
    "prompt_summary": "prompt summary",
    "ttft": "first token",
    "reasoning_summary": "reasoning summary",
    "ttfa": "first output",
    "e2e": "end",
}


def phase_chart(spreads: Mapping[str, Histogram], colour: str) -> theme.Chart | None:
    """The phases of one engine; `None` where it has none, which a bare engine has not."""
    if not any(name in spreads and spreads[name].count for name in OF_GATEWAYS):
        return None
    values = [row for name in PHASES if name in spreads and (row := _row(name, spreads[name]))]
    chart = alt.Chart(alt.InlineData(values=values), width=460, height=30 * len(values))
    y = alt.Y("phase:N", sort=list(PHASES.values()), title=None, axis=alt.Axis(grid=False, domain=False, ticks=False))
    drawn = [row[end] for row in values for end in ("low", "high")]

    def x(field: str) -> alt.X:
        return log_seconds(field, "after the request was sent", drawn)

    return alt.layer(
        chart.mark_bar(height=9, opacity=0.45, color=colour).encode(
            x=x("low:Q"), x2="high:Q", y=y, tooltip=["phase:N", "text:N"]
        ),
        chart.mark_point(filled=True, size=90, opacity=1, color=colour).encode(x=x("median:Q"), y=y),
        chart.mark_text(align="left", dx=10, dy=-11, fontSize=11).encode(x=x("median:Q"), y=y, text="text:N"),
    )


def _row(name: str, spread: Histogram) -> dict[str, Any]:
    if not spread.count:
        return {}
    low, median, high = spread.quantiles((0.1, 0.5, 0.9)).clip(1e-6).tolist()
    return {"phase": PHASES[name], "low": low, "median": median, "high": high, "text": duration(median)}
