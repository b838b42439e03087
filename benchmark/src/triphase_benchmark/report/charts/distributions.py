"""Distributions: which share of requests, or of gaps, took at most so long.

Its rule: empirical distribution functions on a log axis of time, one line for each engine, each from its histogram.
Nothing is smoothed, and no line is drawn from fewer than two values.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import numpy as np

from triphase_benchmark.report.charts import theme
from triphase_benchmark.report.charts.axes import log_seconds
from triphase_benchmark.report.histogram import Histogram

_LEAST_SECONDS: Final = 1e-6
# Where a line is read off: evenly, and closer towards the slow end, which is what one looks for.
_SHARES: Final = (*np.linspace(0.01, 0.99, 99).tolist(), 0.995, 0.999, 0.9999, 1.0)


def distribution_chart(spreads: Mapping[str, Histogram], title: str, engines: Sequence[str]) -> theme.Chart | None:
    """The lines of all engines that have values; `None` where none has."""
    values = [point for name in engines if name in spreads for point in line(name, spreads[name])]
    if not values:
        return None
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=values), width=460, height=230)
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=log_seconds("seconds:Q", title, [point["seconds"] for point in values]),
            y=alt.Y(
                "share:Q",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(title="share at most that long", format="%", values=[0, 0.25, 0.5, 0.75, 0.9, 1]),
            ),
            color=theme.colours(engines),
            strokeDash=theme.dashes(engines),
            tooltip=["engine:N", "seconds:Q", "share:Q"],
        )
    )
    return chart


def line(engine: str, spread: Histogram) -> list[dict[str, Any]]:
    """The points of one engine's line, from the least value on; those that share a place are one."""
    if spread.count < 2:
        return []
    shares = (0.0, *_SHARES)
    places = dict(zip(spread.quantiles(shares).tolist(), shares, strict=True))  # of shares at one place, the last
    points = sorted((max(seconds, _LEAST_SECONDS), share) for seconds, share in places.items())
    # What took no time at all has no place on a log axis: the line begins where it has risen by all of that.
    begin = max((index for index, (seconds, _) in enumerate(points) if seconds <= _LEAST_SECONDS), default=0)
    if points[begin][0] <= _LEAST_SECONDS and len(points) > begin + 1:
        points[begin] = (points[begin + 1][0], points[begin][1])
    return [{"engine": engine, "seconds": seconds, "share": share} for seconds, share in points[begin:]]
