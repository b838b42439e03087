"""Which load a sweep tries next: doubled until every engine is saturated, and then around the first knee.

Its rule: sans-IO; loads are requests per second, or requests at once. What *saturated* means is its caller's, as one
answer for each engine at each load. The knee that is looked for closer is that of the engine that gives in first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A load, and the engines that it saturates."""

    load: float
    saturated: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracketing:
    """`first`: where it begins; `last`: the most it tries; `points`: how many; `whole`: loads are whole numbers."""

    engines: frozenset[str]
    first: float
    last: float
    points: int
    whole: bool

    def following(self, tried: Sequence[Tried]) -> float | None:
        """The next load; `None`: there is nothing more to learn, or no point left."""
        if not tried:
            return self.first
        if len(tried) >= self.points:
            return None
        highest = max(tried, key=lambda one: one.load)
        if highest.saturated != self.engines and highest.load < self.last:
            return min(highest.load * 2, self.last)
        return self._between(sorted(tried, key=lambda one: one.load))

    def _between(self, tried: Sequence[Tried]) -> float | None:
        """The middle of the narrowest gap around a knee that is wide enough to be worth it."""
        for low, high in pairwise(tried):
            if low.saturated < high.saturated:
                middle = sqrt(low.load * high.load)
                middle = float(round(middle)) if self.whole else float(f"{middle:.3g}")
                if low.load < middle < high.load and high.load / low.load > 1.1:
                    return middle
        return None
