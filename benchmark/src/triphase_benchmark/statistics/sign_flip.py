"""The sign-flip test: whether differences of pairs could as well have had the other signs.

Its rule: exact up to 12 pairs, by going through all signs; beyond that by chance from a seed, counting what was
observed among the draws, so that the p-value is never too small and never 0. It assumes nothing but that, were there
no difference, each pair could as well have come out the other way round.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_EXACT = 12
_DRAWS = 20_000
_TOLERANCE = 1e-12  # relative: sums of the same numbers in another order are equal


def sign_flip_p_value(differences: Floats, *, seed: int = 0) -> float:
    """Returns the two-sided p-value of a mean of zero. With no pair, 1: nothing speaks against it."""
    if not differences.size:
        return 1.0
    observed = abs(float(differences.sum()))
    limit = observed - _TOLERANCE * float(np.abs(differences).sum())
    if differences.size <= MOST_EXACT:
        return float(np.mean(np.abs(_all_signs(differences.size) @ differences) >= limit))
    signs = _drawn_signs(differences.size, seed)
    return float((1 + np.sum(np.abs(signs @ differences) >= limit)) / (1 + _DRAWS))


def growth_p_value(differences: Floats, *, seed: int = 0) -> float:
    """Returns the one-sided p-value of a mean of zero or less. With no pair, 1: nothing speaks for growth."""
    if not differences.size:
        return 1.0
    limit = float(differences.sum()) - _TOLERANCE * float(np.abs(differences).sum())
    if differences.size <= MOST_EXACT:
        return float(np.mean(_all_signs(differences.size) @ differences >= limit))
    return float((1 + np.sum(_drawn_signs(differences.size, seed) @ differences >= limit)) / (1 + _DRAWS))


def median_sign_flip_p_value(units: Sequence[Floats], *, seed: int = 0) -> float:
    """Returns the two-sided p-value of no difference, where each unit has many differences that belong together.

    A unit (a prompt, a worker, a reader) counts as one value, its median, and is flipped as a whole.
    """
    medians = [float(np.median(unit)) for unit in units if unit.size]
    return sign_flip_p_value(np.array(medians, dtype=np.float64), seed=seed)


def least_p_value(pairs: int) -> float:
    """Returns the smallest p-value that so many pairs can give: all have one sign."""
    return min(1.0, 2.0 ** (1 - pairs)) if pairs <= MOST_EXACT else 1 / (1 + _DRAWS)


@lru_cache(maxsize=4)
def _all_signs(count: int) -> Floats:
    bits = (np.arange(2**count)[:, np.newaxis] >> np.arange(count)) & 1
    signs = np.where(bits, -1.0, 1.0)
    signs.setflags(write=False)
    return signs


@lru_cache(maxsize=4)  # many pairs of equally many values are asked about at once
def _drawn_signs(count: int, seed: int) -> Floats:
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(_DRAWS, count))
    signs.setflags(write=False)
    return signs
