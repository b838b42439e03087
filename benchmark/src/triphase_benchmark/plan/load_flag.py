"""The texts of `--load`, `--requests`, `--duration` and `--warmup`: what is allowed, and what each means.

Its rule: a wrong text gets one line that names what would be right.
"""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from triphase_benchmark.plan.loads import (
    SECOND_NS,
    Amount,
    AnyLoad,
    ClosedLoad,
    ConstantLoad,
    Duration,
    GammaLoad,
    PoissonLoad,
    RampLoad,
    Requests,
    TraceLoad,
)
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.plan.trace_file import read_trace

FORMS = "closed:32, poisson:8, gamma:8,0.5, constant:8, ramp:1-20 or trace:FILE[,SPEED]"
_UNITS_NS = {"ms": SECOND_NS // 1000, "s": SECOND_NS, "m": 60 * SECOND_NS, "h": 3600 * SECOND_NS}
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)", re.ASCII)
_MOST_PLACES = 100_000
_MOST_RATE = 1e6


def load_of(text: str) -> AnyLoad:
    """The load that a text such as `poisson:8` means. Reads the file of a trace.

    Raises:
        BadInput: It is no load, or its file is no trace.
    """
    kind, _, rest = text.partition(":")
    if kind not in _READERS or not rest:
        raise BadInput(f"--load {text!r} is no load: it takes {FORMS}")
    try:
        return _READERS[kind](rest)
    except ValueError as problem:
        raise BadInput(f"--load {text!r}: {problem}") from None


def amount_of(text: str, flag: str) -> Amount:
    """What `flag` got: a number of requests, such as `200`, or a time, such as `90s`, `1.5m` or `500ms`.

    Raises:
        BadInput: It is neither.
    """
    if text.isascii() and text.isdigit():
        return Requests(count=int(text))
    if (match := _TIME.fullmatch(text)) and float(match[1]) > 0:
        return Duration(ns=round(float(match[1]) * _UNITS_NS[match[2]]))
    raise BadInput(f"{flag} {text!r} is no amount: it takes a number of requests (200) or a time (90s, 1.5m, 500ms)")


def _closed(rest: str) -> AnyLoad:
    if not (rest.isascii() and rest.isdigit() and 1 <= int(rest) <= _MOST_PLACES):
        raise ValueError(f"a closed loop takes how many requests run at once, a whole number from 1 to {_MOST_PLACES}")
    return ClosedLoad(concurrency=int(rest))


def _gamma(rest: str) -> AnyLoad:
    rate, comma, shape = rest.partition(",")
    if not comma:
        raise ValueError("gamma takes a rate and a shape, as in gamma:8,0.5; a shape below 1 comes in bursts")
    return GammaLoad(rate=_rate(rate), shape=_number(shape, "a shape", least=0.01, most=1000))


def _ramp(rest: str) -> AnyLoad:
    first, dash, last = rest.partition("-")
    if not dash:
        raise ValueError("a ramp takes its first and its last rate, as in ramp:1-20")
    return RampLoad(first=_rate(first), last=_rate(last))


def _trace(rest: str) -> AnyLoad:
    file, comma, speed = rest.rpartition(",")
    if not comma or not _is_number(speed):  # a comma of the file's name
        file, speed = rest, "1"
    entries = read_trace(Path(file))
    times = tuple(entry.time_ns for entry in entries)
    return TraceLoad(name=Path(file).name, times_ns=times, speed=_number(speed, "a speed", least=1e-3, most=1e3))


def _rate(text: str) -> float:
    return _number(text, "a rate in requests per second", least=1e-6, most=_MOST_RATE)


def _number(text: str, what: str, *, least: float, most: float) -> float:
    if not _is_number(text) or not least <= float(text) <= most:
        raise ValueError(f"{text!r} is not {what}, a number from {least:g} to {most:g}")
    return float(text)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


_READERS: Mapping[str, Callable[[str], AnyLoad]] = {
    "closed": _closed,
    "constant": lambda rest: ConstantLoad(rate=_rate(rest)),
    "gamma": _gamma,
    "poisson": lambda rest: PoissonLoad(rate=_rate(rest)),
    "ramp": _ramp,
    "trace": _trace,
}
