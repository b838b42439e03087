import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from triphase_benchmark.report.histogram import Histogram

DURATIONS = st.lists(st.floats(min_value=2e-6, max_value=9e3), min_size=1, max_size=200)


def of(values: list[float]) -> Histogram:
    histogram = Histogram()
    histogram.add(np.array(values))
    return histogram


@given(DURATIONS, st.floats(min_value=0.001, max_value=1))
def test_a_quantile_is_within_a_thousandth_of_the_order_statistic(values: list[float], share: float) -> None:
    rank = max(1, int(np.ceil(share * len(values) - 1e-9)))
    assert of(values).quantiles([share])[0] == pytest.approx(sorted(values)[rank - 1], rel=1e-3)


@given(DURATIONS, st.integers(min_value=0, max_value=200))
def test_it_does_not_matter_in_which_portions_values_come(values: list[float], cut: int) -> None:
    parts = of(values[:cut])
    parts.add(np.array(values[cut:]))
    shares = [0, 0.1, 0.5, 0.99, 1]
    assert parts.quantiles(shares).tolist() == of(values).quantiles(shares).tolist()


def test_extremes_are_exact() -> None:
    assert of([0.0123456, 0.5, 0.98765]).quantiles([0, 1]).tolist() == [0.0123456, 0.98765]


def test_undefined_values_are_not_counted_and_zero_is() -> None:
    histogram = of([np.nan, 0.0, 0.0, 1.0])
    assert histogram.count == 3
    assert histogram.quantiles([0.5])[0] <= 1e-6


def test_nothing_has_no_quantiles() -> None:
    assert np.isnan(Histogram().quantiles([0.5, 1])).all()
