"""On a simulated clock: how often a whole probe is wrong where nothing is to be seen, and finds what is there.

Each count is judged by what chance leaves of the rate that is stated. Runs of every case are few by default; all 1 000
of them are those of `tox -e scale`.
"""

import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from effort_fakes.population import Population, design_of, played
from triphase_benchmark.effort.design import FIRST, Stage
from triphase_benchmark.effort.evidence import evidence_of
from triphase_benchmark.effort.values import Verdict
from triphase_benchmark.statistics.binomial import likely_counts

WHOLE = os.environ.get("TRIPHASE_BENCHMARK") == "full"
RUNS = 1000 if WHOLE else 40
ALPHA, EQUIVALENCE = 0.01, 0.05  # those of a design
SAME = {"low": 1.0, "medium": 1.0, "high": 1.0}
SWITCH = {"none": 0.0, "low": 1.0, "medium": 1.0, "high": 1.0}
GRADED = {"none": 0.0, "low": 1.0, "medium": 2.5, "high": 6.0}


def verdicts(factors: Mapping[str, float], *, stages: tuple[Stage, ...] = FIRST, **more: Any) -> Counter[Verdict]:
    found: Counter[Verdict] = Counter()
    for seed in range(RUNS):
        course = played(Population(factors=factors, seed=seed, **more), stages=stages)
        assert course.judgement is not None
        found[course.judgement.verdict] += 1
    return found


def most(share: float) -> int:
    """The most runs in which chance alone lets happen what has this share."""
    return likely_counts(share, RUNS)[1]


@pytest.mark.parametrize("more", [{}, {"per_hour": 1.0}, {"within": 0.8}], ids=str)
def test_an_effect_is_seen_where_there_is_none_as_seldom_as_stated(more: dict[str, Any]) -> None:
    found = verdicts(SAME, **more)
    assert found[Verdict.GRADED] + found[Verdict.BINARY] <= most(ALPHA)
    assert found[Verdict.NON_MONOTONE] <= most(ALPHA)
    assert found[Verdict.INVALID] <= most(ALPHA)  # of the level that is asked for twice


def test_levels_that_a_switch_alone_tells_apart_are_called_graded_as_seldom_as_stated() -> None:
    found = verdicts(SWITCH)
    assert found[Verdict.GRADED] <= most(ALPHA)
    assert found[Verdict.NON_MONOTONE] <= most(ALPHA)
    assert found[Verdict.NONE] == 0


def test_levels_at_the_margin_are_called_equal_as_seldom_as_stated() -> None:
    found = verdicts({"low": 1.0, "high": 1.15}, within=0.25)
    assert found[Verdict.NONE] <= most(EQUIVALENCE)


def test_an_engine_that_repeats_itself_shows_that_effort_does_nothing() -> None:
    assert verdicts(SAME, honours_seeds=True)[Verdict.NONE] >= RUNS - most(ALPHA)  # but for the twin
    assert verdicts(SWITCH, honours_seeds=True)[Verdict.BINARY] >= RUNS - most(ALPHA)


def test_little_noise_shows_it_too() -> None:
    found = verdicts(SAME, within=0.2)
    assert found[Verdict.NONE] > 0.75 * RUNS


def test_a_graded_engine_is_found_at_once() -> None:
    found = verdicts(GRADED, stages=FIRST[:1])
    assert found[Verdict.GRADED] >= 0.95 * RUNS
    assert found[Verdict.NONE] + found[Verdict.NON_MONOTONE] + found[Verdict.BINARY] <= most(ALPHA)


def test_a_higher_level_that_thinks_for_less_long_is_found() -> None:
    found = verdicts({"low": 1.0, "medium": 2.5, "high": 1.2})
    assert found[Verdict.NON_MONOTONE] >= 0.9 * RUNS


def test_answers_that_a_limit_cuts_off_give_no_figure() -> None:
    found = verdicts({"low": 1.0, "medium": 2.0, "high": 4.0}, limit=512)
    assert found == {Verdict.CENSORED: RUNS}


@pytest.mark.parametrize(
    "more", [{"fails": 1.0}, {"fails": 0.3}, {"hidden": True}, {"twin": 2.5}], ids=lambda more: next(iter(more))
)
def test_what_cannot_be_measured_gives_no_figure(more: dict[str, Any]) -> None:
    found = verdicts(GRADED, **more)
    assert found[Verdict.INVALID] >= 0.95 * RUNS
    assert found[Verdict.NONE] == 0


# How often a ratio of two levels is found, of the design's reference (a = 0.01, one stage, three seeds): prompts,
# spread of ln(length) within a prompt, true ratio, share.
POWER = [
    (20, 0.5, 1.5, 0.87),
    (20, 0.5, 1.3, 0.49),
    (20, 0.5, 2.0, 1.00),
    (12, 0.5, 1.5, 0.59),
    (12, 0.5, 2.0, 0.97),
    (30, 0.5, 1.3, 0.72),
    (30, 0.5, 1.5, 0.99),
    (20, 0.8, 1.5, 0.47),
    (20, 0.8, 2.0, 0.90),
]


@pytest.mark.parametrize(("prompts", "within", "ratio", "share"), POWER)
def test_an_effect_is_found_as_often_as_the_table_says(prompts: int, within: float, ratio: float, share: float) -> None:
    found = verdicts({"low": 1.0, "high": ratio}, stages=(Stage(prompts=prompts, draws=3),), within=within)
    # The table's shares have two digits, and come from counts themselves.
    least, highest = likely_counts(max(share - 0.03, 0.0), RUNS)[0], likely_counts(min(share + 0.03, 1.0), RUNS)[1]
    assert least <= found[Verdict.BINARY] <= highest


def test_the_interval_holds_the_true_ratio_as_often_as_stated() -> None:
    stages = (Stage(prompts=30, draws=3),)
    held = 0
    for seed in range(RUNS):
        population = Population(factors={"low": 1.0, "high": 1.5}, seed=seed)
        evidence = evidence_of(played(population, stages=stages).samples, design_of(population, stages=stages))
        assert evidence is not None
        interval = evidence.pair("low", "high").interval(seed=seed)
        assert interval is not None
        assert interval.low is not None
        assert interval.high is not None
        held += interval.low <= 1.5 <= interval.high
    low, high = likely_counts(0.95, RUNS)
    # Percentiles of so few prompts are a little too narrow: by about a factor of sqrt(29/30).
    assert low - 0.015 * RUNS <= held <= high


def test_more_of_it_shows_more() -> None:
    shown = [verdicts({"low": 1.0, "high": 1.5}, stages=FIRST[:count])[Verdict.BINARY] for count in (1, 2)]
    assert shown[0] < shown[1]
    assert shown[1] > 0.85 * RUNS


def test_the_same_seed_gives_the_same_probe() -> None:
    first, second = (played(Population(factors=GRADED, seed=4)) for _ in range(2))
    assert first.samples == second.samples
    assert first.judgement == second.judgement
