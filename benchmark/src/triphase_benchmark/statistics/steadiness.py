"""When a load was steady, from when its requests began and ended.

Its rule: the plateau is the median, over time, of how many requests were in flight between the first and the last that
was sent. The window begins when 95 % of that are in flight for the first time (not before the first request that is
measured) and ends when they are for the last time before the last request was sent: from then on the load only drains.
All times are in one unit, on one clock.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NEARLY = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of time, `begin` excluded and `end` included: back to back, windows count everything once."""

    begin: float
    end: float

    @property
    def length(self) -> float:
        """Of the units of its ends."""
        return self.end - self.begin

    def holds(self, times: Floats) -> NDArray[np.bool_]:
        """Which of the times lie in it; NaN does not."""
        result: NDArray[np.bool_] = (times > self.begin) & (times <= self.end)
        return result


def in_flight(begins: Floats, ends: Floats) -> tuple[Floats, Floats]:
    """Returns each moment at which something began or ended, in order, and how many were in flight from then on."""
    times = np.concatenate([begins, ends])
    steps = np.concatenate([np.ones(begins.size), -np.ones(ends.size)])
    moments, place = np.unique(times, return_inverse=True)
    return moments, np.cumsum(np.bincount(place, weights=steps, minlength=moments.size))


def steady_window(begins: Floats, ends: Floats, *, not_before: float) -> Window | None:
    """Returns the steady window of a load; `None` if it has no length.

    Args:
        begins: When each request was sent.
        ends: When each ended.
        not_before: When the first request was sent that is measured.
    """
    if not begins.size:
        return None
    moments, counts = in_flight(begins, ends)
    last_sent = float(begins.max())
    offered = (moments >= not_before) & (moments <= last_sent)
    moments, counts = moments[offered], counts[offered]
    if moments.size < 2:
        return None
    high = moments[counts >= _NEARLY * _median_over_time(moments, counts)]
    return Window(begin=float(high[0]), end=float(high[-1])) if high.size and high[-1] > high[0] else None


def _median_over_time(moments: Floats, counts: Floats) -> float:
    order = np.argsort(counts[:-1], kind="stable")
    lasted = np.cumsum(np.diff(moments)[order])
    return float(counts[:-1][order][np.searchsorted(lasted, lasted[-1] / 2)])


def littles_law_error(begins: Floats, ends: Floats, window: Window) -> float | None:
    """Returns |L - λW| / L in a window: how far it is from steady, or its records from whole.

    L: how many were in flight on average; λ: how many ended per unit of time; W: how long those had taken on average.
    `None` where nothing was in flight.
    """
    overlaps = np.minimum(ends, window.end) - np.maximum(begins, window.begin)
    mean_in_flight = float(np.maximum(overlaps, 0.0).sum()) / window.length
    ended = window.holds(ends)
    served = float((ends - begins)[ended].sum()) / window.length  # λW: the number of those that ended cancels out
    return abs(mean_in_flight - served) / mean_in_flight if mean_in_flight else None
