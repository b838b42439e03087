"""The files of a probe: `effort.json`, `effort.png` and `effort.html`, into its folder.

Its rule: each file is whole or not there. A probe of which no figure may be told has no picture, and its page says why.
"""

import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import vl_convert

from triphase_benchmark.effort.outcome import Probed
from triphase_benchmark.report.charts import theme
from triphase_benchmark.report.charts.comparison import framed
from triphase_benchmark.report.document import Figure, Section, document, table_markup
from triphase_benchmark.report.effort.chart import effort_chart
from triphase_benchmark.report.effort.results import results
from triphase_benchmark.report.effort.tables import conditions, headline, level_table, notes, pair_table
from triphase_benchmark.report.markup import Html, element, joined
from triphase_benchmark.report.words import harmless, named
from triphase_benchmark.report.writing import put

PICTURE: Final = "effort.png"
PAGE: Final = "effort.html"
RESULTS: Final = "effort.json"
_INK: Final = "#1b1f24"
_SCALE: Final = 2.0
_CHARACTERS: Final = 118


def write_effort(probed: Probed, folder: Path) -> tuple[Path, ...]:
    """Writes all files and returns their paths. Raises `OSError`."""
    return tuple(put(folder / name, content) for name, content in _contents(probed))


def picture(probed: Probed) -> bytes | None:
    """The PNG; `None` where no figure may be told."""
    chart = effort_chart(probed)
    if chart is None:
        return None
    title = f"Does {harmless(probed.asked.field, 40)} change how long {named(probed.asked.engine)} thinks?"
    whole = framed([chart], title=title, subtitle=_wrapped(headline(probed)), notes=_wrapped(*conditions(probed)))
    png: bytes = vl_convert.vegalite_to_png(theme.as_spec(whole, ink=_INK, ground="white"), scale=_SCALE)
    return png


def page(probed: Probed) -> str:
    """The HTML, as text."""
    title = f"Effort probe: {named(probed.asked.engine)}"
    head = joined(
        element("h1", title),
        element("p", headline(probed), class_="verdict"),
        *(element("p", line, class_="faint") for line in conditions(probed)),
    )
    sections = (
        Section(name="lengths", heading="Lengths", parts=tuple(_lengths(probed))),
        Section(name="notes", heading="What else was seen", parts=tuple(_notes(probed))),
        Section(name="run", heading="How it was measured", parts=(element("pre", shlex.join(probed.argv)),)),
    )
    return document(title, head, sections)


def _contents(probed: Probed) -> Iterator[tuple[str, bytes]]:
    yield RESULTS, results(probed).encode()
    png = picture(probed)
    if png is not None:
        yield PICTURE, png
    yield PAGE, page(probed).encode()


def _lengths(probed: Probed) -> Iterator[Html | Figure]:
    chart = effort_chart(probed)
    tables = [level_table(probed), *([pair_table(probed)] if probed.evidence is not None else [])]
    if chart is None:
        yield element("p", "There is no picture: of such a probe no figure is told.")
        yield from map(table_markup, tables)
    else:
        yield Figure(
            spec=theme.as_spec(chart),
            alternative="Reasoning tokens by level, the ratios of levels with their intervals, and right answers.",
            tables=tuple(tables),
        )


def _notes(probed: Probed) -> Iterator[Html | Figure]:
    found = notes(probed)
    yield element("ul", *(element("li", note) for note in found)) if found else element("p", "Nothing.")


def _wrapped(*texts: str) -> list[str]:
    return [line for text in texts for line in textwrap.wrap(text, _CHARACTERS)]
