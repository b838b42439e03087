"""The picture of a probe: how long each level thinks, the ratios with their intervals, and how many answers are right.

Its rule: what the verdict rests on can be seen: every prompt is a line through its levels, and the geometric mean is
the heavy one. Lengths are drawn as (tokens + 1) on a log axis, so that a level without any reasoning has its place.
Nothing is computed here but places on paper.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import exp
from typing import Any, Final

import altair as alt
import numpy as np

from triphase_benchmark.effort.evidence import Evidence
from triphase_benchmark.effort.facts import LevelFacts
from triphase_benchmark.effort.outcome import Probed
from triphase_benchmark.report.charts import theme
from triphase_benchmark.report.charts.axes import ends_around, log_ticks
from triphase_benchmark.report.effort.tables import ratio_written, within_written
from triphase_benchmark.report.words import share, significant

_WIDTH: Final = 430
_STEP: Final = 95  # of a level
_ROW: Final = 26
_ROOM: Final = 0.13  # below and above all points, for their labels
_MARK: Final = theme.PALETTE[0]
_LINE: Final = theme.GREY


def effort_chart(probed: Probed) -> theme.Chart | None:
    """The panels, one below the other; `None` where no figure may be told."""
    evidence = probed.evidence
    if evidence is None or not any(evidence.lengths.get(level) for level in probed.design.names):
        return None
    panels = [_lengths(evidence, probed.design.names)]
    if any(pair.ratio is not None for pair in evidence.pairs):
        panels.append(_ratios(evidence, probed.design.seed, probed.design.margin))
    checked = [facts for facts in probed.facts if facts.accuracy is not None and facts.name in probed.design.names]
    if checked:
        panels.append(_accuracy(checked))
    return alt.vconcat(*panels, spacing=30)


def _lengths(evidence: Evidence, levels: Sequence[str]) -> theme.Chart:
    rows = [
        {"level": level, "prompt": prompt, "length": exp(value), "text": significant(exp(value) - 1)}
        for level in levels
        for prompt, value in evidence.lengths.get(level, {}).items()
    ]
    means = [
        {"level": level, "length": exp(mean), "text": f"{significant(exp(mean) - 1)} tokens"}
        for level in levels
        if (found := evidence.lengths.get(level))
        for mean in [float(np.mean(list(found.values())))]
    ]
    drawn = [exp(value) for level in levels for value in evidence.lengths.get(level, {}).values()]
    ends = ends_around([1.0, *drawn], _ROOM)
    x = alt.X("level:O", sort=list(levels), axis=alt.Axis(title=None, labelAngle=0, ticks=False))
    y = alt.Y(
        "length:Q",
        scale=alt.Scale(type="log", domain=list(ends), nice=False),
        axis=alt.Axis(values=log_ticks(*ends), format="~s", title="reasoning tokens + 1, log scale"),
    )
    prompts = alt.Chart(alt.InlineData(values=rows)).encode(x=x, y=y, detail="prompt:N")
    whole = alt.Chart(alt.InlineData(values=means)).encode(x=x, y=y)
    return alt.layer(
        prompts.mark_line(strokeWidth=1, opacity=0.3, color=_LINE),
        prompts.mark_circle(size=22, opacity=0.45, color=_LINE).encode(tooltip=["prompt:Q", "level:N", "text:N"]),
        whole.mark_line(strokeWidth=2.5, color=_MARK),
        whole.mark_point(size=95, filled=True, opacity=1, color=_MARK).encode(tooltip=["level:N", "text:N"]),
        whole.mark_text(align="left", dx=10, dy=15, fontWeight="bold").encode(text="text:N"),
    ).properties(
        width=max(_WIDTH, _STEP * len(levels)),
        height=230,
        title="Reasoning by level: each prompt, and their geometric mean",
    )


def _ratios(evidence: Evidence, seed: int, margin: float) -> theme.Chart:
    rows = list(_ratio_rows(evidence, seed))
    known = [value for row in rows for value in (row["ratio"], row["low"], row["high"]) if value is not None]
    ends = ends_around([1 / margin, margin, *known])
    names = [row["name"] for row in rows]
    scale = alt.Scale(type="log", domain=list(ends), nice=False)
    axis = alt.Axis(values=log_ticks(*ends), format="~g", title="ratio of (reasoning tokens + 1), log scale")
    x = alt.X("ratio:Q", scale=scale, axis=axis)
    y = alt.Y("name:N", sort=names, title=None, axis=alt.Axis(grid=False, ticks=False, domain=False, labelLimit=160))
    found = alt.Chart(alt.InlineData(values=rows))
    band = alt.Chart(alt.InlineData(values=[{"low": 1 / margin, "high": margin}]))
    one = alt.Chart(alt.InlineData(values=[{"ratio": 1}]))
    low = alt.X("low:Q", scale=scale, axis=axis)
    return alt.layer(
        band.mark_rect(opacity=0.18, color=theme.GREY).encode(x=low, x2="high:Q"),
        one.mark_rule(strokeDash=[4, 3], opacity=0.8).encode(x=x),
        found.transform_filter("isValid(datum.low)")
        .mark_bar(height=5, opacity=0.55, color=_MARK)
        .encode(x=low, x2="high:Q", y=y),
        found.mark_point(size=90, filled=True, opacity=1, color=_MARK).encode(x=x, y=y, tooltip=["name:N", "text:N"]),
        found.mark_text(align="left", x=_WIDTH + 10).encode(y=y, text="text:N"),
    ).properties(
        width=_WIDTH,
        height=_ROW * len(rows),
        title=f"Ratios within prompts; the band, {1 / margin:.2f} … {margin:.2f}, is no effect",
    )


def _ratio_rows(evidence: Evidence, seed: int) -> Iterator[dict[str, Any]]:
    for pair in evidence.pairs:
        if pair.ratio is None:
            continue
        interval = pair.interval(seed=seed)
        low, high = (interval.low, interval.high) if interval is not None else (None, None)
        within = within_written(interval)
        yield {
            "name": f"{pair.high} ÷ {pair.low}",
            "ratio": pair.ratio,
            "low": low,
            "high": high,
            "text": ratio_written(pair.ratio) + (f" ({within})" if within else ""),
        }


def _accuracy(checked: Sequence[LevelFacts]) -> theme.Chart:
    rows: list[Mapping[str, Any]] = [
        {
            "level": facts.name,
            "share": facts.right / facts.checked,
            "low": facts.accuracy[0],
            "high": facts.accuracy[1],
            "text": f"{share(facts.right / facts.checked)} of {facts.checked}",
        }
        for facts in checked
        if facts.accuracy is not None
    ]
    names = [facts.name for facts in checked]
    beside = alt.Axis(grid=False, ticks=False, domain=False, labelPadding=10)  # no point at 0 covers a name
    y = alt.Y("level:O", sort=names, title=None, axis=beside)
    axis = alt.Axis(format="%", tickCount=5, title="answers that are right, with 95 % intervals")
    scale = alt.Scale(domain=[0, 1])
    found = alt.Chart(alt.InlineData(values=rows)).encode(y=y)
    return alt.layer(
        found.mark_bar(height=5, opacity=0.55, color=theme.BETTER).encode(
            x=alt.X("low:Q", scale=scale, axis=axis), x2="high:Q"
        ),
        found.mark_point(size=90, filled=True, opacity=1, color=theme.BETTER).encode(
            x=alt.X("share:Q", scale=scale, axis=axis), tooltip=["level:N", "text:N"]
        ),
        found.mark_text(align="left", x=_WIDTH + 10).encode(text="text:N"),
    ).properties(width=_WIDTH, height=_ROW * len(rows), title="Right answers by level")
