import pytest
from report.runs import a_run, round_rows
from triphase_benchmark.report.inputs import RoundValue
from triphase_benchmark.report.words import (
    UNDEFINED,
    duration,
    harmless,
    label,
    significant,
    times,
    titled,
    why_undefined,
    written,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (1.2345, "1.23 s"),
        (65.4321, "65.4 s"),
        (0.0123, "12.3 ms"),
        (4.56e-5, "45.6 µs"),
        (-0.002, "-2.00 ms"),
    ],
)
def test_durations_have_three_digits_in_a_unit_that_suits_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_great_figures_keep_all_their_digits() -> None:
    assert significant(12345.678) == "12,346"
    assert significant(1.5e-12) == "1.50e-12"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_undefined_is_a_dash_and_never_a_zero(value: float | None) -> None:
    assert written("ttft", value) == UNDEFINED == "\N{EN DASH}"
    assert times(value) == UNDEFINED


def test_each_metric_of_a_run_has_its_unit() -> None:
    assert written("error_rate", 0.021) == "2.10 %"
    assert written("output_throughput", 980.4) == "980 tok/s"
    assert written("goodput", 0.0) == "0 req/s"
    assert label("of tomorrow").title == "of tomorrow"
    assert (titled("ttft", "p99"), titled("goodput", "rate")) == ("TTFT p99", "Goodput")


@pytest.mark.parametrize(
    ("n", "statistic", "void", "why"),
    [
        (0, "p50", None, "no request has it"),
        (147, "p99", None, "too few requests for p99: n = 147"),
        (5, "mean", None, "undefined"),
        (5, "p50", "the engine\ndied", "void: the engine\\ndied"),
    ],
)
def test_an_undefined_value_has_its_reason(n: int, statistic: str, void: str | None, why: str) -> None:
    row = RoundValue(round=0, engine="e", metric="ttft", statistic=statistic, value=None, n=n, void=void)
    assert why_undefined(row) == why


def test_control_characters_are_shown_and_not_sent() -> None:
    assert harmless("\x1b[31mred\u202e\x00\ud800") == "\\x1b[31mred\\u202e\\x00\\ud800"
    assert harmless("a" * 600) == "a" * 500 + "…"


def test_a_manifest_that_tells_nothing_is_no_reason_to_fail() -> None:
    nothing = dict.fromkeys(("seed", "load", "argv", "engines", "machine", "calibration", "slo", "problems", "cache"))
    run = a_run(manifest=nothing, rounds=round_rows())
    assert run.facts.seed is None
    assert run.facts.calibration.client_ok is None
    assert run.engines == ("vllm", "friendli")
