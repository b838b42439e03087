"""The picture of README: how long the model thinks at each effort, and how often it is right.

Its rule: it says what it shows, and by how many answers. Tokens are means, the share of right answers has its interval
(Clopper-Pearson, 95 %). Settings differ by colour and by dashes.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import altair as alt
import vl_convert
from triphase_benchmark.report.charts import theme
from triphase_benchmark.statistics.binomial import clopper_pearson

from efforts.asking import EFFORTS, Measured

_Panel: TypeAlias = alt.LayerChart | alt.FacetChart

_WIDTH: Final = 330
_HEIGHT: Final = 250
# Where the figures of each setting stand beside their points.
_LABELS: Final = ((-8, -11), (0, -12), (17, 9))
_DASHES: Final = ([1, 0], [6, 3], [2, 2])


def rows(found: Sequence[Measured], names: dict[str, str]) -> list[dict[str, Any]]:
    """Returns one row for each setting and effort; `names` says what a setting is called in the picture.

    Of figures that would stand on one another the first is told.
    """
    made = [_row(one, names[one.setting]) for one in found]
    told: set[tuple[str, str]] = set()
    for row in made:
        place = (row["effort"], row["label"])
        row["label"] = "" if place in told else row["label"]
        told.add(place)
    return made


def _row(one: Measured, name: str) -> dict[str, Any]:
    low, high = clopper_pearson(one.right, len(one.answers))
    return {
        "engine": name,
        "effort": one.effort,
        "tokens": one.mean_reasoning,
        "label": f"{one.mean_reasoning:.0f}",
        "right": one.right / len(one.answers),
        "low": low,
        "high": high,
    }


def chart(found: Sequence[Measured], names: dict[str, str]) -> alt.HConcatChart:
    """Returns both panels."""
    data = alt.InlineData(values=rows(found, names))
    count = len(found[0].answers)
    shown = [name for setting, name in names.items() if any(one.setting == setting for one in found)]
    title = alt.TitleParams(
        "reasoning_effort on the reference model, through the gateway",
        subtitle=[
            f"{count} additions that its training never showed, each asked at every effort, answered greedily.",
            "All settings are the same weights of 1.3 million parameters, and the same questions.",
        ],
        anchor="start",
        offset=14,
    )
    return alt.hconcat(_tokens(data, shown), _right(data, shown), spacing=50).properties(title=title)


def picture(found: Sequence[Measured], names: dict[str, str]) -> bytes:
    """Returns the chart as PNG."""
    spec = theme.as_spec(chart(found, names), ink="#1b1f24", ground="white")
    spec["padding"] = 14
    png: bytes = vl_convert.vegalite_to_png(spec, scale=2.0)
    return png


def _tokens(data: alt.InlineData, shown: Sequence[str]) -> _Panel:
    base = alt.Chart(data).encode(x=_effort(), color=_colour(shown), strokeDash=_dash(shown))
    y = alt.Y("tokens:Q", title="reasoning tokens (mean)", scale=alt.Scale(zero=True))
    line = base.mark_line(strokeWidth=2.5).encode(y=y)
    points = base.mark_point(filled=True, size=70, opacity=1).encode(y=y, strokeDash=alt.value([1, 0]))
    labels = [
        base.transform_filter(alt.datum.engine == name)
        .mark_text(dx=dx, dy=dy, fontSize=12)
        .encode(y=y, text="label:N", strokeDash=alt.value([1, 0]))
        for name, (dx, dy) in zip(shown, _LABELS, strict=False)
    ]
    return alt.layer(line, points, *labels).properties(width=_WIDTH, height=_HEIGHT)


def _right(data: alt.InlineData, shown: Sequence[str]) -> _Panel:
    # Settings stand side by side, so that intervals do not lie over each other.
    base = alt.Chart(data).encode(x=_effort(), xOffset=alt.XOffset("engine:N", sort=list(shown)), color=_colour(shown))
    scale = alt.Scale(domain=[0, 1])
    axis = alt.Axis(format=".0%")
    title = "right answers (share, with its 95 % interval)"
    bars = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", scale=scale, axis=axis, title=title), y2="high:Q")
    points = base.mark_point(filled=True, size=70, opacity=1).encode(y=alt.Y("right:Q", scale=scale, axis=axis))
    return alt.layer(bars, points).properties(width=_WIDTH, height=_HEIGHT)


def _effort() -> alt.X:
    return alt.X("effort:N", sort=list(EFFORTS), title="reasoning.effort", axis=alt.Axis(labelAngle=0))


def _legend() -> alt.Legend:
    return alt.Legend(title=None, orient="bottom", columns=1, symbolType="stroke", symbolSize=220, symbolOpacity=1)


def _colour(shown: Sequence[str]) -> alt.Color:
    scale = alt.Scale(domain=list(shown), range=list(theme.PALETTE[: len(shown)]))
    return alt.Color("engine:N", scale=scale, legend=_legend())


def _dash(shown: Sequence[str]) -> alt.StrokeDash:
    scale = alt.Scale(domain=list(shown), range=list(_DASHES[: len(shown)]))
    return alt.StrokeDash("engine:N", scale=scale, legend=_legend())
