"""From evidence to words, for all measures of a comparison at once.

Its rule: the primary measures are one family, over all engines, and Holm's correction keeps the chance that any of
their verdicts is wrong at 1 - confidence. Every other measure is judged by itself, uncorrected, and only of an engine
of which a primary measure has shown a difference: so where nothing differs, no verdict at all is wrong more often.
And no verdict says more than the interval that is drawn beside it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from triphase_benchmark.comparison.pairs import Measure
from triphase_benchmark.metrics.catalog import METRICS
from triphase_benchmark.metrics.tables import COMPARISON
from triphase_benchmark.statistics.holm import holm

# What a comparison is about, unless its caller says otherwise.
PRIMARY: tuple[Measure, ...] = (("ttft", "p50"), ("tpot", "p50"), ("e2e", "p50"), ("output_throughput", "rate"))
# Where a gateway is compared: one that summarizes thoughts has no first token that anyone sees, and so no TTFT and no
# TPOT either, which counts from it. When its first output came is known always.
PRIMARY_OF_GATEWAYS: tuple[Measure, ...] = (("ttfa", "p50"), ("e2e", "p50"), ("output_throughput", "rate"))


class Verdict(StrEnum):
    """What is said of an engine in comparison with the baseline."""

    BETTER = "better"
    WORSE = "worse"
    NOT_SHOWN = "no difference shown"
    TOO_FEW = "too few rounds"  # no outcome of so few rounds could have shown a difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of one measure of one engine.

    `direction`: above 0 if the engine's values are higher. `p_value`: `None` if there is none to be had.
    `least_p_value`: what it would be at least, however clear the difference.
    """

    measure: Measure
    baseline: str
    engine: str
    direction: float
    p_value: float | None
    least_p_value: float
    rounds: int
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    ratios: Sequence[float | None] = ()
    paired: bool = True


def primary_of(*, gateways: bool) -> tuple[Measure, ...]:
    """The primary measures. `gateways`: whether any engine is one."""
    return PRIMARY_OF_GATEWAYS if gateways else PRIMARY


def judge(evidence: Sequence[Evidence], *, primary: Collection[Measure], confidence: float) -> pa.Table:
    """Returns the table `COMPARISON`, with one row for each piece of evidence, in its order."""
    alpha = 1 - confidence
    family = [piece for piece in evidence if piece.measure in primary and piece.p_value is not None]
    corrected = holm([piece.p_value for piece in family if piece.p_value is not None])
    p_holm = {(piece.measure, piece.engine): p for piece, p in zip(family, corrected, strict=True)}
    differing = {piece.engine for piece, p in zip(family, corrected, strict=True) if p <= alpha}
    rows = []
    for piece in evidence:
        p = p_holm.get((piece.measure, piece.engine))
        if piece.measure in primary:
            verdict = _verdict(piece, p, piece.least_p_value * max(len(family), 1), alpha)
        else:
            believed = piece.p_value if piece.engine in differing else None
            verdict = _verdict(piece, believed, piece.least_p_value, alpha)
        rows.append(_row(piece, p, verdict, confidence))
    return pa.Table.from_pylist(rows, schema=COMPARISON)


def _verdict(piece: Evidence, p: float | None, least: float, alpha: float) -> Verdict:
    if least > alpha or piece.p_value is None:
        return Verdict.TOO_FEW
    if p is None or p > alpha or not piece.direction or _holds_1(piece):
        return Verdict.NOT_SHOWN
    higher_is_better = METRICS[piece.measure[0]].better == "higher"
    return Verdict.BETTER if (piece.direction > 0) == higher_is_better else Verdict.WORSE


def _holds_1(piece: Evidence) -> bool:
    """Whether the interval, which is what is drawn, leaves it open on which side the engine is."""
    return piece.low is not None and piece.high is not None and piece.low <= 1 <= piece.high


def _row(piece: Evidence, p_holm: float | None, verdict: Verdict, confidence: float) -> dict[str, object]:
    metric, statistic = piece.measure
    return {
        "metric": metric,
        "statistic": statistic,
        "baseline": piece.baseline,
        "engine": piece.engine,
        "ratio": piece.ratio,
        "low": piece.low,
        "high": piece.high,
        "confidence": confidence,
        "p_value": piece.p_value,
        "p_holm": p_holm,
        "rounds": piece.rounds,
        "ratios": list(piece.ratios),
        "better": METRICS[metric].better,
        "verdict": verdict.value,
        "paired": piece.paired,
    }
