"""How much values depend on those before them, and how many independent ones they are worth."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def lag_one_autocorrelation(values: Floats) -> float | None:
    """Returns how much each value resembles the one before it, in [-1, 1]; `None`: too few, or equal ones."""
    centred = values - values.mean() if values.size >= 3 else values[:0]
    total = float(centred @ centred)
    return float(centred[1:] @ centred[:-1]) / total if total > 0 else None


def effective_sample_size(values: Floats) -> float:
    """Returns n (1 - r) / (1 + r), r the autocorrelation: how many independent values tell as much of the mean.

    Never more than n, since what seems to be a negative autocorrelation is chance more often than not.
    """
    r = lag_one_autocorrelation(values)
    if r is None or r <= 0:
        return float(values.size)
    return values.size * (1 - r) / (1 + r)
