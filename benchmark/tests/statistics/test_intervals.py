"""Intervals and p-values: against scipy's own tests, and against what they promise."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from triphase_benchmark.statistics.binomial import clopper_pearson, likely_counts, wilson
from triphase_benchmark.statistics.holm import holm
from triphase_benchmark.statistics.intervals import (
    equivalence_p_value,
    mean_bound,
    mean_interval,
    welch_interval,
    welch_p_value,
)

FIRST = np.array([0.1, 0.3, -0.2, 0.5, 0.25, 0.4])
SECOND = np.array([0.4, 0.9, 0.6, 0.2])


def test_a_mean_and_its_interval() -> None:
    found = mean_interval(FIRST)
    low, high = stats.ttest_1samp(FIRST, 0).confidence_interval(0.95)
    assert (found.estimate, found.low, found.high) == pytest.approx((FIRST.mean(), low, high))


def test_welch() -> None:
    reference = stats.ttest_ind(SECOND, FIRST, equal_var=False)
    found = welch_interval(FIRST, SECOND)
    low, high = reference.confidence_interval(0.95)
    assert (found.estimate, found.low, found.high) == pytest.approx((SECOND.mean() - FIRST.mean(), low, high))
    assert welch_p_value(FIRST, SECOND) == pytest.approx(reference.pvalue)


def test_one_value_has_no_interval() -> None:
    found = mean_interval(FIRST[:1])
    assert (found.estimate, found.low, found.high) == (0.1, None, None)
    assert mean_bound(FIRST[:1], 0.05) is None
    assert welch_p_value(FIRST[:1], SECOND) is None
    assert equivalence_p_value(FIRST[:1], 1.0) is None


def test_values_without_spread_are_beyond_doubt() -> None:
    same = np.full(4, 0.5)
    assert mean_bound(same, 0.05) == (0.5, 0.5)
    assert welch_p_value(same, same) == 1.0
    assert welch_p_value(same, same + 1) == 0.0
    assert equivalence_p_value(same, 0.6) == 0.0
    assert equivalence_p_value(same, 0.4) == 1.0


def test_a_bound_fails_on_one_side_only() -> None:
    bound = mean_bound(FIRST, 0.025)
    interval = mean_interval(FIRST, 0.95)
    assert bound == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("margin", [0.1, 0.3, 0.6, 1.0])
def test_equivalence_is_two_one_sided_tests(margin: float) -> None:
    above = stats.ttest_1samp(FIRST, -margin, alternative="greater").pvalue
    below = stats.ttest_1samp(FIRST, margin, alternative="less").pvalue
    assert equivalence_p_value(FIRST, margin) == pytest.approx(max(above, below))


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (3, 10), (20, 400), (1, 1)])
def test_clopper_pearson(successes: int, trials: int) -> None:
    reference = stats.binomtest(successes, trials).proportion_ci(0.95, method="exact")
    assert clopper_pearson(successes, trials) == pytest.approx((reference.low, reference.high))


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (3, 10), (20, 400), (1, 1)])
def test_wilson(successes: int, trials: int) -> None:
    reference = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson(successes, trials) == pytest.approx((reference.low, reference.high), abs=1e-12)


@pytest.mark.parametrize("interval", [clopper_pearson, wilson])
@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3), (0, 0)])
def test_shares_that_are_none_are_refused(
    interval: Callable[[int, int], tuple[float, float]], successes: int, trials: int
) -> None:
    with pytest.raises(ValueError, match="trials"):
        interval(successes, trials)


def test_likely_counts_are_those_that_chance_leaves() -> None:
    low, high = likely_counts(0.05, 400, 0.999)
    of = stats.binom(400, 0.05)
    assert of.cdf(low - 1) < 0.0005 <= of.cdf(low)
    assert of.sf(high) <= 0.0005 < of.sf(high - 1)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.7, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_between_no_correction_and_bonferronis(p_values: list[float]) -> None:
    corrected = holm(p_values)
    for p, found in zip(p_values, corrected, strict=True):
        assert p <= found <= min(1.0, p * len(p_values)) + 1e-12
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(np.array(corrected)[order]) >= 0)
