"""`benchmark_comparison.png`: the normalised comparison as a picture that can be passed on alone.

Its rule: it carries its own conditions, since pictures travel without their pages: the load, how much was measured,
the client's health, the cache, and that an engine is simulated.
"""

import textwrap
from collections.abc import Sequence
from typing import Final

import vl_convert

from triphase_benchmark.report import headline
from triphase_benchmark.report.charts import theme
from triphase_benchmark.report.charts.comparison import comparison_panels, framed
from triphase_benchmark.report.gathered import Gathered
from triphase_benchmark.report.inputs import Inputs
from triphase_benchmark.report.labelled import labelled
from triphase_benchmark.report.wrong import wrongs

_INK: Final = "#1b1f24"
_GROUND: Final = "white"
_SCALE: Final = 2.0
_CHARACTERS: Final = 118
_WARNINGS: Final = 2


def picture(inputs: Inputs, found: Gathered) -> bytes:
    """The PNG. Raises `ValueError` where there is nothing to compare."""
    spec = theme.as_spec(picture_chart(inputs, found), ink=_INK, ground=_GROUND)
    png: bytes = vl_convert.vegalite_to_png(spec, scale=_SCALE)
    return png


def picture_chart(inputs: Inputs, found: Gathered) -> theme.Chart:
    """The chart that the picture shows."""
    inputs, found = labelled(inputs, found)
    return framed(
        comparison_panels(inputs.pictured),
        title=headline.title(inputs),
        subtitle=_wrapped([*_warnings(inputs, found), *headline.verdicts(inputs)]),
        notes=_wrapped([headline.legend(inputs), *headline.conditions(inputs, found)]),
    )


def _warnings(inputs: Inputs, found: Gathered) -> list[str]:
    """What makes the figures worthless, in short; the page tells all of it."""
    grave = [one.text for one in wrongs(inputs, found) if one.grave]
    more = [f"… and {len(grave) - _WARNINGS} more problems, see the report."] if len(grave) > _WARNINGS else []
    return [f"WITH CARE: {text}" for text in grave[:_WARNINGS]] + more


def _wrapped(texts: Sequence[str]) -> list[str]:
    return [line for text in texts for line in textwrap.wrap(text, _CHARACTERS)]
