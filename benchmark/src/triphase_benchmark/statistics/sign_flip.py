"""The sign-flip test: whether differences of pairs could as well have had the other signs.

Its rule: exact up to 12 pairs, by going through all signs; beyond that by chance from a seed, counting what was
observed among the draws, so that the p-value is never too small and never 0. It assumes nothing but that, were there
no difference, each pair could as well have come out the other way round.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_EXACT = 12
_DRAWS = 20_000
_TOLERANCE = 1e-12  # relative: sums of the same numbers in another order are equal


def sign_flip_p_value(differences: Floats, *, seed: int = 0) -> float:
    """Returns the two-sided p-value of a mean of zero. With no pair, 1: nothing speaks against it."""
    return _p_value(differences, lambda flipped: np.abs(flipped.sum(axis=-1)), seed)


def median_sign_flip_p_value(units: Sequence[Floats], *, seed: int = 0) -> float:
    """Returns the two-sided p-value of a median of zero, where each unit has many differences that belong together.

    A unit (a prompt, a worker, a reader) is one value, its median, and is flipped as a whole.
    """
    medians = np.array([np.median(unit) for unit in units if unit.size], dtype=np.float64)
    return _p_value(medians, lambda flipped: np.abs(np.median(flipped, axis=-1)), seed)


def least_p_value(pairs: int) -> float:
    """Returns the smallest p-value that so many pairs can give: all have one sign."""
    return min(1.0, 2.0 ** (1 - pairs)) if pairs <= MOST_EXACT else 1 / (1 + _DRAWS)


def _p_value(values: Floats, statistic: Callable[[Floats], Floats], seed: int) -> float:
    if not values.size:
        return 1.0
    observed = float(statistic(values[np.newaxis])[0])
    limit = observed - _TOLERANCE * float(np.abs(values).sum())
    if values.size <= MOST_EXACT:
        return float(np.mean(statistic(_all_signs(values.size) * values) >= limit))
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(_DRAWS, values.size))
    return float((1 + np.sum(statistic(signs * values) >= limit)) / (1 + _DRAWS))


def _all_signs(count: int) -> Floats:
    bits = (np.arange(2**count)[:, np.newaxis] >> np.arange(count)) & 1
    return np.where(bits, -1.0, 1.0)
