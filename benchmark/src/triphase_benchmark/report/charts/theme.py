"""How pictures look: colours, type and axes, for a page that may be light or dark and for a PNG on white.

Its rule: on a page all ink is `currentColor`, so a chart follows its page, on paper too, without being drawn again. The
colours of engines and verdicts are of a middle tone, with a contrast of 3 : 1 on both grounds (WCAG 2.2, 1.4.11), and
none of them says anything alone: lines have dashes too, and verdicts have words.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import altair as alt

from triphase_benchmark.report.words import harmless

PALETTE: Final = ("#3f7fc4", "#d0601a", "#1f9270", "#a45fc0", "#c2528b", "#8a7a1c", "#5f7d8c", "#b0524a")
_DASHES: Final = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4], [10, 2], [1, 3], [6, 2, 1, 2])
BETTER: Final = "#1f9270"
WORSE: Final = "#d0601a"
GREY: Final = "#808790"
_FONT: Final = "Liberation Sans, Arial, Helvetica, sans-serif"

_LEGEND: Final = alt.Legend(title=None, orient="top", symbolType="stroke", symbolSize=220, symbolOpacity=1)

Chart: TypeAlias = alt.LayerChart | alt.FacetChart | alt.VConcatChart | alt.HConcatChart | alt.Chart


def as_spec(chart: Chart, *, ink: str = "currentColor", ground: str | None = None) -> dict[str, Any]:
    """The Vega-Lite specification, with the looks in it. `ground`: the background; none on a page."""
    spec: dict[str, Any] = _harmless(chart.to_dict())
    return {**spec, "config": _config(ink), "background": ground or "transparent"}


def _harmless(value: Any) -> Any:
    """A specification without control characters: names in it are whatever a user or an engine calls itself."""
    if isinstance(value, dict):
        return {key: _harmless(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_harmless(one) for one in value]
    return harmless(value) if isinstance(value, str) else value


def _config(ink: str) -> Mapping[str, Any]:
    text = {"color": ink, "fontWeight": "normal", "font": _FONT}
    return {
        "font": _FONT,
        "view": {"stroke": None},
        "title": {**text, "anchor": "start", "fontSize": 13, "fontWeight": "bold", "subtitleColor": ink},
        "text": {"color": ink, "fill": ink, "fontSize": 12},
        "rule": {"color": ink},
        "axis": {
            "labelColor": ink,
            "labelFontSize": 12,
            "titleColor": ink,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "gridColor": ink,
            "gridOpacity": 0.13,
            "domainColor": ink,
            "domainOpacity": 0.5,
            "tickColor": ink,
            "tickOpacity": 0.5,
        },
        "legend": {
            "labelColor": ink,
            "labelFontSize": 12,
            "titleColor": ink,
            "symbolStrokeWidth": 2.5,
            "labelLimit": 560,  # so that of the longest name the end is seen, which says that it is simulated
        },
        "header": {"labelColor": ink, "titleColor": ink},
    }


def colours(engines: Sequence[str]) -> alt.Color:
    """Each engine's colour, the same in all pictures."""
    return alt.Color("engine:N", scale=_scale(engines, PALETTE), legend=_LEGEND)


def dashes(engines: Sequence[str]) -> alt.StrokeDash:
    """Each engine's dashes, for those who do not see its colour."""
    return alt.StrokeDash("engine:N", scale=_scale(engines, _DASHES), legend=_LEGEND)


def _scale(engines: Sequence[str], values: Sequence[Any]) -> alt.Scale:
    return alt.Scale(domain=list(engines), range=[values[index % len(values)] for index in range(len(engines))])
