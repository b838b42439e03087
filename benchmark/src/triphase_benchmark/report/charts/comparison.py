"""The normalised comparison: each engine as a multiple of the baseline, on a log axis, one row for each metric.

Its rule: everything that the verdict rests on can be seen: the pairs of rounds as dots, their geometric mean as a
point, its interval as a bar, the reference at 1, and at each row the direction that is better. What shows no
difference is grey; what has no ratio keeps its row, with the reason. Nothing is computed here but places on paper.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt

from triphase_benchmark.report.charts import theme
from triphase_benchmark.report.charts.axes import ends_around, log_ticks
from triphase_benchmark.report.inputs import Compared
from triphase_benchmark.report.words import UNDEFINED, harmless, interval, named, times, titled, why_no_ratio

_COLOURS: Final[Mapping[str, str]] = {"better": theme.BETTER, "worse": theme.WORSE}
_ARROWS: Final[Mapping[str, str]] = {"lower": "← better", "higher": "better →"}
_WIDTH: Final = 430
_ROW: Final = 26
_NAME: Final = 48


def comparison_panels(rows: Sequence[Compared]) -> list[theme.Chart]:
    """One chart for each engine and baseline. Raises `ValueError` where there is nothing to compare."""
    if not rows:
        raise ValueError("nothing to compare: no rows")
    ends = ends_around(drawn(rows))
    pairs = dict.fromkeys((row.engine, row.baseline) for row in rows)
    return [_panel([row for row in rows if (row.engine, row.baseline) == pair], ends) for pair in pairs]


def comparison_chart(rows: Sequence[Compared]) -> theme.Chart:
    """All panels, one below the other. Raises `ValueError` where there is nothing to compare."""
    return alt.vconcat(*comparison_panels(rows), spacing=24)


def framed(panels: Sequence[theme.Chart], *, title: str, subtitle: Sequence[str], notes: Sequence[str]) -> theme.Chart:
    """The panels as a picture of its own: with what it says above it and under which conditions below."""
    lines = [{"line": index, "text": note} for index, note in enumerate(notes)]
    foot = (
        alt.Chart(alt.InlineData(values=lines), width=_WIDTH, height=17 * len(lines))
        .mark_text(align="left", baseline="top", x=-150, fontSize=11)
        .encode(y=alt.Y("line:O", axis=None), text="text:N")
    )
    head = alt.TitleParams(
        title, subtitle=list(subtitle), fontSize=17, subtitleFontSize=12, subtitlePadding=6, offset=14
    )
    return alt.vconcat(*panels, foot, spacing=22, title=head, padding=20)


def drawn(rows: Sequence[Compared]) -> list[float]:
    """All ratios that are drawn, and 1."""
    values = [value for row in rows for value in (row.ratio, row.low, row.high, *row.ratios)]
    return [1.0, *(value for value in values if value is not None and math.isfinite(value) and value > 0)]


def _panel(rows: Sequence[Compared], ends: tuple[float, float]) -> theme.Chart:
    names = [_name(row) for row in rows]
    y = alt.Y("name:N", sort=names, title=None, axis=alt.Axis(grid=False, ticks=False, domain=False, labelLimit=200))
    axis = alt.Axis(values=log_ticks(*ends), format="~g", title="ratio to the baseline, log scale")
    scale = alt.Scale(type="log", domain=list(ends), nice=False)
    x = alt.X("ratio:Q", scale=scale, axis=axis)
    colour = alt.Color("colour:N", scale=None)
    bars = alt.Chart(alt.InlineData(values=[_bar(row) for row in rows]))
    dots = alt.Chart(alt.InlineData(values=[dot for row in rows for dot in _dots(row)]))
    one = alt.Chart(alt.InlineData(values=[{"ratio": 1}])).mark_rule(strokeDash=[4, 3], opacity=0.8).encode(x=x)
    known = bars.transform_filter("isValid(datum.ratio)")
    layers = [
        one,
        dots.mark_circle(size=26, opacity=0.45, clip=True).encode(
            x=x, y=y, color=colour, tooltip=["round:Q", "ratio:Q"]
        ),
        bars.transform_filter("isValid(datum.low)")
        .mark_bar(height=5, opacity=0.55)
        .encode(x=alt.X("low:Q", scale=scale, axis=axis), x2="high:Q", y=y, color=colour),
        known.mark_point(size=90, filled=True, opacity=1).encode(x=x, y=y, color=colour, tooltip=["name:N", "text:N"]),
        bars.mark_text(align="left", x=_WIDTH + 10).encode(y=y, text="arrow:N"),
        bars.mark_text(align="left", x=_WIDTH + 76).encode(y=y, text="text:N"),
    ]
    return alt.layer(*layers).properties(width=_WIDTH, height=_ROW * len(rows), title=_heading(rows[0]))


def _heading(row: Compared) -> str:
    return f"{named(row.engine)} ÷ {named(row.baseline)}" + ("" if row.paired else ", unpaired")


def _name(row: Compared) -> str:
    return harmless(titled(row.metric, row.statistic), _NAME)


def _bar(row: Compared) -> dict[str, Any]:
    return {
        "name": _name(row),
        "ratio": row.ratio,
        "low": row.low if row.high is not None else None,
        "high": row.high,
        "colour": _COLOURS.get(row.verdict, theme.GREY),
        "arrow": _ARROWS.get(row.better, ""),
        "text": _text(row),
    }


def _text(row: Compared) -> str:
    if row.ratio is None:
        return f"{UNDEFINED} ({why_no_ratio(row)})"
    if row.low is None or row.high is None:
        return f"{times(row.ratio)}, {row.verdict}"
    return f"{times(row.ratio)} [{interval(row)}] {row.verdict}"


def _dots(row: Compared) -> list[dict[str, Any]]:
    colour = _COLOURS.get(row.verdict, theme.GREY)
    return [
        {"name": _name(row), "ratio": ratio, "round": index + 1, "colour": colour}
        for index, ratio in enumerate(row.ratios)
        if ratio is not None and math.isfinite(ratio) and ratio > 0
    ]
