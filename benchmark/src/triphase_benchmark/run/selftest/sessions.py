"""Sessions of a benchmark on a simulated clock, with all that makes real ones mislead.

Its rule: all is drawn from the seed, and the truth of it is an argument, so that verdicts can be held against it.

Two engines, `base` and `new`, take turns on one machine. It becomes slower by 6 % over the session, each turn has a
noise of its own (3 %), and within a turn each request resembles the one before it: autocorrelation 0.5, spread 25 %.
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from triphase_benchmark.comparison.paired import compare
from triphase_benchmark.comparison.pairs import Measure
from triphase_benchmark.comparison.verdicts import Verdict
from triphase_benchmark.metrics.tables import ROUNDS
from triphase_benchmark.run.selftest.cases import ComparedCase
from triphase_benchmark.statistics.percentiles import percentile

Floats = NDArray[np.float64]

_DRIFT = 0.06
_TURN_NOISE = 0.03
_DEPENDENCE = 0.5
_SPREAD = 0.25
_REQUESTS = 200
_TYPICAL_S = 0.2
_MEDIAN: Measure = ("ttft", "p50")


def session(seed: int, *, rounds: int, effect: float = 0.0, sequential: bool = False) -> Floats:
    """Returns latencies in seconds, of shape (round, engine, request); `new` is slower by the effect.

    Interleaved, each round has both engines in an order of chance; sequential, all of `base` comes first.
    """
    generator = np.random.default_rng(seed)
    if sequential:
        turns = np.stack([np.arange(rounds), rounds + np.arange(rounds)], axis=1)
    else:
        first = generator.integers(2, size=rounds)
        turns = 2 * np.arange(rounds)[:, np.newaxis] + np.stack([first, 1 - first], axis=1)
    speed = _DRIFT * turns / (2 * rounds) + _TURN_NOISE * generator.normal(size=turns.shape)
    shocks = generator.normal(size=(*turns.shape, _REQUESTS)) * np.sqrt(1 - _DEPENDENCE**2)
    shocks[..., 0] /= np.sqrt(1 - _DEPENDENCE**2)  # stationary from the beginning
    noise = shocks
    for request in range(1, _REQUESTS):
        noise[..., request] += _DEPENDENCE * noise[..., request - 1]
    latencies: Floats = _TYPICAL_S * np.exp(speed[..., np.newaxis] + _SPREAD * noise)
    latencies[:, 1] *= 1 + effect
    return latencies


def rounds_table(latencies: Floats, measure: Measure = _MEDIAN) -> pa.Table:
    """The table of rounds of a session, with the medians as their one measure."""
    return table(
        (number, engine, measure, percentile(latencies[number, place], 0.5), None)
        for number in range(len(latencies))
        for place, engine in enumerate(("base", "new"))
    )


def table(rows: Iterable[tuple[int, str, Measure, float | None, str | None]]) -> pa.Table:
    """A table of rounds: of each row the round, the engine, the measure, the value and why it is void."""
    return pa.Table.from_pylist(
        [
            {"round": number, "engine": engine, "metric": measure[0], "statistic": measure[1]}
            | {"value": value, "n": _REQUESTS, "void": void}
            for number, engine, measure, value, void in rows
        ],
        schema=ROUNDS,
    )


def try_compared(case: ComparedCase) -> tuple[int, int]:
    """Of all seeds' sessions: how many tell the engines apart, and in how many the interval holds the true ratio."""
    told = held = 0
    for seed in range(case.seeds):
        rounds = rounds_table(session(seed, rounds=case.rounds, effect=case.effect))
        (row,) = compare(rounds, baseline="base", primary=(_MEDIAN,)).to_pylist()
        told += row["verdict"] != Verdict.NOT_SHOWN
        held += row["low"] <= 1 + case.effect <= row["high"]
    return told, held
