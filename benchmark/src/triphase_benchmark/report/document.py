"""One HTML file with everything in it: style, charts' data, and the programs that draw them.

Its rule: the file needs no network and cannot use one. Its content security policy names its own scripts by their
hashes and allows no other, so that not even markup that slipped in could run. The programs are Vega's, taken at this
moment from the installed package vl-convert; its licence, and theirs, stand at the end of the page.
"""

import base64
import hashlib
import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import altair as alt
import vl_convert

from triphase_benchmark.report.markup import Html, data, element, joined
from triphase_benchmark.report.tables import Cell, Table

_HOME: Final = "triphase_benchmark.report"
_SNIPPET: Final = "window.vegaEmbed = vegaEmbed;"
_LICENCES: Final = (
    "The charts are drawn by Vega, Vega-Lite, Vega-Embed and Vega-Tooltip (University of Washington Interactive Data "
    "Lab; BSD-3-Clause), which use D3 (Mike Bostock; ISC) and lodash.debounce (OpenJS Foundation; MIT). They were "
    "bundled by vl-convert (BSD-3-Clause), whose licence has the same conditions as Vega's:"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart, what it shows in a sentence for those who do not see it, and the table that says the same."""

    spec: Mapping[str, Any]
    alternative: str
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page. `name`: its anchor."""

    name: str
    heading: str
    parts: tuple[Html | Figure, ...]


def document(title: str, head: Html, sections: Sequence[Section]) -> str:
    """The whole file."""
    specs: dict[str, Mapping[str, Any]] = {}
    body = joined(*(_section(section, specs) for section in sections))
    contents = element("ul", *(element("li", element("a", one.heading, href=f"#{one.name}")) for one in sections))
    scripts = (vega(), Html(_file("page.js")))
    page = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=_policy(scripts)),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("title", title),
            element("style", Html(_file("page.css"))),
        ),
        element(
            "body",
            element("header", head, element("nav", contents, aria_label="Contents")),
            element("main", body),
            element("footer", _licences()),
            *(element("script", data(spec), type="application/json", id=name) for name, spec in specs.items()),
            *(element("script", script) for script in scripts),
        ),
        lang="en",
    )
    return f"<!doctype html>\n{page}\n"


def table_markup(table: Table) -> Html:
    """A table, with row and column headings marked as such."""
    head = (element("th", title, scope="col", **_words(table, title)) for title in table.columns)
    rows = (element("tr", *_cells(table, row)) for row in table.rows)
    markup = element(
        "table", element("caption", table.caption), element("thead", element("tr", *head)), element("tbody", *rows)
    )
    return element("div", markup, class_="table", tabindex="0", role="region", aria_label=table.caption)


@cache
def vega() -> Html:
    """The programs that draw, in one script, which takes a second to bundle.

    Raises:
        ValueError: If they would end their own element.
    """
    wanted = alt.SCHEMA_VERSION.removeprefix("v").rpartition(".")[0]
    version = wanted if wanted in vl_convert.get_vegalite_versions() else None
    script: str = vl_convert.javascript_bundle(_SNIPPET, vl_version=version)
    if "</script" in script.lower() or "<!--" in script:
        raise ValueError("the bundle of vl-convert cannot stand inside a page")
    return Html(script)


def _cells(table: Table, row: Sequence[Cell]) -> Iterator[Html]:
    yield element("th", row[0].text, scope="row")
    for title, cell in zip(table.columns[1:], row[1:], strict=True):
        kinds = [*([cell.tone] if cell.tone else []), *(["words"] if title in table.words else [])]
        yield element("td", cell.text, **({"class_": " ".join(kinds)} if kinds else {}))


def _words(table: Table, title: str) -> Mapping[str, str]:
    return {"class_": "words"} if title in table.words else {}


def _section(section: Section, specs: dict[str, Mapping[str, Any]]) -> Html:
    parts = (_figure(part, specs) if isinstance(part, Figure) else part for part in section.parts)
    return element("section", element("h2", section.heading, id=section.name), *parts)


def _figure(figure: Figure, specs: dict[str, Mapping[str, Any]]) -> Html:
    name = f"chart-{len(specs) + 1}"
    specs[name] = figure.spec
    place = element("div", class_="chart", data_chart=name, role="img", aria_label=figure.alternative)
    drawn = element("figure", place, element("figcaption", figure.alternative))
    return element("div", drawn, *map(table_markup, figure.tables), class_="pair")


def _policy(scripts: Sequence[str]) -> str:
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    rules = ("default-src 'none'", f"script-src {allowed}", "style-src 'unsafe-inline'", "img-src data:")
    return "; ".join([*rules, "base-uri 'none'", "form-action 'none'"])


def _licences() -> Html:
    texts = [path.read_text() for path in importlib.metadata.files("vl-convert-python") or () if path.name == "LICENSE"]
    versions = f"Vega {vl_convert.get_vega_version()}, Vega-Embed {vl_convert.get_vega_embed_version()}"
    return element(
        "details",
        element("summary", "Licences of what draws the charts"),
        element("p", f"{_LICENCES} ({versions})"),
        *(element("pre", text) for text in texts),
        class_="faint",
    )


def _file(name: str) -> str:
    return files(_HOME).joinpath(name).read_text(encoding="utf-8")
