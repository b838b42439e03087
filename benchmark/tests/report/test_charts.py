from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import vl_convert
from report.runs import Speed, a_run, comparison_rows, requests, round_rows
from triphase_benchmark.report.charts import theme
from triphase_benchmark.report.charts.against_load import load_chart
from triphase_benchmark.report.charts.axes import log_ticks
from triphase_benchmark.report.charts.by_round import round_chart
from triphase_benchmark.report.charts.comparison import comparison_chart
from triphase_benchmark.report.charts.distributions import distribution_chart, line
from triphase_benchmark.report.charts.flow import flow_chart
from triphase_benchmark.report.charts.phases import phase_chart
from triphase_benchmark.report.gathered import Gathered, gathered
from triphase_benchmark.report.histogram import Histogram
from triphase_benchmark.report.inputs import Inputs, LoadPoint
from triphase_benchmark.report.labelled import labelled
from triphase_benchmark.report.picture import picture, picture_chart


def values(spec: Any) -> Iterator[dict[str, Any]]:
    """All rows of data of a specification."""
    for rows in spec["datasets"].values():
        yield from rows


def texts(spec: Any) -> list[str]:
    """All texts of a specification."""
    if isinstance(spec, dict | list):
        return [text for one in (spec.values() if isinstance(spec, dict) else spec) for text in texts(one)]
    return [spec] if isinstance(spec, str) else []


def compiles(chart: theme.Chart) -> dict[str, Any]:
    """The specification, once Vega-Lite has taken it; altair has validated it against the schema."""
    spec = theme.as_spec(chart)
    assert vl_convert.vegalite_to_vega(spec)
    return spec


def test_the_comparison_draws_what_the_table_says(run: Inputs) -> None:
    rows = list(values(compiles(comparison_chart(run.comparison))))
    drawn = {row["name"]: row for row in rows if "arrow" in row}
    assert [drawn["TTFT p50"][key] for key in ("ratio", "low", "high")] == [
        getattr(run.comparison[0], key) for key in ("ratio", "low", "high")
    ]
    dots = [row["ratio"] for row in rows if row.get("name") == "TTFT p50" and "round" in row]
    assert tuple(dots) == run.comparison[0].ratios
    assert len(drawn) == len(run.comparison)


def test_the_axis_of_ratios_is_logarithmic_with_a_line_at_one(run: Inputs) -> None:
    spec = comparison_chart(run.comparison).to_dict()
    layers = spec["vconcat"][0]["layer"]
    assert {layer["encoding"]["x"]["scale"]["type"] for layer in layers if "x" in layer["encoding"]} == {"log"}
    assert layers[0]["mark"]["type"] == "rule"
    assert spec["datasets"][layers[0]["data"]["name"]] == [{"ratio": 1}]


def test_only_what_was_shown_has_a_colour(run: Inputs) -> None:
    drawn = [row for row in values(comparison_chart(run.comparison).to_dict()) if "arrow" in row]
    by_verdict = {row.verdict: bar["colour"] for row, bar in zip(run.comparison, drawn, strict=True)}
    assert by_verdict["better"] == theme.BETTER
    assert by_verdict["no difference shown"] == by_verdict["too few rounds"] == theme.GREY
    arrows = {row.better: bar["arrow"] for row, bar in zip(run.comparison, drawn, strict=True)}
    assert arrows == {"lower": "← better", "higher": "better →"}


def test_what_has_no_ratio_keeps_its_row_with_the_reason(run: Inputs) -> None:
    drawn = {row["name"]: row for row in values(comparison_chart(run.comparison).to_dict()) if "arrow" in row}
    assert drawn["TTFT p99"]["ratio"] is None
    assert drawn["TTFT p99"]["text"] == "\N{EN DASH} (no pair of rounds has both values)"


def test_one_round_has_a_ratio_and_no_interval() -> None:
    single = a_run(rounds=round_rows(rounds=1), table=requests(rounds=1))
    drawn = [row for row in values(compiles(comparison_chart(single.comparison))) if "arrow" in row]
    assert drawn[0]["low"] is None
    assert drawn[0]["text"].endswith("too few rounds")


def test_each_pair_of_engines_has_a_panel_that_says_what_is_simulated() -> None:
    engines = ["base", "new", "other"]
    told = [{"name": name, "simulated": name == "new"} for name in engines]
    run = a_run(manifest={"engines": told}, rounds=round_rows(engines))
    shown, _ = labelled(run, gathered(run))
    spec = comparison_chart(shown.comparison).to_dict()
    assert [panel["title"] for panel in spec["vconcat"]] == ["new (simulated) ÷ base", "other ÷ base"]


def test_two_stored_runs_are_called_unpaired() -> None:
    rows = [row | {"paired": False} for row in comparison_rows(round_rows())]
    spec = comparison_chart(a_run(comparison=rows).comparison).to_dict()
    assert spec["vconcat"][0]["title"].endswith(", unpaired")


def test_the_picture_tells_its_conditions(run: Inputs, found: Gathered) -> None:
    told = " ".join(texts(picture_chart(run, found).to_dict()))
    for condition in (
        "poisson:25",
        "8 rounds",
        "147 requests a round",
        "client ok",
        "prompts are unique",
        "simulated: vllm",
    ):
        assert condition in told
    ill = a_run(manifest={"calibration": {"client_ok": False, "why": "lag"}})
    assert "WITH CARE: The client was not fast enough" in " ".join(texts(picture_chart(ill, found).to_dict()))


def test_the_picture_is_a_png(run: Inputs, found: Gathered) -> None:
    png = picture(run, found)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width = int.from_bytes(png[16:20])
    assert 1_200 < width < 2_400


def test_nothing_to_compare_is_said_and_not_drawn() -> None:
    with pytest.raises(ValueError, match="nothing to compare"):
        comparison_chart([])


def test_distributions_rise_from_nothing_to_all(found: Gathered) -> None:
    points = line("vllm", found.spreads["vllm", "ttft"])
    shares = [point["share"] for point in points]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert points[-1]["seconds"] == found.spreads["vllm", "ttft"].quantiles([1])[0]
    assert len(points) < 120


def test_gaps_of_no_time_have_no_place_on_a_log_axis_and_lift_the_line() -> None:
    spread = Histogram()
    spread.add(np.array([0.0] * 60 + [0.02] * 30 + [0.04] * 10))
    points = line("a", spread)
    assert [round(point["seconds"], 3) for point in points[:2]] == [0.02, 0.02]
    assert [point["share"] for point in points[:2]] == [0.6, 0.9]


def test_a_distribution_of_one_value_or_none_is_not_drawn() -> None:
    one = Histogram()
    one.add(np.array([0.5]))
    assert distribution_chart({"a": one, "b": Histogram()}, "TTFT", ["a", "b"]) is None


def test_every_engine_has_a_colour_and_dashes_of_its_own(found: Gathered) -> None:
    engines = ["friendli", "vllm"]
    chart = distribution_chart({name: found.spreads[name, "itl"] for name in engines}, "ITL", engines)
    assert chart is not None
    encoding = compiles(chart)["encoding"]
    for channel in ("color", "strokeDash"):
        scale = encoding[channel]["scale"]
        assert scale["domain"] == engines
        assert scale["range"][0] != scale["range"][1]


@pytest.mark.parametrize("ground", ["#ffffff", "#14171b"])
def test_colours_are_seen_on_light_and_on_dark(ground: str) -> None:
    for colour in (*theme.PALETTE, theme.BETTER, theme.WORSE, theme.GREY):
        assert contrast(colour, ground) >= 3, colour


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, by WCAG 2.2."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_void_rounds_are_gaps(run: Inputs) -> None:
    rows = [row | ({"void": "died"} if row["round"] == 2 else {}) for row in round_rows()]
    broken = a_run(rounds=rows)
    chart = round_chart([row for row in broken.rounds if (row.metric, row.statistic) == ("ttft", "p50")], run.engines)
    assert chart is not None
    drawn = list(values(compiles(chart)))
    assert {row["round"] for row in drawn if row["value"] is not None} == {1, 2, 4, 5, 6, 7, 8}
    assert {row["round"] for row in drawn if row["value"] is None} == {3}


def test_a_sweep_is_drawn_by_the_median_of_its_rounds(run: Inputs) -> None:
    rows = [row for row in run.rounds if (row.metric, row.statistic) == ("ttft", "p50")]
    sweep = (LoadPoint(value=4, rounds=(0, 1, 2)), LoadPoint(value=8, rounds=(3, 4, 5)))
    chart = load_chart(rows, sweep, run.engines)
    assert chart is not None
    points = [row for row in values(compiles(chart)) if "text" in row]
    first = next(point for point in points if (point["engine"], point["load"]) == ("vllm", 4))
    assert first["value"] == sorted(row.value or 0 for row in rows if row.engine == "vllm" and row.round < 3)[1]
    assert load_chart(rows, (), run.engines) is None


def test_throughput_over_time_is_drawn_of_bins(found: Gathered) -> None:
    chart = flow_chart(found.flows, ["vllm", "friendli"])
    assert chart is not None
    assert len([row for row in values(compiles(chart)) if row["engine"] == "vllm"]) <= 120
    assert flow_chart({}, ["vllm"]) is None


def test_phases_come_in_their_order_and_of_gateways_alone() -> None:
    both = {"direct": Speed(), "gateway": Speed(gateway=True)}
    found = gathered(a_run(table=requests(speeds=both, rounds=2), rounds=round_rows(list(both), 2)))
    names = ("accepted", "prompt_summary", "reasoning_summary", "ttft", "ttfa", "e2e")
    assert phase_chart({name: found.spreads["direct", name] for name in names}, "#000000") is None
    chart = phase_chart({name: found.spreads["gateway", name] for name in names}, "#000000")
    assert chart is not None
    rows = {row["phase"]: row for row in values(compiles(chart))}
    assert list(rows) == ["accepted", "prompt summary", "first token", "reasoning summary", "first output", "end"]
    assert all(row["low"] <= row["median"] <= row["high"] for row in rows.values())


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.79, 1.11, [0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1]),
        (0.9, 9.5, [1, 2, 3, 4, 5, 7]),
        (0.04, 9, [0.05, 0.1, 0.2, 0.5, 1, 2, 5]),
        (1e-6, 2, [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, ticks: list[float]) -> None:
    assert log_ticks(low, high) == ticks


def test_names_in_charts_hold_no_control_characters(run: Inputs) -> None:
    bad = "name\u202e\x1b[31m"
    rows = [row | {"engine": bad} if row["engine"] == "friendli" else row for row in round_rows()]
    broken = a_run(rounds=rows)
    spec = theme.as_spec(comparison_chart(broken.comparison))
    assert not any("\x1b" in text or "\u202e" in text for text in texts(spec))
