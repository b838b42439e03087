"""Percentiles: the floors of MLPerf, computed; the ranks of intervals; and what both promise, by draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from triphase_benchmark.statistics.binomial import likely_counts
from triphase_benchmark.statistics.percentiles import (
    conservative_tail,
    percentile,
    percentile_interval,
    percentile_ranks,
    percentiles,
    rank,
    sample_floor,
)

SHARES = (0.5, 0.9, 0.95, 0.99, 0.999)


@pytest.mark.parametrize(
    ("confidence", "floors"),
    [
        (0.90, (7, 38, 77, 388, 3889)),
        (0.95, (8, 46, 93, 473, 4742)),
        (0.99, (11, 64, 130, 662, 6636)),
    ],
)
def test_floors_are_those_of_mlperf(confidence: float, floors: tuple[int, ...]) -> None:
    assert tuple(sample_floor(share, confidence) for share in SHARES) == floors


@pytest.mark.parametrize(
    ("share", "count", "ranks"),
    [
        (0.5, 100, (40, 61)),
        (0.9, 200, (171, 189)),
        (0.95, 200, (184, 197)),
        (0.99, 1000, (983, 997)),
        (0.99, 2000, (1971, 1989)),
        (0.99, 367, (359, None)),
        (0.99, 368, (360, 368)),  # 1 - 0.99^n reaches 0.975
        (0.5, 5, (None, None)),  # 2^-5 > 0.025
    ],
)
def test_ranks_that_bound_a_percentile(share: float, count: int, ranks: tuple[int | None, int | None]) -> None:
    assert percentile_ranks(share, count) == ranks


def test_a_percentile_is_the_nearest_rank() -> None:
    values = np.arange(1.0, 101.0)[::-1]
    assert percentiles(values, [0.5, 0.07, 0.99, 0.991, 0.001]) == [50.0, 7.0, 99.0, 100.0, 1.0]
    assert percentile(np.array([3.0]), 0.99) == 3.0
    with pytest.raises(ValueError, match="at least one"):
        percentile(np.empty(0), 0.5)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.sampled_from([0.01, 0.07, 0.5, 0.9, 0.95, 0.99]))
def test_at_least_the_share_and_no_smaller_value_would_do(values: list[float], share: float) -> None:
    found = percentile(np.array(values), share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values) + 1e-9
    assert 1 <= rank(share, len(values)) <= len(values)


@pytest.mark.parametrize(("share", "count"), [(0.5, 40), (0.9, 100), (0.99, 500)])
def test_intervals_hold_the_true_percentile_as_often_as_they_say(share: float, count: int) -> None:
    generator = np.random.default_rng(3)
    truth = -np.log(1 - share)  # of the exponential distribution
    missed_low = missed_high = 0
    for _ in range(2000):
        low, high = percentile_interval(generator.exponential(size=count), share)
        missed_low += low is not None and low > truth
        missed_high += high is not None and high < truth
    most = likely_counts(0.025, 2000)[1]
    assert missed_low <= most
    assert missed_high <= most
    assert missed_low + missed_high > 10  # and is not so wide that it says nothing


@pytest.mark.parametrize(("share", "count"), [(0.9, 64), (0.99, 662), (0.99, 3000)])
def test_a_conservative_tail_is_below_the_truth_in_one_of_a_hundred(share: float, count: int) -> None:
    generator = np.random.default_rng(4)
    truth = -np.log(1 - share)
    tails = [conservative_tail(generator.exponential(size=count), share) for _ in range(2000)]
    below = sum(tail is not None and tail < truth for tail in tails)
    assert None not in tails
    assert 0 < below <= likely_counts(0.01, 2000)[1]


def test_a_conservative_tail_discards_what_it_may() -> None:
    values = np.arange(1.0, 663.0)
    assert conservative_tail(values[:458], 0.99) is None
    assert conservative_tail(values[:459], 0.99) == 459.0
    assert conservative_tail(values[:661], 0.99) == 661.0
    assert conservative_tail(values[:662], 0.99) == 661.0  # the floor: one value to spare
