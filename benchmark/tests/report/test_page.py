"""The page as a browser reads it: what is markup, what is text, and that nothing comes from elsewhere."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from report.runs import Speed, a_run, comparison_rows, requests, round_rows
from triphase_benchmark.report import markup
from triphase_benchmark.report.gathered import Gathered, gathered
from triphase_benchmark.report.inputs import Inputs
from triphase_benchmark.report.page import page

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\x1b[31m"


class Page(HTMLParser):
    """The elements of a page, the scripts' contents, and all text outside of them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.words = ""
        self.headings: list[tuple[str, str]] = []
        self._script: dict[str, str | None] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._script = dict(attrs) if tag == "script" else None

    def handle_endtag(self, tag: str) -> None:
        self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self.scripts.append((self._script, data))
        else:
            self.words += data
            if self.elements and re.fullmatch("h[1-6]", tag := self.elements[-1][0]):
                self.headings.append((tag, data))

    @property
    def specs(self) -> dict[str, Any]:
        return {
            str(told["id"]): json.loads(text) for told, text in self.scripts if told.get("type") == "application/json"
        }


@pytest.fixture(scope="module")
def plain(run: Inputs, found: Gathered) -> Page:
    return Page(page(run, found))


@pytest.fixture(scope="module")
def evil() -> Page:
    speeds = {EVIL: Speed(), "gateway": Speed(gateway=True)}
    rows = round_rows(list(speeds))
    rows = [row | ({"void": EVIL, "value": None} if row["round"] == 2 else {}) for row in rows]
    told = {"name": EVIL, "url": EVIL, "profile": EVIL, "model": EVIL, "version": EVIL, "simulated": True}
    table = requests(speeds=speeds)
    details = table.column("error").to_pylist()
    place = table.schema.get_field_index("error_detail")
    table = table.set_column(place, table.schema.field(place), [[EVIL if kind else None for kind in details]])
    manifest = {
        "engines": [told, {"name": "gateway"}],
        "argv": [EVIL],
        "problems": [EVIL],
        "load": EVIL,
        "workload": EVIL,
        "cache": EVIL,
        "machine": {EVIL: EVIL},
        "calibration": {"client_ok": False, "why": EVIL},
        "slo": {EVIL: 1},
        "sweep": [{"value": 4, "rounds": [0, 1, 3]}, {"value": 8, "rounds": [4, 5, 6]}],
    }
    run = a_run(manifest=manifest, rounds=rows, table=table)
    return Page(page(run, gathered(run)))


def test_what_engines_say_is_text_and_never_markup(plain: Page, evil: Page) -> None:
    assert {tag for tag, _ in evil.elements} <= {tag for tag, _ in plain.elements} | {"strong", "h3"}
    assert "img" not in {tag for tag, _ in evil.elements}
    assert not [name for _, attributes in evil.elements for name in attributes if name.startswith("on")]
    assert "<script>alert(1)" in evil.words
    assert "\x1b" not in evil.words


def test_scripts_are_ours_alone_and_the_policy_names_them(evil: Page) -> None:
    programs = [text for told, text in evil.scripts if told.get("type") is None]
    policy = next(str(told["content"]) for _, told in evil.elements if "Policy" in str(told.get("http-equiv")))
    hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in programs}
    assert set(re.findall(r"'sha256-([^']+)'", policy)) == hashes
    assert len(programs) == 2
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy


def test_nothing_comes_from_elsewhere(plain: Page) -> None:
    links = [
        told.get(name) for _, told in plain.elements for name in ("src", "href", "action", "data") if told.get(name)
    ]
    assert links
    assert all(str(link).startswith("#") for link in links)
    assert not {"link", "iframe", "object", "base"} & {tag for tag, _ in plain.elements}


def test_each_link_within_the_page_leads_somewhere(plain: Page) -> None:
    names = {told.get("id") for _, told in plain.elements}
    assert {str(told["href"])[1:] for tag, told in plain.elements if tag == "a"} <= names


def test_each_chart_has_words_for_those_who_do_not_see_it(plain: Page, evil: Page) -> None:
    for one in (plain, evil):
        charts = [told for _, told in one.elements if "data-chart" in told]
        assert len(charts) >= 9
        assert all(told["role"] == "img" and told["aria-label"] for told in charts)
        assert {told["data-chart"] for told in charts} == set(one.specs)


def test_headings_descend_without_a_leap(plain: Page) -> None:
    levels = [int(tag[1]) for tag, _ in plain.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_tables_mark_their_headings(plain: Page) -> None:
    assert {told.get("scope") for tag, told in plain.elements if tag == "th"} == {"row", "col"}
    assert len([tag for tag, _ in plain.elements if tag == "caption"]) == len(
        [tag for tag, _ in plain.elements if tag == "table"]
    )


def test_the_page_tells_the_run(plain: Page) -> None:
    for told in (
        "In 8 paired rounds, friendli (simulated) against vllm (simulated): better in TTFT p50",
        "triphase-benchmark run --engine vllm=http://127.0.0.1:8000 --iterations 8 --seed 42",
        "The speed of simulated engines is made up.",
        "too few requests for p99: n = 147",
        "TTFT ≤ 500 ms, TPOT ≤ 30.0 ms",
        "29 of 1,176 requests failed (reset 29)",
        "connection reset by peer",
        "2.47 %",  # of all requests, by kind
        "Linux 6.1",
        "BSD-3-Clause",
        "Redistributions in binary form must reproduce",
    ):
        assert told in plain.words


def test_a_client_that_was_too_slow_is_told_first(evil: Page) -> None:
    assert evil.words.index("The client was not fast enough") < evil.words.index("What was wrong with this run")
    assert "CLIENT NOT OK" in evil.words


def test_the_page_does_not_grow_with_the_requests() -> None:
    def size(each: int) -> int:
        run = a_run(table=requests(each=each, rounds=2))
        return sum(len(json.dumps(spec)) for spec in Page(page(run, gathered(run))).specs.values())

    assert size(2_000) < 1.3 * size(200)


@pytest.mark.parametrize("name", ["nothing", "one engine", "one round", "all failed"])
def test_a_run_that_has_little_to_show_says_so(name: str) -> None:
    failed = requests(rounds=1)
    every = failed.schema.get_field_index("error")
    failed = failed.set_column(every, failed.schema.field(every), [["connect"] * len(failed)])
    single = {"manifest": {"engines": [{"name": "vllm"}]}, "rounds": round_rows(["vllm"]), "comparison": []}
    runs: dict[str, Any] = {
        "nothing": {"manifest": {"engines": []}, "rounds": [], "comparison": [], "table": failed.slice(0, 0)},
        "one engine": single | {"table": requests(speeds={"vllm": Speed()})},
        "one round": {"rounds": round_rows(rounds=1), "table": requests(rounds=1)},
        "all failed": {"rounds": [], "table": failed},
    }
    run = a_run(**runs[name])
    said = Page(page(run, gathered(run))).words
    expected = {
        "nothing": "No engine gave tokens in a round that counts",
        "one engine": "Nothing was compared",
        "one round": "too few rounds",
        "all failed": "not one request succeeded",
    }
    assert expected[name] in said


def test_data_for_scripts_cannot_end_them() -> None:
    text = markup.data({"name": "</script><!--&\u2028\ud800"})
    assert not set("<>&\u2028\ud800") & set(text)
    assert json.loads(text) == {"name": "</script><!--&\u2028\ud800"}
    with pytest.raises(ValueError, match="JSON compliant"):
        markup.data({"value": float("nan")})


def test_attributes_are_escaped_too() -> None:
    assert markup.element("p", "<b>", class_='"><b>') == '<p class="&quot;&gt;&lt;b&gt;">&lt;b&gt;</p>'


def test_comparisons_of_three_engines_name_their_pairs() -> None:
    engines = ["base", "new", "other"]
    rows = round_rows(engines)
    run = a_run(
        rounds=rows, comparison=comparison_rows(rows), manifest={"engines": [{"name": name} for name in engines]}
    )
    assert "other ÷ base" in Page(page(run, gathered(run))).words


def test_whatever_names_a_simulated_engine_calls_it_so() -> None:
    speeds = {"this-engine": Speed(), "that-engine" * 5: Speed(gateway=True)}
    rows = round_rows(list(speeds))
    manifest = {
        "engines": [{"name": name, "simulated": True} for name in speeds],
        "argv": ["command"],
        "sweep": [{"value": 4, "rounds": [0, 1, 3]}, {"value": 8, "rounds": [4, 5, 6]}],
    }
    run = a_run(manifest=manifest, rounds=rows, comparison=comparison_rows(rows), table=requests(speeds=speeds))
    shown = Page(page(run, gathered(run)))
    assert len(shown.specs) >= 15
    for spec in shown.specs.values():
        drawn = json.dumps(spec)
        named = re.findall(r"th(?:is|at)-engine(?!that)[^\"]{,12}", drawn)
        assert all("-engine (simulated)" in name for name in named), named
        assert named or "first token" in drawn  # phases are of one engine, which is in the heading
    listed = ", ".join(speeds)
    words = shown.words.replace(f"Simulated: {listed}.", "").replace(f"simulated: {listed}", "")
    assert len(re.findall("this-engine", words)) > 20
    assert not re.findall(r"this-engine(?! \(simulated\))|that-engine(?!that| \(simulated\))", words)
    assert f"{'that-engine' * 5} (simulated)" in [text for _, text in shown.headings]
