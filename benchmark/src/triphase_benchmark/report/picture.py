"""`benchmark_comparison.png`: the normalised comparison as a picture that can be passed on alone.

Its rule: it carries its own conditions, since pictures travel without their pages: the load, how much was measured,
the client's health, the cache, and that an engine is simulated.
"""

import textwrap
from collections.abc import Sequence
from typing import Final

import altair as alt
import vl_convert

from triphase_benchmark.report import headline
from triphase_benchmark.report.charts import theme
from triphase_benchmark.report.charts.comparison import comparison_chart, framed
from triphase_benchmark.report.gathered import Gathered
from triphase_benchmark.report.inputs import Inputs

_INK: Final = "#1b1f24"
_GROUND: Final = "white"
_SCALE: Final = 2.0
_CHARACTERS: Final = 118


def picture(inputs: Inputs, found: Gathered) -> bytes:
    """The PNG. Raises `ValueError` where there is nothing to compare."""
    spec = theme.as_spec(picture_chart(inputs, found), ink=_INK, ground=_GROUND)
    png: bytes = vl_convert.vegalite_to_png(spec, scale=_SCALE)
    return png


def picture_chart(inputs: Inputs, found: Gathered) -> alt.VConcatChart:
    """The chart that the picture shows."""
    return framed(
        comparison_chart(inputs.comparison, inputs.facts.simulated),
        title=headline.title(inputs),
        subtitle=_wrapped(headline.verdicts(inputs)),
        notes=_wrapped([headline.legend(inputs), *headline.conditions(inputs, found)]),
    )


def _wrapped(texts: Sequence[str]) -> list[str]:
    return [line for text in texts for line in textwrap.wrap(text, _CHARACTERS)]
