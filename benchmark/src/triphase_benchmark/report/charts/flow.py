"""Throughput over time: output tokens a second from the beginning of a turn, rounds laid over one another.

Its rule: the line is the mean of the rounds that lasted so long, the band reaches from the least to the most of them.
"""

import math
from collections.abc import Mapping, Sequence

import altair as alt

from triphase_benchmark.report.charts import theme
from triphase_benchmark.report.gathered import Flow


def flow_chart(flows: Mapping[str, Flow], engines: Sequence[str]) -> theme.Chart | None:
    """All engines' lines; `None` where no engine gave tokens."""
    values = [
        {"engine": name, "at": (index + 0.5) * flow.bin_s, "mean": mean, "least": float(least), "most": float(most)}
        for name in engines
        if (flow := flows.get(name)) is not None
        for index, (mean, least, most) in enumerate(zip(flow.mean.tolist(), flow.least, flow.most, strict=True))
        if math.isfinite(mean)
    ]
    if not values:
        return None
    chart = alt.Chart(alt.InlineData(values=values), width=460, height=230).encode(
        x=alt.X("at:Q", axis=alt.Axis(title="seconds from the first request of a round", grid=False)),
        color=theme.colours(engines),
    )
    band = chart.mark_area(opacity=0.15).encode(y=alt.Y("least:Q"), y2="most:Q")
    line = chart.mark_line(strokeWidth=2).encode(
        y=alt.Y("mean:Q", axis=alt.Axis(title="output tokens a second", tickCount=5)), strokeDash=theme.dashes(engines)
    )
    return alt.layer(band, line)
