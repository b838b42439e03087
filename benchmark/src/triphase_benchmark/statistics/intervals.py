"""Intervals of means: of one sample, and of two that are not paired. And whether a mean is near enough to zero.

Its rule: values are means or medians of rounds, of which few are needed for Student's t to hold. Of single requests,
which depend on each other, no interval is ever made here. Ratios are compared by their logarithms: `exp` of what these
functions return is the ratio and its interval.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate and what surrounds it; `low` and `high` are `None` where one value alone tells no spread."""

    estimate: float
    low: float | None
    high: float | None


def mean_interval(values: Floats, confidence: float = 0.95) -> Interval:
    """Returns the mean and its two-sided t interval: paired, if the values are differences of pairs."""
    mean, error, freedom = _mean_and_error(values)
    return _around(mean, error, freedom, confidence)


def welch_interval(first: Floats, second: Floats, confidence: float = 0.95) -> Interval:
    """Returns mean(second) - mean(first) with Welch's interval, for samples that are not paired."""
    difference, error, freedom = _welch(first, second)
    return _around(difference, error, freedom, confidence)


def welch_p_value(first: Floats, second: Floats) -> float | None:
    """Returns the two-sided p-value of equal means; `None` if a sample has fewer than two values."""
    difference, error, freedom = _welch(first, second)
    if not freedom:
        return None
    return 2 * float(stdtr(freedom, -_quotient(abs(difference), error)))


def mean_bound(values: Floats, tail: float) -> tuple[float, float] | None:
    """Returns the lower and the upper bound of the mean, each of which fails with probability `tail`."""
    mean, error, freedom = _mean_and_error(values)
    if not freedom:
        return None
    width = float(-stdtrit(freedom, tail)) * error
    return mean - width, mean + width


def equivalence_p_value(values: Floats, margin: float) -> float | None:
    """Returns the p-value of two one-sided t tests (TOST) that the mean is beyond -margin or margin.

    Small: the mean lies surely between them. `None` with fewer than two values.
    """
    mean, error, freedom = _mean_and_error(values)
    if not freedom:
        return None
    return max(float(stdtr(freedom, -_quotient(margin + side, error))) for side in (mean, -mean))


def _mean_and_error(values: Floats) -> tuple[float, float, float]:
    """The mean, its standard error and the degrees of freedom, which are 0 where there is no error to tell."""
    if values.size < 2:
        return float(values.mean()), 0.0, 0.0
    return float(values.mean()), float(values.std(ddof=1)) / sqrt(values.size), values.size - 1.0


def _welch(first: Floats, second: Floats) -> tuple[float, float, float]:
    (low, low_error, low_freedom), (high, high_error, high_freedom) = _mean_and_error(first), _mean_and_error(second)
    if not low_freedom or not high_freedom:
        return high - low, 0.0, 0.0
    variance = low_error**2 + high_error**2
    if not variance:
        return high - low, 0.0, low_freedom + high_freedom
    freedom = variance**2 / (low_error**4 / low_freedom + high_error**4 / high_freedom)
    return high - low, sqrt(variance), freedom


def _around(estimate: float, error: float, freedom: float, confidence: float) -> Interval:
    if not freedom:
        return Interval(estimate=estimate, low=None, high=None)
    width = float(-stdtrit(freedom, (1 - confidence) / 2)) * error
    return Interval(estimate=estimate, low=estimate - width, high=estimate + width)


def _quotient(difference: float, error: float) -> float:
    """A t value. Values without any spread are beyond doubt, unless there is no difference either."""
    if error:
        return difference / error
    return float(np.inf) * np.sign(difference) if difference else 0.0
