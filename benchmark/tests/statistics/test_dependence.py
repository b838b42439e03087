"""Autocorrelation, steadiness, trends and the bootstrap."""

import numpy as np
import pytest
from scipy import stats
from triphase_benchmark.statistics.binomial import likely_counts
from triphase_benchmark.statistics.bootstrap import ratio_interval
from triphase_benchmark.statistics.dependence import effective_sample_size, lag_one_autocorrelation
from triphase_benchmark.statistics.trends import page_l

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def dependent(count: int, r: float, generator: np.random.Generator) -> Floats:
    values = generator.normal(size=count)
    for place in range(1, count):
        values[place] = r * values[place - 1] + np.sqrt(1 - r * r) * values[place]
    return values


def test_autocorrelation_by_hand() -> None:
    assert lag_one_autocorrelation(np.array([1.0, -1.0, 1.0, -1.0])) == -0.75
    assert lag_one_autocorrelation(np.array([2.0, 2.0, 2.0])) is None
    assert lag_one_autocorrelation(np.array([1.0, 2.0])) is None


def test_half_dependent_values_are_worth_a_third() -> None:
    values = dependent(20_000, 0.5, np.random.default_rng(9))
    assert lag_one_autocorrelation(values) == pytest.approx(0.5, abs=0.02)
    assert effective_sample_size(values) / values.size == pytest.approx(1 / 3, abs=0.02)


def test_values_are_never_worth_more_than_they_are() -> None:
    assert effective_sample_size(np.array([1.0, -1.0, 1.0, -1.0])) == 4.0
    assert effective_sample_size(np.full(5, 1.0)) == 5.0


ROWS = np.array([[1.0, 2.0, 4.0, 3.0], [2.0, 1.0, 3.0, 9.0], [0.0, 5.0, 4.0, 6.0], [1.0, 7.0, 8.0, 9.0]])


@pytest.mark.parametrize("rows", [ROWS, ROWS[:, ::-1], ROWS[:2, :3]], ids=["growing", "falling", "small"])
def test_pages_test_is_scipys_exact_one(rows: Floats) -> None:
    reference = stats.page_trend_test(rows, method="exact")
    assert page_l(rows) == pytest.approx((reference.statistic, reference.pvalue))


@pytest.mark.parametrize("ties", [True, False])
def test_pages_test_is_scipys_by_the_normal_distribution(ties: bool) -> None:
    rows = np.random.default_rng(10).normal(size=(12, 5 if ties else 9)) + np.arange(5 if ties else 9) * 0.2
    if ties:
        rows = np.rint(rows)
    reference = stats.page_trend_test(rows, method="asymptotic")
    assert page_l(rows) == pytest.approx((reference.statistic, reference.pvalue))


def test_pages_test_needs_something_to_order() -> None:
    with pytest.raises(ValueError, match="two rows and three columns"):
        page_l(np.ones((1, 5)))


def medians(rows: Floats) -> Floats:
    result: Floats = np.median(rows, axis=-1)
    return result


def test_the_bootstrap_is_decided_by_its_seed() -> None:
    generator = np.random.default_rng(11)
    rounds = [(generator.lognormal(size=50), generator.lognormal(0.1, size=40)) for _ in range(6)]
    assert ratio_interval(rounds, medians, seed=1) == ratio_interval(rounds, medians, seed=1)
    assert ratio_interval(rounds, medians, seed=1) != ratio_interval(rounds, medians, seed=2)


def test_the_bootstrap_knows_how_rounds_vary() -> None:
    """Without drawing rounds, and of requests alone, the interval would hold the truth in far fewer sessions."""
    generator = np.random.default_rng(12)
    held = {"rounds": 0, "pooled": 0}
    for session in range(60):
        rounds = [
            (generator.lognormal(sigma=0.25, size=50), generator.lognormal(generator.normal(0, 0.1), 0.25, size=50))
            for _ in range(10)
        ]
        pooled = [(np.concatenate([pair[0] for pair in rounds]), np.concatenate([pair[1] for pair in rounds]))]
        for name, pairs in (("rounds", rounds), ("pooled", pooled)):
            found = ratio_interval(pairs, medians, seed=session, draws=100)
            assert found.low is not None
            assert found.high is not None
            held[name] += found.low <= 1.0 <= found.high
    assert held["rounds"] >= likely_counts(0.9, 60)[0]  # the percentile bootstrap of ten rounds is a bit too narrow
    assert held["pooled"] < 45


def test_blocks_keep_neighbours_together() -> None:
    """The mean of dependent values varies more than independent draws of them tell."""
    values = np.exp(dependent(4000, 0.8, np.random.default_rng(13)) * 0.2)
    ones = np.ones(4000)

    def means(rows: Floats) -> Floats:
        result: Floats = rows.mean(axis=-1)
        return result

    widths = []
    for block in (1, 50):
        found = ratio_interval([(ones, values)], means, seed=1, draws=400, block=block)
        assert found.low is not None
        assert found.high is not None
        widths.append(found.high - found.low)
    assert 2 < widths[1] / widths[0] < 4  # sqrt((1 + 0.8) / (1 - 0.8)) = 3
