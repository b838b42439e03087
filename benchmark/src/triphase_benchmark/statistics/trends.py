"""Page's test: whether values grow along an order that was stated beforehand, in rows that are ranked each by itself.

Its rule: exact where no row has ties and there are few enough orders to go through; else by the normal distribution.
"""

from itertools import permutations
from math import factorial, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]

_MOST_EXACT = 7  # columns: 5 040 orders


def page_l(rows: Floats) -> tuple[float, float]:
    """Returns Page's L and its one-sided p-value.

    Args:
        rows: One row for each subject, one column for each condition, in the order along which values should grow.

    Raises:
        ValueError: If there are fewer than two rows or three columns.
    """
    subjects, conditions = rows.shape
    if subjects < 2 or conditions < 3:
        raise ValueError(f"Page's test needs two rows and three columns, and has {subjects} and {conditions}")
    ranks = np.array([_ranks(row) for row in rows])
    statistic = float(ranks.sum(axis=0) @ np.arange(1, conditions + 1))
    tied = any(np.unique(row).size < conditions for row in rows)
    exact = not tied and conditions <= _MOST_EXACT
    return statistic, (_exact if exact else _normal)(statistic, subjects, conditions)


def _ranks(row: Floats) -> Floats:
    """From 1; equal values share the mean of their ranks."""
    _, place, counts = np.unique(row, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    result: Floats = (last - (counts - 1) / 2)[place]
    return result


def _exact(statistic: float, subjects: int, conditions: int) -> float:
    weights = np.arange(1, conditions + 1)
    of_one = np.bincount(np.array(list(permutations(weights))) @ weights) / factorial(conditions)
    of_all = np.ones(1)
    for _ in range(subjects):
        of_all = np.convolve(of_all, of_one)
    return float(of_all[int(statistic) :].sum())


def _normal(statistic: float, subjects: int, conditions: int) -> float:
    mean = subjects * conditions * (conditions + 1) ** 2 / 4
    variance = subjects * conditions**2 * (conditions + 1) ** 2 * (conditions - 1) / 144
    return float(ndtr(-(statistic - mean) / sqrt(variance)))
