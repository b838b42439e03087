"""Comparisons: what is paired with what, and which words follow."""

import numpy as np
import pytest
from comparison.sessions import paired_table
from metrics.request_tables import request_table
from scipy import stats
from triphase_benchmark.comparison.paired import compare, dropped_pairs
from triphase_benchmark.comparison.pairs import DroppedPair
from triphase_benchmark.comparison.tokenizers import tokenizers_differ, tokens_per_character
from triphase_benchmark.comparison.unpaired import compare_unpaired
from triphase_benchmark.comparison.verdicts import Verdict
from triphase_benchmark.metrics.tables import COMPARISON
from triphase_benchmark.run.selftest.sessions import table

TTFT = ("ttft", "p50")
E2E = ("e2e", "p50")
SPEED = ("output_throughput", "rate")
SLOWER = [1.20, 1.22, 1.18, 1.25, 1.21, 1.19, 1.20, 1.23]
SAME = [1.02, 0.98, 1.03, 0.97, 1.01, 0.99, 1.02, 0.98]


def test_a_row_holds_the_geometric_mean_its_interval_and_every_ratio() -> None:
    (row,) = compare(paired_table(SLOWER, [TTFT]), baseline="base", primary=[TTFT]).to_pylist()
    logs = np.log(SLOWER)
    low, high = np.exp(stats.ttest_1samp(logs, 0).confidence_interval(0.95))
    assert list(row) == COMPARISON.names
    assert row["ratio"] == pytest.approx(np.exp(logs.mean()))
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert row["ratios"] == pytest.approx(SLOWER)
    assert (row["rounds"], row["confidence"], row["paired"]) == (8, 0.95, True)
    assert (row["p_value"], row["p_holm"]) == (2 / 256, 2 / 256)
    assert (row["baseline"], row["engine"], row["better"], row["verdict"]) == ("base", "new", "lower", "worse")


@pytest.mark.parametrize(
    ("measure", "ratios", "verdict"),
    [
        (TTFT, SLOWER, Verdict.WORSE),
        (TTFT, [1 / ratio for ratio in SLOWER], Verdict.BETTER),
        (SPEED, SLOWER, Verdict.BETTER),
        (SPEED, [1 / ratio for ratio in SLOWER], Verdict.WORSE),
        (TTFT, SAME, Verdict.NOT_SHOWN),
        (TTFT, [1.0] * 8, Verdict.NOT_SHOWN),
        (TTFT, [1.001] * 7 + [9.0], Verdict.NOT_SHOWN),  # p = 2 / 256, and an interval from 0.69 to 2.5
        (TTFT, SLOWER[:6], Verdict.WORSE),
        (TTFT, SLOWER[:5], Verdict.TOO_FEW),  # 2 / 2^5 > 0.05
        (TTFT, SLOWER[:1], Verdict.TOO_FEW),
    ],
)
def test_verdicts(measure: tuple[str, str], ratios: list[float], verdict: Verdict) -> None:
    (row,) = compare(paired_table(ratios, [measure]), baseline="base", primary=[measure]).to_pylist()
    assert row["verdict"] == verdict


def test_one_round_has_a_ratio_and_no_interval() -> None:
    (row,) = compare(paired_table([1.5], [TTFT]), baseline="base", primary=[TTFT]).to_pylist()
    assert (row["ratio"], row["low"], row["high"], row["ratios"]) == (pytest.approx(1.5), None, None, [1.5])


def test_primary_measures_are_corrected_together() -> None:
    measures = [TTFT, E2E, SPEED]
    rows = compare(paired_table(SLOWER, measures), baseline="base", primary=measures).to_pylist()
    assert [row["p_value"] for row in rows] == [2 / 256] * 3
    assert [row["p_holm"] for row in rows] == [6 / 256] * 3
    many = [(name, "p50") for name in ("ttft", "tpot", "e2e", "ntpot", "ttfa", "icl", "itl")]
    rows = compare(paired_table(SLOWER, many), baseline="base", primary=many).to_pylist()
    assert {row["verdict"] for row in rows} == {Verdict.TOO_FEW}  # 7 times 2 / 256 > 0.05


def test_other_measures_speak_only_where_a_primary_one_has() -> None:
    def told(primary: list[float], other: list[float]) -> str:
        rows = [
            (number, engine, measure, factor, None)
            for measure, ratios in ((TTFT, primary), (E2E, other))
            for number, ratio in enumerate(ratios)
            for engine, factor in (("base", 1.0), ("new", ratio))
        ]
        found = compare(table(rows), baseline="base", primary=[TTFT]).to_pylist()
        assert [row["p_holm"] is None for row in found] == [False, True]
        return str(found[1]["verdict"])

    assert told(SAME, SLOWER) == Verdict.NOT_SHOWN
    assert told(SLOWER, SLOWER) == Verdict.WORSE
    assert told(SLOWER, SAME) == Verdict.NOT_SHOWN


def test_a_void_round_drops_its_pair_and_is_told_once() -> None:
    rows = [
        (number, engine, measure, 1.0 + number, "60 of 100 requests failed" if (number, engine) == (2, "new") else None)
        for number in range(8)
        for engine in ("base", "new", "third")
        for measure in (TTFT, E2E)
        if (number, engine) != (5, "third")
    ]
    rounds = table(rows)
    counted = {(row["engine"], row["metric"]): row["rounds"] for row in compare(rounds, baseline="base").to_pylist()}
    assert {counted["new", "ttft"], counted["new", "e2e"], counted["third", "ttft"]} == {7}
    assert dropped_pairs(rounds, baseline="base") == [
        DroppedPair(round=2, engine="new", reason="60 of 100 requests failed"),
        DroppedPair(round=5, engine="third", reason="it did not run"),
    ]


def test_a_void_round_of_the_baseline_drops_the_pairs_of_all() -> None:
    rows = [
        (number, engine, TTFT, 1.0, "void" if (number, engine) == (0, "base") else None)
        for number in range(3)
        for engine in ("base", "new", "third")
    ]
    told = compare(table(rows), baseline="base", primary=[TTFT]).to_pylist()
    assert [(row["engine"], row["rounds"]) for row in told] == [("new", 2), ("third", 2)]
    assert dropped_pairs(table(rows), baseline="base") == [DroppedPair(round=0, engine="base", reason="void")]


def test_an_undefined_value_drops_the_pair_of_its_measure_alone() -> None:
    rows = [
        (number, engine, measure, None if (number, engine, measure) == (1, "new", TTFT) else 1.0, None)
        for number in range(4)
        for engine in ("base", "new")
        for measure in (TTFT, E2E)
    ]
    told = compare(table(rows), baseline="base", primary=[TTFT, E2E]).to_pylist()
    assert [(row["metric"], row["rounds"]) for row in told] == [("ttft", 3), ("e2e", 4)]
    assert dropped_pairs(table(rows), baseline="base") == []


def test_a_primary_measure_that_nobody_has_is_told_and_others_are_left_out() -> None:
    rows = [
        (number, engine, measure, None, None)
        for number in range(8)
        for engine in ("base", "new")
        for measure in (TTFT, E2E)
    ]
    (row,) = compare(table(rows), baseline="base", primary=[TTFT]).to_pylist()
    assert (row["metric"], row["rounds"], row["ratio"], row["p_value"], row["p_holm"]) == ("ttft", 0, None, None, None)
    assert (row["ratios"], row["verdict"]) == ([], Verdict.TOO_FEW)


def test_where_a_value_is_zero_there_is_no_ratio_but_a_verdict() -> None:
    goodput = ("goodput", "rate")
    rows = [
        (number, engine, goodput, value, None)
        for number in range(8)
        for engine, value in (("base", 5.0 + number), ("new", 0.0))
    ]
    (row,) = compare(table(rows), baseline="base", primary=[goodput]).to_pylist()
    assert (row["ratio"], row["low"], row["high"], row["ratios"]) == (None, None, None, [0.0] * 8)
    assert (row["p_value"], row["verdict"]) == (2 / 256, Verdict.WORSE)
    (row,) = compare(table(rows), baseline="new", primary=[goodput]).to_pylist()
    assert (row["ratio"], row["ratios"], row["verdict"]) == (None, [None] * 8, Verdict.BETTER)


def test_a_baseline_that_did_not_run_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no round of old.*base, new"):
        compare(paired_table(SAME, [TTFT]), baseline="old")


def test_two_runs_are_compared_as_unpaired() -> None:
    first, second = paired_table(SAME, [TTFT, SPEED]), paired_table([2.0] * 8, [TTFT, SPEED])
    told = compare_unpaired(first, second, baseline="new", engine="new", primary=[TTFT, SPEED]).to_pylist()
    assert [row["paired"] for row in told] == [False, False]
    assert {(row["baseline"], row["engine"], row["rounds"]) for row in told} == {("new", "new", 8)}
    before, after = np.log(np.arange(1, 9) * SAME), np.log(np.arange(1, 9) * 2.0)
    reference = stats.ttest_ind(after, before, equal_var=False)
    assert told[0]["p_value"] == pytest.approx(reference.pvalue)
    assert told[0]["ratio"] == pytest.approx(np.exp(after.mean() - before.mean()))
    assert told[0]["ratios"] == []
    # What pairs would have shown beyond doubt, the spread of unpaired rounds hides.
    assert told[0]["verdict"] == Verdict.NOT_SHOWN


def test_two_runs_that_differ_beyond_their_spread() -> None:
    rows = [(number, "new", TTFT, 1.0 + 0.01 * (number % 3), None) for number in range(8)]
    slower = [(number, "new", TTFT, 2.0 + 0.01 * (number % 3), None) for number in range(5)]
    (row,) = compare_unpaired(table(rows), table(slower), baseline="new", engine="new", primary=[TTFT]).to_pylist()
    assert (row["verdict"], row["rounds"]) == (Verdict.WORSE, 5)
    (row,) = compare_unpaired(table(rows), table(slower[:1]), baseline="new", engine="new", primary=[TTFT]).to_pylist()
    assert (row["verdict"], row["low"]) == (Verdict.TOO_FEW, None)
    with pytest.raises(ValueError, match="no round of base"):
        compare_unpaired(table(rows), table(slower), baseline="base", engine="new")


def answer(engine: str, tokens: int | None, characters: int, **more: object) -> dict[str, object]:
    return {"engine": engine, "output_tokens": tokens, "output_characters": characters, "chunk_times": [1], **more}


def test_tokens_per_character_are_those_of_what_is_seen() -> None:
    rows = [
        answer("a", 10, 40),
        answer("a", 30, 120),
        answer("a", 99, 1, error="reset"),
        answer("a", None, 1000),
        answer("b", 50, 100, reasoning_tokens=25),  # hidden thoughts
        answer("b", 50, 100, reasoning_tokens=25, reasoning_characters=100),
        answer("c", None, 100),
    ]
    assert tokens_per_character(request_table(rows)) == {"a": 0.25, "b": 0.25}


@pytest.mark.parametrize(
    ("ratios", "differ"),
    [
        ({"a": 0.250, "b": 0.2524}, False),
        ({"a": 0.250, "b": 0.2526}, True),
        ({"a": 0.2526, "b": 0.250}, True),
        ({"a": 0.25}, False),
        ({}, False),
    ],
)
def test_more_than_one_percent_is_another_tokenizer(ratios: dict[str, float], differ: bool) -> None:
    assert tokenizers_differ(ratios) == differ
