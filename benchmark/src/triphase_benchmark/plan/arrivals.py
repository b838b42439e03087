"""When the requests of one round are due: absolute times, all known before the round begins.

Its rule: times depend on the load, the amounts and the seed, and on nothing that happens. Warm-up and what is measured
come from streams of their own, one right after the other, so that another warm-up moves the measured times as a whole
and leaves the gaps between them alone.

Arrivals are those of a process of rate 1, stretched by the load's rate. Nothing is rescaled to fit a duration: that
would take away the variance of the counts, which is part of what Poisson arrivals are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from triphase_benchmark.plan.chance import Chance, Purpose
from triphase_benchmark.plan.loads import (
    SECOND_NS,
    Amount,
    ConstantLoad,
    Duration,
    GammaLoad,
    OpenLoad,
    PoissonLoad,
    RampLoad,
    Requests,
    TraceLoad,
)
from triphase_benchmark.plan.problems import BadInput

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When each request is due, in ns from the round's begin, in order; the first `warm_up` of them only warm up."""

    times_ns: tuple[int, ...]
    warm_up: int


def schedule(load: OpenLoad, *, seed: int, number: int, warm_up: Amount, measured: Amount | None) -> Schedule:
    """The schedule of round `number`.

    Args:
        load: How requests come.
        seed: The run's.
        number: Which round; each has arrivals of its own, but for traces and constant rates.
        warm_up: What comes before that which counts.
        measured: What counts; `None` takes all that is left of a trace.

    Raises:
        BadInput: The trace is too short, or the load needs an amount.
    """
    if isinstance(load, TraceLoad):
        return _replayed(load, warm_up, measured)
    if measured is None:
        raise BadInput("a run takes --requests or --duration; only a trace ends by itself")
    before = PoissonLoad(rate=load.first) if isinstance(load, RampLoad) else load
    first, begin = _segment(before, warm_up, Chance(seed, Purpose.ARRIVALS, number, 0))
    then, _ = _segment(load, measured, Chance(seed, Purpose.ARRIVALS, number, 1))
    return Schedule(times_ns=_ns([*first, *(then + begin)]), warm_up=len(first))


def _segment(
    load: ConstantLoad | PoissonLoad | GammaLoad | RampLoad, amount: Amount, chance: Chance
) -> tuple[_Floats, float]:
    """Arrivals from 0 on, and when the segment ends, in seconds."""
    match load:
        case ConstantLoad():
            return _even(load.rate, amount)
        case PoissonLoad():
            return _renewals(lambda n: -np.log(chance.uniforms(n)), lambda points: points / load.rate, amount)
        case GammaLoad():
            shape = load.shape
            return _renewals(
                lambda n: gammaincinv(shape, chance.uniforms(n)) / shape, lambda points: points / load.rate, amount
            )
        case RampLoad():
            stretch = _ramp(load, amount)
            return _renewals(lambda n: -np.log(chance.uniforms(n)), stretch, amount)
    assert_never(load)


def _even(rate: float, amount: Amount) -> tuple[_Floats, float]:
    """At 0, 1/rate, 2/rate …; a segment of n requests ends at n/rate, where the next one would begin."""
    match amount:
        case Requests(count=count):
            return np.arange(count) / rate, count / rate
        case Duration(ns=ns):
            seconds = ns / SECOND_NS
            times = np.arange(int(seconds * rate) + 1) / rate
            return times[times < seconds], seconds
    assert_never(amount)


def _renewals(
    gaps: Callable[[int], _Floats], stretch: Callable[[_Floats], _Floats], amount: Amount
) -> tuple[_Floats, float]:
    """Arrivals with independent gaps of mean 1, the first gap included, stretched to seconds."""
    match amount:
        case Requests(count=count):
            times = stretch(np.cumsum(gaps(count)))
            return times, float(times[-1]) if count else 0.0
        case Duration(ns=ns):
            end = ns / SECOND_NS
            points = np.cumsum(gaps(256))
            while stretch(points[-1:])[0] < end:
                points = np.concatenate([points, points[-1] + np.cumsum(gaps(len(points)))])
            times = stretch(points)
            return times[times < end], end
    assert_never(amount)


def _ramp(load: RampLoad, amount: Amount) -> Callable[[_Floats], _Floats]:
    """The inverse of how many requests are expected by a time, Λ(t) = first·t + (last-first)·t²/2T.

    T is the duration, or how long so many requests take on average. After it the rate stays `last`.
    """
    rise = load.last - load.first
    total = amount.ns / SECOND_NS if isinstance(amount, Duration) else 2 * amount.count / (load.first + load.last)
    expected = total * (load.first + load.last) / 2

    def stretch(points: _Floats) -> _Floats:
        within = np.minimum(points, expected)
        # The rate by then, squared; in a steep fall rounding could take it below the last one.
        squared = np.maximum(load.first**2 + 2 * within * rise / total, min(load.first, load.last) ** 2)
        # The root that stays exact where the rise is small, or nothing at all.
        times = 2 * within / (load.first + np.sqrt(squared))
        stretched: _Floats = times + (points - within) / load.last
        return stretched

    return stretch


def _replayed(load: TraceLoad, warm_up: Amount, measured: Amount | None) -> Schedule:
    times = [round(time / load.speed) for time in load.times_ns]
    first = _taken(times, 0, 0, warm_up, load.name)
    begin_ns = warm_up.ns if isinstance(warm_up, Duration) else times[min(first, len(times) - 1)]
    count = _taken(times, first, begin_ns, measured, load.name) if measured else len(times) - first
    if not count:
        raise BadInput(f"nothing of the trace {load.name} is left to be measured: it has {len(times)} requests")
    return Schedule(times_ns=tuple(times[: first + count]), warm_up=first)


def _taken(times: list[int], done: int, begin_ns: int, amount: Amount, name: str) -> int:
    match amount:
        case Requests(count=count):
            if done + count > len(times):
                raise BadInput(f"the trace {name} has {len(times)} requests, with warm-up {done + count} are asked for")
            return count
        case Duration(ns=ns):
            return sum(time < begin_ns + ns for time in times[done:])
    assert_never(amount)


def _ns(times: list[float]) -> tuple[int, ...]:
    return tuple(round(time * SECOND_NS) for time in times)
