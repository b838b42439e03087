"""The hierarchical bootstrap: rounds are drawn again, and within each the requests of it.

Its rule: what varies between rounds must vary between draws, else the interval is far too narrow. Requests may be
drawn in blocks of neighbours, where they depend on each other. With fewer than six rounds its intervals are erratic:
the paired t interval of `intervals.py` is better there.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from triphase_benchmark.statistics.intervals import Interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# Gives a statistic of each row: an array of shape (draws, requests) becomes one of shape (draws,).
Statistic = Callable[[Floats], Floats]


def ratio_interval(
    rounds: Sequence[tuple[Floats, Floats]],
    statistic: Statistic,
    *,
    seed: int,
    confidence: float = 0.95,
    draws: int = 2000,
    block: int = 1,
) -> Interval:
    """Returns the geometric mean over rounds of statistic(second) / statistic(first), with a percentile interval.

    Args:
        rounds: The requests of both sides of each pair, in the order in which they ran.
        statistic: Of the requests of a round, positive.
        seed: Decides all draws.
        confidence: Of the interval.
        draws: How many times everything is drawn again.
        block: How many neighbouring requests are drawn together.
    """
    generator = np.random.default_rng(seed)
    observed = np.array([_log_ratio(pair, statistic)[0] for pair in _as_rows(rounds)])
    sums = np.zeros(draws)
    for _ in rounds:  # each place of a drawn session takes one round of the real one
        chosen = generator.integers(len(rounds), size=draws)
        for number, (first, second) in enumerate(rounds):
            places = np.flatnonzero(chosen == number)
            again = [side[_drawn(side.size, places.size, block, generator)] for side in (first, second)]
            sums[places] += _log_ratio((again[0], again[1]), statistic)
    low, high = np.quantile(sums / len(rounds), [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(estimate=float(np.exp(observed.mean())), low=float(np.exp(low)), high=float(np.exp(high)))


def _as_rows(rounds: Sequence[tuple[Floats, Floats]]) -> list[tuple[Floats, Floats]]:
    return [(first[np.newaxis], second[np.newaxis]) for first, second in rounds]


def _log_ratio(pair: tuple[Floats, Floats], statistic: Statistic) -> Floats:
    first, second = pair
    if not first.size or not second.size:
        return np.zeros(len(first))
    result: Floats = np.log(statistic(second) / statistic(first))
    return result


def _drawn(requests: int, draws: int, block: int, generator: np.random.Generator) -> Ints:
    """Which requests each draw takes: whole blocks, cut to the number there was; the end joins the beginning."""
    starts = generator.integers(requests, size=(draws, -(-requests // block), 1))
    places: Ints = ((starts + np.arange(block)) % requests).reshape(draws, -1)[:, :requests]
    return places
