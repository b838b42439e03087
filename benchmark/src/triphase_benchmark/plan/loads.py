"""The kinds of load, and for how long: values, as `load_flag.py` reads them.

Its rule: rates are requests per second, times int nanoseconds. When requests are due under a load is `arrivals.py`.
"""

from dataclasses import dataclass
from typing import TypeAlias, assert_never

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLoad:
    """`concurrency` places; a request begins when one is free."""

    concurrency: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantLoad:
    """One request every 1/rate seconds."""

    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PoissonLoad:
    """Independent arrivals: gaps are exponential, with a coefficient of variation of 1."""

    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaLoad:
    """Gaps from a gamma distribution: `shape` 1 is Poisson, below it bursts, above it more even; CV = 1/√shape."""

    rate: float
    shape: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RampLoad:
    """Poisson arrivals whose rate goes from `first` to `last` in a straight line while it is measured.

    Warm-up has the rate `first` throughout.
    """

    first: float
    last: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceLoad:
    """The times of a recorded trace, from its first request, `speed` times as fast."""

    name: str
    times_ns: tuple[int, ...]
    speed: float = 1.0


OpenLoad: TypeAlias = ConstantLoad | PoissonLoad | GammaLoad | RampLoad | TraceLoad
AnyLoad: TypeAlias = ClosedLoad | OpenLoad


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """So many requests, however long they take."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """All requests that are due within this time."""

    ns: int


Amount: TypeAlias = Requests | Duration


def expected_requests(load: AnyLoad, amount: Amount) -> float:
    """How many requests come in an amount, on average; 0 for a duration of which the load itself does not tell."""
    if isinstance(amount, Requests):
        return amount.count
    seconds = amount.ns / SECOND_NS
    match load:
        case ClosedLoad() | TraceLoad():
            return 0
        case ConstantLoad() | PoissonLoad() | GammaLoad():
            return load.rate * seconds
        case RampLoad():
            return (load.first + load.last) / 2 * seconds
    assert_never(load)
