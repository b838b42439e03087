"""Which values of rounds are compared with which: those of the same round.

Its rule: a pair counts if neither side's round is void and both have the value. A void round drops its pair for all
metrics, and is told; a value that is undefined drops it for that metric alone.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# A metric and a statistic of it: ("ttft", "p50").
Measure = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The values of both sides, in the order of rounds."""

    baseline: Floats
    engine: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedPair:
    """A pair that does not count, since the round of `engine` is void or missing."""

    round: int
    engine: str
    reason: str


class Rounds:
    """A table `ROUNDS`, by engine, measure and round."""

    def __init__(self, rounds: pa.Table) -> None:
        self._values: dict[tuple[str, Measure], dict[int, float]] = {}
        self._void: dict[tuple[str, int], str | None] = {}
        self._measures: dict[Measure, None] = {}
        names = ("round", "engine", "metric", "statistic", "value", "void")
        for number, engine, metric, statistic, value, void in zip(
            *(rounds[name].to_pylist() for name in names), strict=True
        ):
            self._measures[metric, statistic] = None
            self._void[engine, number] = void
            if value is not None and void is None:
                self._values.setdefault((engine, (metric, statistic)), {})[number] = value

    @property
    def measures(self) -> list[Measure]:
        """All measures, in the order of the table."""
        return list(self._measures)

    @property
    def engines(self) -> list[str]:
        """All engines, in the order of the table."""
        return list(dict.fromkeys(engine for engine, _ in self._void))

    def values(self, engine: str, measure: Measure) -> Floats:
        """Returns the values of all rounds of an engine that count."""
        of_rounds = self._values.get((engine, measure), {})
        return np.array([of_rounds[number] for number in sorted(of_rounds)], dtype=np.float64)

    def pairs(self, baseline: str, engine: str, measure: Measure) -> Pairs:
        """Returns the values of all pairs that count."""
        first, second = self._values.get((baseline, measure), {}), self._values.get((engine, measure), {})
        both = sorted(first.keys() & second.keys())
        return Pairs(
            baseline=np.array([first[number] for number in both], dtype=np.float64),
            engine=np.array([second[number] for number in both], dtype=np.float64),
        )

    def dropped(self, baseline: str, engine: str) -> list[DroppedPair]:
        """Returns what keeps pairs from counting, by round: one entry for each side that is void or missing."""
        numbers = sorted({number for name, number in self._void if name in {baseline, engine}})
        return [
            DroppedPair(round=number, engine=name, reason=reason)
            for number in numbers
            for name in (baseline, engine)
            if (reason := self._void.get((name, number), "it did not run")) is not None
        ]
