"""Where the ticks of an axis stand, and how they are written.

Its rule: round numbers, few enough that no label is dropped for want of room: evenly spaced where a log axis is short,
1-2-5 where it is long, and powers of ten alone where it spans many decades.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

import altair as alt

# Seconds in the unit that suits each tick.
SECONDS: Final = (
    "datum.value >= 1 ? format(datum.value, '~g') + ' s' : "
    "datum.value >= 0.001 ? format(datum.value * 1000, '~g') + ' ms' : format(datum.value * 1000000, '~g') + ' µs'"
)
_MOST_TICKS: Final = 8
# Below which ratio of its ends an axis has a tick at which multiples of powers of ten.
_MANTISSAS: Final = ((15, (1, 2, 3, 4, 5, 7)), (1_000, (1, 2, 5)), (math.inf, (1,)))
_LEAST_SECONDS: Final = 1e-6


def ends_around(values: Iterable[float], room: float = 0.06) -> tuple[float, float]:
    """Where a log axis begins and ends that shows all of these positive values, with a little room."""
    known = list(values)
    low, high = min(known), max(known)
    share = math.exp(max(math.log(high / low) * room, 0.01))
    return low / share, high * share


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers between these."""
    if high / low < 4:
        values = _evenly(low, high)
    else:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        mantissas = next(these for ratio, these in _MANTISSAS if high / low < ratio)
        values = [mantissa * 10.0**power for power in decades for mantissa in mantissas]
    return [float(f"{value:.9g}") for value in values if low <= value <= high]


def log_seconds(field: str, title: str, values: Sequence[float], **more: Any) -> alt.X:
    """A log axis of time, for all of these seconds."""
    low, high = ends_around(max(value, _LEAST_SECONDS) for value in values)
    axis = alt.Axis(title=f"{title}, log scale", labelExpr=SECONDS, values=log_ticks(low, high))
    return alt.X(field, scale=alt.Scale(type="log", domain=[low, high], nice=False), axis=axis, **more)


def _evenly(low: float, high: float) -> list[float]:
    least = (high - low) / _MOST_TICKS
    power = 10.0 ** math.floor(math.log10(least))
    step = next(mantissa * power for mantissa in (1, 2, 5, 10) if mantissa * power >= least)
    return [index * step for index in range(math.floor(low / step), math.ceil(high / step) + 1)]
