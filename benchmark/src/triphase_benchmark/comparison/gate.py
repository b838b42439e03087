"""Whether an engine has become worse than it may: *regressed*, *not regressed*, or *inconclusive* and how to go on.

Its rule: the verdict is looked for after the first rounds, and again each time that their number has doubled, up to a
limit. The chance of being wrong is shared out among the looks beforehand, in equal parts, so all looks together claim a
regression that is none, or deny one that is, with at most 1 - confidence each (Bonferroni; the looks may depend on each
other however they like). Of several measures one alone makes it regressed, and its share is divided again; only all
together make it not regressed, which needs no further division.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa

from triphase_benchmark.comparison.pairs import DroppedPair, Floats, Measure, Pairs, Rounds
from triphase_benchmark.comparison.verdicts import PRIMARY
from triphase_benchmark.metrics.catalog import METRICS
from triphase_benchmark.statistics.intervals import mean_bound

_UNGATED = {"error_rate"}  # as a rule 0, of which no share is more


class GateVerdict(StrEnum):
    """What the gate says."""

    REGRESSED = "regressed"
    NOT_REGRESSED = "not regressed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What is allowed. `max_regress`: by which share a measure may be worse, 0.05 for 5 %. `first`, `most`: rounds.

    Raises:
        ValueError: If any of it makes no sense; the message says what.
    """

    max_regress: float
    measures: Sequence[Measure] = PRIMARY
    confidence: float = 0.95
    first: int = 8
    most: int = 32

    def __post_init__(self) -> None:
        problems = {
            "the regress that is allowed must be a share between 0 and 1": not 0 <= self.max_regress < 1,
            "there must be two rounds at least, and no fewer at most than at first": not 2 <= self.first <= self.most,
            "the confidence must be between 0.5 and 1": not 0.5 < self.confidence < 1,
            "there must be a measure, and the error rate is none to gate": not self.measures
            or any(metric in _UNGATED or metric not in METRICS for metric, _ in self.measures),
        }
        for problem, is_one in problems.items():
            if is_one:
                raise ValueError(problem)

    @property
    def looks(self) -> tuple[int, ...]:
        """After how many rounds a verdict is looked for."""
        return tuple(_doubling(self.first, self.most))


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureVerdict:
    """Of one measure. `low` and `high` bound how much worse it is, as a ratio above 1; `None`: nothing is known."""

    measure: Measure
    verdict: GateVerdict
    rounds: int
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDecision:
    """The verdict; how many rounds to run before the next look, 0 when it is final; and what it rests on."""

    verdict: GateVerdict
    add_rounds: int
    measures: tuple[MeasureVerdict, ...]
    dropped: tuple[DroppedPair, ...]


def decide(rounds: pa.Table, gate: Gate, *, baseline: str, engine: str, look: int) -> GateDecision:
    """Returns what the rounds say so far.

    Args:
        rounds: All that were run, of both engines.
        gate: What is allowed.
        baseline: The engine as it was.
        engine: The engine as it is.
        look: How many rounds were run, void ones included: one of `gate.looks`.

    Raises:
        ValueError: If this is no moment to look; looking more often would be wrong more often.
    """
    if look not in gate.looks:
        raise ValueError(f"verdicts are looked for after {gate.looks} rounds, not after {look}")
    known = Rounds(rounds)
    each = tuple(_of_measure(measure, known.pairs(baseline, engine, measure), gate) for measure in gate.measures)
    verdict = _together([one.verdict for one in each])
    place = gate.looks.index(look)
    more = gate.looks[place + 1] - look if place + 1 < len(gate.looks) else 0
    return GateDecision(
        verdict=verdict,
        add_rounds=more if verdict is GateVerdict.INCONCLUSIVE else 0,
        measures=each,
        dropped=tuple(known.dropped(baseline, engine)),
    )


def _doubling(first: int, most: int) -> Iterable[int]:
    while first < most:
        yield first
        first *= 2
    yield most


def _together(verdicts: Sequence[GateVerdict]) -> GateVerdict:
    if GateVerdict.REGRESSED in verdicts:
        return GateVerdict.REGRESSED
    return verdicts[0] if len(set(verdicts)) == 1 else GateVerdict.INCONCLUSIVE


def _of_measure(measure: Measure, pairs: Pairs, gate: Gate) -> MeasureVerdict:
    worse, limit = _worsening(pairs, gate.max_regress, higher_is_better=METRICS[measure[0]].better == "higher")
    each_look = (1 - gate.confidence) / len(gate.looks)
    surely = mean_bound(worse, each_look / len(gate.measures)) if worse.size else None
    bound = mean_bound(worse, each_look) if worse.size else None
    if surely is None or bound is None:
        return MeasureVerdict(measure=measure, verdict=GateVerdict.INCONCLUSIVE, rounds=worse.size, low=None, high=None)
    verdict = GateVerdict.INCONCLUSIVE
    if surely[0] > limit:
        verdict = GateVerdict.REGRESSED
    elif bound[1] < limit:
        verdict = GateVerdict.NOT_REGRESSED
    low, high = (float(np.exp(side)) for side in (surely[0], bound[1]))
    return MeasureVerdict(measure=measure, verdict=verdict, rounds=worse.size, low=low, high=high)


def _worsening(pairs: Pairs, max_regress: float, *, higher_is_better: bool) -> tuple[Floats, float]:
    """How much worse the engine is in each pair, as the logarithm of a ratio, and how much it may be.

    A pair with a value of 0 has no ratio and is left out.
    """
    some = (pairs.baseline > 0) & (pairs.engine > 0)
    ratios = np.log(pairs.engine[some] / pairs.baseline[some])
    if higher_is_better:
        return -ratios, float(-np.log1p(-max_regress))
    return ratios, float(np.log1p(max_regress))
