"""The measures of a whole round: throughput, goodput, errors and cost.

Its rule: what is per second counts what happened in the steady window, whosever it was, by when it arrived: a request
that is half done has given half of its tokens. Only requests that answered count; a window that does not exist, and
usage that an engine does not tell, leave a rate undefined.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from triphase_benchmark.engines.engine import Price
from triphase_benchmark.metrics.latencies import BOUNDED, BOUNDED_IN_OPEN_LOOP, nothing_later
from triphase_benchmark.metrics.requests import Bools, Floats, Requests
from triphase_benchmark.plan.values import Load
from triphase_benchmark.statistics.steadiness import Window, steady_window

_NS = 1e9
_MILLION = 1e6

NO_WINDOW = "no steady window"
NO_USAGE = "no usage"
NO_SLOS = "no service level objective"
NO_PRICE = "no price"
NOTHING_MEASURED = "nothing measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a round was run under. `window`: its steady one. `slos`: upper bounds in seconds, by the names of `BOUNDED`.

    Raises:
        ValueError: If a name is none of these, or a bound is not positive.
    """

    load: Load
    window: Window | None = None
    slos: Mapping[str, float] = field(default_factory=dict)
    price: Price | None = None

    def __post_init__(self) -> None:
        for name, bound in self.slos.items():
            if name not in BOUNDED:
                raise ValueError(f"{name} is no measure that an objective can bound: {', '.join(BOUNDED)}")
            if not bound > 0:
                raise ValueError(f"the objective of {name} is {bound}, and must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A value of `n` requests, or why there is none."""

    value: float | None
    n: int
    undefined: str | None = None


def window_of(requests: Requests) -> Window | None:
    """Returns the steady window of a round, in nanoseconds. What never ended was in flight until all was over."""
    sent = ~np.isnan(requests.sent)
    measured = sent & requests.measured
    if not measured.any():
        return None
    begins, ends = requests.sent[sent], requests.ended[sent]
    over = float(np.nanmax(np.concatenate([begins, ends])))
    return steady_window(begins, np.where(np.isnan(ends), over, ends), not_before=float(requests.sent[measured].min()))


def ended_in(requests: Requests, window: Window) -> Bools:
    """Which requests answered, and ended in the window."""
    return requests.answered & window.holds(requests.ended)


def output_throughput(requests: Requests, conditions: Conditions) -> Rate:
    """Output tokens that arrived in the steady window / its length."""
    return _tokens_per_second(requests, conditions.window, with_input=False)


def total_throughput(requests: Requests, conditions: Conditions) -> Rate:
    """Input and output tokens / length of the window; input counts when the first token shows that it was read."""
    return _tokens_per_second(requests, conditions.window, with_input=True)


def request_throughput(requests: Requests, conditions: Conditions) -> Rate:
    """Requests that answered and ended in the steady window / its length."""
    window = conditions.window
    if window is None:
        return Rate(value=None, n=0, undefined=NO_WINDOW)
    return _per_second(ended_in(requests, window), window)


def goodput(requests: Requests, conditions: Conditions) -> Rate:
    """Requests that met all objectives and ended in the steady window / its length.

    An undefined measure meets no bound, except a TPOT of tokens that all came at once. In an open loop, latencies count
    from when a request was scheduled.
    """
    window = conditions.window
    if not conditions.slos or window is None:
        return Rate(value=None, n=0, undefined=NO_WINDOW if conditions.slos else NO_SLOS)
    good = ended_in(requests, window)
    measures = BOUNDED_IN_OPEN_LOOP if conditions.load is Load.OPEN else BOUNDED
    for name, bound in conditions.slos.items():
        good &= (measures[name](requests) <= bound) | ((name == "tpot") & nothing_later(requests))
    rate = _per_second(good, window)
    return Rate(value=rate.value, n=int(ended_in(requests, window).sum()))


def error_rate(requests: Requests, _: Conditions) -> Rate:
    """Requests that failed / requests that were sent; those that the run's end kept from being sent are neither."""
    tried = requests.measured & ~requests.unsent
    n = int(tried.sum())
    if not n:
        return Rate(value=None, n=0, undefined=NOTHING_MEASURED)
    return Rate(value=int((tried & ~requests.answered).sum()) / n, n=n)


def cost(requests: Requests, conditions: Conditions) -> Rate:
    """What all measured answers cost, their input included, for each million of their output tokens."""
    counted = requests.measured & requests.answered
    read, written = requests.input_tokens[counted], requests.output_tokens[counted]
    if conditions.price is None or not written.size:
        return Rate(value=None, n=0, undefined=NOTHING_MEASURED if conditions.price else NO_PRICE)
    if np.isnan(read).any() or not written.sum() > 0:  # NaN is not greater, either
        return Rate(value=None, n=written.size, undefined=NO_USAGE)
    paid = float(read.sum()) * conditions.price.input + float(written.sum()) * conditions.price.output
    return Rate(value=paid / float(written.sum()), n=written.size)


def _per_second(which: Bools, window: Window) -> Rate:
    n = int(which.sum())
    return Rate(value=n * _NS / window.length, n=n)


def _tokens_per_second(requests: Requests, window: Window | None, *, with_input: bool) -> Rate:
    if window is None:
        return Rate(value=None, n=0, undefined=NO_WINDOW)
    tokens = _output_in(requests, window)
    if with_input:
        first = np.where(requests.chunks > 0, requests.first_time(), requests.ended)
        tokens = tokens + np.where(window.holds(first), requests.input_tokens, 0.0)
    tokens = tokens[requests.answered]
    n = int(ended_in(requests, window).sum())
    if np.isnan(tokens).any():
        return Rate(value=None, n=n, undefined=NO_USAGE)
    return Rate(value=float(tokens.sum()) * _NS / window.length, n=n)


def _output_in(requests: Requests, window: Window) -> Floats:
    """How many output tokens of each request arrived in the window; NaN if some did, and nobody knows how many.

    A request's tokens are those of its usage, spread over its chunks as its engine tells, else evenly.
    """
    chunks = requests.chunks
    told = requests.sums(requests.chunk_tokens)  # NaN where it does not tell
    by_chunk = np.isnan(told) | (told <= 0)
    weights = (
        np.where(np.repeat(by_chunk, chunks), 1.0, requests.chunk_tokens) if by_chunk.any() else requests.chunk_tokens
    )
    whole = np.where(by_chunk, chunks, told)
    inside = requests.sums(weights * window.holds(requests.chunk_times))
    in_all = np.where(np.isnan(requests.output_tokens) & ~by_chunk, told, requests.output_tokens)
    at_end = window.holds(requests.ended)
    share = np.where(chunks > 0, inside / np.maximum(whole, 1), at_end)
    return np.where(share > 0, share * in_all, 0.0)
