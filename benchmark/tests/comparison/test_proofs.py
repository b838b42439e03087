"""On a simulated clock: how often comparisons are wrong where nothing differs, and hold the truth where something does.

Each count is judged by what chance leaves of the nominal rate. The naive ways go through the same sessions, and fail.
"""

import os

import numpy as np
import pyarrow as pa
import pytest
from metrics.request_tables import request_table
from scipy import stats
from triphase_benchmark.comparison.paired import compare
from triphase_benchmark.comparison.verdicts import PRIMARY, Verdict
from triphase_benchmark.metrics.rounds import rounds_of
from triphase_benchmark.plan.values import Load
from triphase_benchmark.run.selftest.sessions import Floats, rounds_table, session
from triphase_benchmark.statistics.binomial import likely_counts
from triphase_benchmark.statistics.bootstrap import ratio_interval
from triphase_benchmark.statistics.percentiles import percentile

SEEDS = range(400)
ROUNDS = 8
ONE = (("ttft", "p50"),)
WHOLE = os.environ.get("TRIPHASE_BENCHMARK") == "full"


def verdicts(rounds: pa.Table, primary: tuple[tuple[str, str], ...] = ONE) -> list[str]:
    return [str(row["verdict"]) for row in compare(rounds, baseline="base", primary=primary).to_pylist()]


def differs(p_value: float) -> bool:
    return p_value <= 0.05


def mann_whitney(latencies: Floats) -> float:
    """The naive way: all requests of each engine in one pool."""
    return float(stats.mannwhitneyu(latencies[:, 0].ravel(), latencies[:, 1].ravel()).pvalue)


def test_equal_engines_are_told_apart_as_seldom_as_stated() -> None:
    wrong = sum(verdicts(rounds_table(session(seed, rounds=ROUNDS))) != [Verdict.NOT_SHOWN] for seed in SEEDS)
    low, high = likely_counts(12 / 256, len(SEEDS))  # the largest level below 5 % that eight pairs have
    assert low <= wrong <= high


def test_requests_in_one_pool_tell_equal_engines_apart() -> None:
    _, most = likely_counts(0.05, len(SEEDS))
    interleaved = sum(differs(mann_whitney(session(seed, rounds=ROUNDS))) for seed in SEEDS)
    one_after_the_other = sum(differs(mann_whitney(session(seed, rounds=ROUNDS, sequential=True))) for seed in SEEDS)
    assert interleaved > 3 * most
    assert one_after_the_other > 6 * most


def test_pairs_of_sequential_rounds_take_drift_for_a_difference() -> None:
    _, most = likely_counts(0.05, len(SEEDS))
    wrong = sum(
        verdicts(rounds_table(session(seed, rounds=15, sequential=True))) != [Verdict.NOT_SHOWN] for seed in SEEDS
    )
    assert wrong > 3 * most


@pytest.mark.parametrize("effect", [0.05, 0.0])
def test_the_interval_holds_the_true_effect_as_often_as_stated(effect: float) -> None:
    held = 0
    for seed in SEEDS:
        row = compare(rounds_table(session(seed, rounds=ROUNDS, effect=effect)), baseline="base").to_pylist()[0]
        held += row["low"] <= 1 + effect <= row["high"]
    low, high = likely_counts(0.95, len(SEEDS))
    assert low <= held <= high


def test_an_interval_of_pooled_requests_does_not() -> None:
    held = 0
    for seed in SEEDS[:100]:
        latencies = session(seed, rounds=ROUNDS, effect=0.05)
        pool = (latencies[:, 0].ravel(), latencies[:, 1].ravel())
        found = ratio_interval([pool], lambda rows: np.median(rows, axis=-1), seed=seed, draws=100)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 1.05 <= found.high
    assert held < likely_counts(0.95, 100)[0]


def test_a_large_effect_is_shown_and_never_the_wrong_way_round() -> None:
    told = [verdicts(rounds_table(session(seed, rounds=ROUNDS, effect=0.15)))[0] for seed in SEEDS]
    assert told.count(Verdict.BETTER) == 0
    assert told.count(Verdict.WORSE) > 0.9 * len(SEEDS)


def test_more_rounds_show_a_smaller_effect() -> None:
    shown = [
        sum(verdicts(rounds_table(session(seed, rounds=rounds, effect=0.05)))[0] == Verdict.WORSE for seed in SEEDS)
        for rounds in (8, 15)
    ]
    assert shown[0] < shown[1]
    assert shown[1] > 0.5 * len(SEEDS)


# The same from the table of requests on: as many seeds as a test run has time for.


def requests_of(latencies: Floats) -> pa.Table:
    """Eight requests at a time; each has its first token after half of its latency."""
    rows = []
    for number, engines in enumerate(latencies):
        for engine, took in zip(("base", "new"), engines, strict=True):
            for lane in np.split((took * 1e9).astype(np.int64), 8):
                ends = np.cumsum(lane)
                rows += [
                    {"round": number, "engine": engine, "sent": end - one, "ended": end, "output_tokens": 9}
                    | {"chunk_times": [end - one // 2, end], "input_tokens": 20}
                    for one, end in zip(lane.tolist(), ends.tolist(), strict=True)
                ]
    return request_table(rows)


def test_from_requests_to_verdicts_where_nothing_differs() -> None:
    seeds = SEEDS if WHOLE else SEEDS[:40]
    wrong = 0
    for seed in seeds:
        rounds = rounds_of(requests_of(session(seed, rounds=ROUNDS)), load=Load.CLOSED)
        told = compare(rounds, baseline="base").to_pylist()
        assert {row["rounds"] for row in told if (row["metric"], row["statistic"]) in PRIMARY} == {ROUNDS}
        wrong += any(row["verdict"] in {Verdict.BETTER, Verdict.WORSE} for row in told)
    assert wrong <= likely_counts(0.05, len(seeds))[1]


def test_from_requests_to_verdicts_where_one_is_slower() -> None:
    rounds = rounds_of(requests_of(session(3, rounds=ROUNDS, effect=0.3)), load=Load.CLOSED)
    told = {(row["metric"], row["statistic"]): row for row in compare(rounds, baseline="base").to_pylist()}
    assert {told[measure]["verdict"] for measure in PRIMARY} == {Verdict.WORSE}
    assert told["e2e", "p50"]["low"] <= 1.3 <= told["e2e", "p50"]["high"]
    assert told["output_throughput", "rate"]["low"] <= 1 / 1.3 <= told["output_throughput", "rate"]["high"]
    assert told["e2e", "p90"]["verdict"] == Verdict.WORSE


# Coordinated omission: what a client that waits for a stalled engine does not see.


def stalled(count: int, gap_s: float, service_s: float, stall_s: float) -> list[dict[str, object]]:
    """One connection, a request scheduled every `gap_s`, and an engine that stands still for a while at the tenth."""
    free_s, rows = 0.0, []
    for number in range(count):
        scheduled_s = number * gap_s
        sent_s = max(scheduled_s, free_s)
        free_s = sent_s + service_s + (stall_s if number == 10 else 0.0)
        times = [round(second * 1e9) for second in (scheduled_s, sent_s, free_s)]
        rows.append(
            {"scheduled": times[0], "sent": times[1], "ended": times[2], "chunk_times": [times[2]], "output_tokens": 1}
        )
    return rows


def test_a_stall_shows_in_the_scheduled_p99_and_hides_in_that_since_sending() -> None:
    rounds = rounds_of(request_table(stalled(1000, 0.010, 0.005, 1.0)), load=Load.OPEN).to_pylist()
    p99 = {row["metric"]: row["value"] for row in rounds if row["statistic"] == "p99"}
    # Each request after the stall has waited one gap less and one service more than the one before it, and the
    # percentile is what ten have exceeded: 1.0 + 0.005 - 10 * (0.010 - 0.005). Of delays there is one fewer, since the
    # request that stalls was sent in time.
    assert p99["ttft"] == p99["e2e"] == 0.005
    assert p99["ttft_scheduled"] == p99["e2e_scheduled"] == 0.955
    assert p99["schedule_delay"] == 0.945


def test_goodput_of_an_open_loop_counts_from_the_schedule() -> None:
    table = request_table(stalled(1000, 0.010, 0.005, 1.0))
    rates = {}
    for load in Load:
        rounds = rounds_of(table, load=load, slos={"ttft": 0.1}).to_pylist()
        by_name = {row["metric"]: row["value"] for row in rounds if row["statistic"] == "rate"}
        rates[load] = by_name["goodput"] / by_name["request_throughput"]
    assert rates[Load.CLOSED] > 0.995
    assert rates[Load.OPEN] < 0.85


def test_a_percentile_of_the_schedule_is_computed_and_not_filled_in() -> None:
    rows = stalled(1000, 0.010, 0.005, 1.0)
    waits = np.array([float(str(row["ended"])) - float(str(row["scheduled"])) for row in rows]) / 1e9
    rounds = rounds_of(request_table(rows), load=Load.OPEN).to_pylist()
    told = {row["statistic"]: row["value"] for row in rounds if row["metric"] == "e2e_scheduled"}
    assert told["p90"] == percentile(waits, 0.9)
    assert told["mean"] == pytest.approx(waits.mean())
