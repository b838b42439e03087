"""Percentiles: what they are here, how many values they need, and how surely they are known.

Its rule: a percentile is the smallest value that at least this share of all values does not exceed (nearest rank). So
it is always a value that was measured, and the theory of order statistics holds for it without further assumption.
Shares are in (0, 1); values need no order, and hold no NaN.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from triphase_benchmark.statistics.binomial import at_most, quantile

Floats = NDArray[np.float64]

_FLOOR_CONFIDENCE = 0.99  # as MLPerf asks


def rank(share: float, count: int) -> int:
    """Which of `count` values in order, from 1, is this percentile: computed in fractions, as 0.07 · 100 is not 7."""
    return max(1, ceil(Fraction(str(share)) * count))


def percentiles(values: Floats, shares: Sequence[float]) -> list[float]:
    """Returns several percentiles of at least one value.

    Raises:
        ValueError: If there is none.
    """
    if not values.size:
        raise ValueError("a percentile needs at least one value")
    places = [rank(share, values.size) - 1 for share in shares]
    ordered = np.partition(values, places)
    return [float(ordered[place]) for place in places]


def percentile(values: Floats, share: float) -> float:
    """Returns one percentile, as `percentiles` does."""
    return percentiles(values, [share])[0]


def sample_floor(share: float, confidence: float = _FLOOR_CONFIDENCE) -> int:
    """Returns the fewest values by which a percentile can be bounded from above with one value to spare.

    That is the least n at which, with this confidence, more than one of n values lies above the true percentile.
    """
    low, high = 1, 2
    while _at_most_one_above(high, share) > 1 - confidence:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _at_most_one_above(middle, share) <= 1 - confidence else (middle, high)
    return high


def _at_most_one_above(count: int, share: float) -> float:
    return at_most(1, count, 1 - share)


def percentile_ranks(share: float, count: int, confidence: float = 0.95) -> tuple[int | None, int | None]:
    """Returns between which values in order, from 1, the true percentile lies; `None` where no value bounds it.

    Each side is missed with at most half of what the confidence leaves, whatever the values are distributed like.
    """
    tail = (1 - confidence) / 2
    low = quantile(tail, count, share)
    high = quantile(1 - tail, count, share) + 1
    return low if low >= 1 else None, high if high <= count else None


def percentile_interval(values: Floats, share: float, confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Returns the values between which the true percentile lies; `None` on a side that the sample cannot bound."""
    ordered = np.sort(values)
    low, high = percentile_ranks(share, values.size, confidence)
    return (
        None if low is None else float(ordered[low - 1]),
        None if high is None else float(ordered[high - 1]),
    )


def conservative_tail(values: Floats, share: float, confidence: float = _FLOOR_CONFIDENCE) -> float | None:
    """Returns the smallest value that is not below the true percentile with this confidence; `None` if none is.

    So many of the highest values are discarded as would lie above the percentile in all but 1 - confidence of samples.
    """
    discarded = quantile(1 - confidence, values.size, 1 - share)
    if at_most(discarded, values.size, 1 - share) > 1 - confidence:
        discarded -= 1
    if discarded < 0:
        return None
    return float(np.sort(values)[values.size - discarded - 1])
