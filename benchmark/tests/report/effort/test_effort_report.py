"""What is shown of a probe: one verdict in words, tables, JSON and pictures, and no figure where there may be none."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import vl_convert
from effort_fakes.population import Population
from effort_fakes.probes import a_probe
from rich.console import Console
from triphase_benchmark.effort.outcome import Probed
from triphase_benchmark.effort.values import Verdict
from triphase_benchmark.report.charts import theme
from triphase_benchmark.report.effort.chart import effort_chart
from triphase_benchmark.report.effort.progress import EffortSnapshot, LevelProgress
from triphase_benchmark.report.effort.results import results, told
from triphase_benchmark.report.effort.tables import conditions, headline, level_table, notes, p_written, pair_table
from triphase_benchmark.report.effort.terminal import print_effort
from triphase_benchmark.report.effort.writing import page, write_effort
from triphase_benchmark.report.progress import Mode, display
from triphase_benchmark.report.terminal import console_for
from triphase_benchmark.report.words import UNDEFINED

GRADED = {"none": 0.0, "low": 1.0, "medium": 2.5, "high": 6.0}
EVIL = "</script><script>alert(1)</script>\x1b[31m"
TIMES = "\N{MULTIPLICATION SIGN}"
LEAST = 20_000  # bytes of a picture with anything in it


@pytest.fixture(scope="module")
def graded() -> Probed:
    return a_probe(Population(factors=GRADED, seed=1))


@pytest.fixture(scope="module")
def censored() -> Probed:
    return a_probe(Population(factors=GRADED, seed=1, limit=300), limit=300)


def test_the_verdict_comes_first_and_with_its_reason(graded: Probed) -> None:
    assert (
        headline(graded)
        == "vllm, reasoning_effort: graded. Reasoning grows with the level: none < low < medium < high."
    )
    assert headline(replace(graded, asked=replace(graded.asked, simulated=True))).startswith("vllm (simulated), ")


def test_conditions_tell_how_it_was_measured_and_the_controls(graded: Probed) -> None:
    lines = " ".join(conditions(graded))
    for said in ("120 of 120 requests", "12 prompts general, 2 seeds", "temperature 0.6", "at most 8192 tokens"):
        assert said in lines
    assert "Reasoning is counted by usage." in lines
    assert f"Control: medium asked for again gives {TIMES}" in lines
    assert f"Positive control: none gives {TIMES}0.00" in lines
    assert "Page's L = 360 (p < 0.0001)" in lines


def test_tables_have_a_row_for_each_level_and_pair(graded: Probed) -> None:
    levels, pairs = level_table(graded), pair_table(graded)
    assert [row[0].text for row in levels.rows] == ["none", "low", "medium", "high", "medium again"]
    assert [row[0].text for row in pairs.rows][:2] == ["low ÷ none", "medium ÷ none"]
    assert len(pairs.rows) == 6
    for table in (levels, pairs):
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert "right" not in levels.columns  # nobody can check these


def test_p_values_are_written() -> None:
    assert [p_written(value) for value in (None, 0.00001, 0.0123456, 1.0)] == [
        UNDEFINED, "p < 0.0001", "p = 0.0123", "p = 1.00",
    ]  # fmt: skip


def test_the_json_can_be_read_and_has_all_of_it(graded: Probed) -> None:
    found = json.loads(results(graded))
    assert (found["format"], found["version"], found["verdict"]) == ("triphase-benchmark-effort", 1, "graded")
    assert found["groups"] == [["none"], ["low"], ["medium"], ["high"]]
    assert len(found["samples"]) == 120
    pair = found["pairs"][-1]
    assert pair["interval"][0] < pair["ratio"] < pair["interval"][1]
    assert found["trend"]["page_l"] == 360
    assert found["positive_control"]["arm"] == "none"
    assert results(graded) == results(graded)


def test_keys_stand_in_the_order_of_the_page_of_documentation(graded: Probed) -> None:
    root = next(folder for folder in Path(__file__).parents if (folder / "docs" / "effort-probe.md").exists())
    text = (root / "docs" / "effort-probe.md").read_text(encoding="utf-8").split("## The JSON")[1]
    documented = [
        word.strip("` ")
        for line in text.splitlines()
        if line.startswith("| `")
        for word in line.split("|")[1].split(",")
    ]
    assert documented == list(told(graded))


def figures(value: Any) -> list[str]:
    """The panels of a chart, by their titles."""
    return [str(panel.get("title", "")) for panel in value["vconcat"]]


def test_the_picture_shows_lengths_ratios_and_right_answers(graded: Probed) -> None:
    chart = effort_chart(graded)
    assert chart is not None
    titles = figures(chart.to_dict())
    assert [title.split()[0] for title in titles] == ["Reasoning", "Ratios"]
    right = replace(graded, facts=tuple(replace(one, right=1, checked=2, accuracy=(0.1, 0.9)) for one in graded.facts))
    chart = effort_chart(right)
    assert chart is not None
    assert figures(chart.to_dict())[-1] == "Right answers by level"
    assert len(vl_convert.vegalite_to_svg(theme.as_spec(chart, ink="#000"))) > LEAST


def test_files_are_written_whole(graded: Probed, tmp_path: Path) -> None:
    paths = write_effort(graded, tmp_path)
    assert [path.name for path in paths] == ["effort.json", "effort.png", "effort.html"]
    assert (tmp_path / "effort.png").read_bytes().startswith(b"\x89PNG")
    assert len((tmp_path / "effort.png").read_bytes()) > LEAST
    html = (tmp_path / "effort.html").read_text(encoding="utf-8")
    assert 'src="http' not in html
    assert "triphase-benchmark effort --seed 1" in html


def test_without_a_figure_to_tell_there_is_no_picture_and_there_are_dashes(censored: Probed, tmp_path: Path) -> None:
    assert censored.judgement.verdict is Verdict.CENSORED
    assert effort_chart(censored) is None
    assert [path.name for path in write_effort(censored, tmp_path)] == ["effort.json", "effort.html"]
    assert all(row[1].text == row[2].text == UNDEFINED for row in level_table(censored).rows)
    assert pair_table(censored).rows == ()
    found = told(censored)
    assert found["pairs"] == []
    assert found["trend"] is found["twin"] is found["positive_control"] is None
    assert {level["reasoning_tokens"] for level in found["levels"]} == {None}
    assert TIMES not in " ".join([headline(censored), *conditions(censored)])


def test_a_terminal_gets_all_of_it(graded: Probed, censored: Probed) -> None:
    stream = io.StringIO()
    for one in (graded, censored):
        print_effort(one, console_for(stream))
    text = stream.getvalue()
    assert text.index("graded") < text.index("low ÷ none") < text.index("- a note") < text.index("censored")


def test_text_of_an_engine_never_becomes_markup(graded: Probed) -> None:
    evil = replace(graded, asked=replace(graded.asked, engine="e", model=EVIL), notes=(EVIL,))
    html = page(evil)
    assert "<script>alert" not in html
    assert "\x1b" not in html
    assert "\x1b" not in " ".join([*conditions(evil), *notes(evil)])


def test_notes_tell_what_is_odd(graded: Probed) -> None:
    low, high = graded.facts[1], graded.facts[3]
    odd = replace(graded, facts=(replace(low, empty=3, applied=("medium",)), replace(high, over=2)))
    assert notes(odd)[1:] == (
        "low: 3 of 24 answers are empty beside their reasoning",
        "low: the gateway says that it applied medium",
        "high: 2 of 24 answers thought for longer than that",
    )


SNAPSHOT = EffortSnapshot(
    engine="vllm",
    doing="asking",
    stage=1,
    stages=2,
    done=30,
    planned=120,
    in_flight=4,
    elapsed_s=10.0,
    levels=(LevelProgress(name="low", done=20, failed=1, tokens=141.0), LevelProgress(name="high", done=10, failed=0)),
)


def test_progress_tells_the_stage_the_time_left_and_each_level() -> None:
    line = SNAPSHOT.line()
    assert "vllm · stage 1 of 2 at most · asking · 30 of 120 requests · 4 in flight · 0:30 left" in line
    assert f"low 141, high {UNDEFINED}" in line
    assert replace(SNAPSHOT, done=0).left_s is None
    assert "before the first stage" in replace(SNAPSHOT, stage=0).line()
    console = Console(file=io.StringIO(), width=100, record=True)
    console.print(SNAPSHOT.drawn())
    drawn = console.export_text()
    assert "25%" in drawn
    assert "141" in drawn


@pytest.mark.parametrize(("mode", "lines"), [(Mode.PLAIN, 1), (Mode.JSON, 2), (Mode.QUIET, 0)])
def test_displays_of_all_commands_show_it(mode: Mode, lines: int) -> None:
    stream = io.StringIO()
    with display(mode, stream) as shown:
        shown.show(SNAPSHOT)
        shown.show(replace(SNAPSHOT, done=31))
    found = stream.getvalue().splitlines()
    assert len(found) == lines
    if mode is Mode.JSON:
        assert json.loads(found[0])["levels"][0] == {"name": "low", "done": 20, "failed": 1, "tokens": 141.0}
