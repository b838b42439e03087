"""The sign-flip test: exact by hand, by scipy, and by how often it is wrong."""

import numpy as np
import pytest
from scipy import stats
from triphase_benchmark.statistics.binomial import likely_counts
from triphase_benchmark.statistics.sign_flip import (
    growth_p_value,
    least_p_value,
    median_sign_flip_p_value,
    sign_flip_p_value,
)


def test_all_of_one_sign_is_the_least_that_there_is() -> None:
    for pairs in (1, 2, 5, 6, 8, 12):
        assert sign_flip_p_value(np.linspace(1, 2, pairs)) == least_p_value(pairs) == 2 / 2**pairs
    assert least_p_value(5) > 0.05 > least_p_value(6)
    assert least_p_value(0) == sign_flip_p_value(np.empty(0)) == 1.0


def test_by_hand() -> None:
    # Of the sums of +-1 +-2 +-3, |sum| >= 4 are 6, 4 and their opposites.
    assert sign_flip_p_value(np.array([-1.0, 2.0, 3.0])) == 4 / 8
    assert sign_flip_p_value(np.zeros(5)) == 1.0


def test_as_scipy_has_it() -> None:
    values = np.random.default_rng(5).normal(0.4, 1, size=10)
    reference = stats.permutation_test((values,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_p_value(values) == pytest.approx(reference.pvalue)


def test_many_pairs_are_drawn_from_a_seed() -> None:
    values = np.random.default_rng(6).normal(0.5, 1, size=20)
    drawn = sign_flip_p_value(values, seed=1)
    assert drawn == sign_flip_p_value(values, seed=1)
    assert drawn != sign_flip_p_value(values, seed=2)
    exact = stats.permutation_test((values,), np.sum, permutation_type="samples", n_resamples=100_000, rng=1).pvalue
    assert drawn == pytest.approx(exact, abs=0.005)
    assert sign_flip_p_value(np.ones(30)) == least_p_value(30) > 0


@pytest.mark.parametrize("pairs", [8, 12, 16])
def test_it_is_wrong_as_often_as_it_says(pairs: int) -> None:
    generator = np.random.default_rng(7)
    wrong = sum(sign_flip_p_value(generator.standard_t(2, size=pairs), seed=run) <= 0.05 for run in range(400))
    assert wrong <= likely_counts(0.05, 400)[1]


def test_units_are_flipped_as_a_whole() -> None:
    generator = np.random.default_rng(8)
    units = [generator.normal(shift, 0.1, size=50) for shift in (1, 2, 3, 4, 5, 6)]
    assert median_sign_flip_p_value(units) == least_p_value(6)
    assert median_sign_flip_p_value([*units, np.empty(0)]) == least_p_value(6)
    mixed = [-unit if place % 2 else unit for place, unit in enumerate(units)]
    assert median_sign_flip_p_value(mixed) > 0.3


def test_growth_is_the_one_side_of_it() -> None:
    # Of the sums of +-1 +-2 +-3, 4 or more are 4 and 6; -4 or more are all but -6.
    assert growth_p_value(np.array([-1.0, 2.0, 3.0])) == 2 / 8
    assert growth_p_value(np.array([1.0, -2.0, -3.0])) == 7 / 8
    assert growth_p_value(np.zeros(5)) == growth_p_value(np.empty(0)) == 1.0
    values = np.random.default_rng(7).normal(0.4, 1, size=20)
    reference = stats.permutation_test(
        (values,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="greater"
    )
    assert growth_p_value(values) == pytest.approx(reference.pvalue, abs=0.005)
    assert growth_p_value(values) + growth_p_value(-values) == pytest.approx(1, abs=0.01)
