"""The table of metrics: what each is called, what it means, which statistics of it a round has, which way is better.

Its rule: one row for each, and nothing about a metric stands anywhere else. A metric is either a sample, of which
percentiles and a mean are taken, or one value of a whole round. The formulas are those of GLOSSARY.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from triphase_benchmark.metrics import latencies, rates
from triphase_benchmark.metrics.rates import Conditions, Rate
from triphase_benchmark.metrics.requests import Floats, Requests
from triphase_benchmark.statistics.percentiles import sample_floor

# The percentiles by their names, and the fewest values that each is told of. The gaps of a pool depend on each other,
# so theirs are known less surely than as many requests' are: how they vary over rounds tells how surely.
SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
FLOORS = {name: sample_floor(share) for name, share in SHARES.items()}

_ALL = (*SHARES, "mean")
_MIDDLE = ("p50", "mean")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric: `sample` gives all its values in a round, without NaN, or `rate` its one value.

    `of_gateways`: no engine has it that does not answer in phases.
    """

    name: str
    formula: str
    unit: str
    better: Literal["lower", "higher"]
    statistics: tuple[str, ...]
    sample: Callable[[Requests], Floats] | None = None
    rate: Callable[[Requests, Conditions], Rate] | None = None
    of_gateways: bool = False


def _measured(each: Callable[[Requests], Floats]) -> Callable[[Requests], Floats]:
    """Makes of a value of each request the sample of those that are measured and have one."""

    def sample(requests: Requests) -> Floats:
        values = each(requests)
        return values[requests.measured & ~np.isnan(values)]

    return sample


def _latency(name: str, formula: str, each: Callable[[Requests], Floats]) -> Metric:
    return Metric(name=name, formula=formula, unit="s", better="lower", statistics=_ALL, sample=_measured(each))


def _phase(name: str, formula: str, each: Callable[[Requests], Floats]) -> Metric:
    return replace(_latency(name, formula, each), of_gateways=True)


def _pool(name: str, formula: str, pool: Callable[[Requests], Floats]) -> Metric:
    return Metric(name=name, formula=formula, unit="s", better="lower", statistics=_ALL, sample=pool)


def _rate(name: str, formula: str, unit: str, rate: Callable[[Requests, Conditions], Rate]) -> Metric:
    return Metric(name=name, formula=formula, unit=unit, better="higher", statistics=("rate",), rate=rate)


_ROWS = (
    _latency("ttft", "first token chunk on any channel - sent", latencies.ttft),
    _latency("ttft_scheduled", "first token chunk on any channel - scheduled", latencies.ttft_scheduled),
    _latency("ttfa", "first token chunk of output - sent", latencies.ttfa),
    _latency("e2e", "ended - sent", latencies.e2e),
    _latency("e2e_scheduled", "ended - scheduled", latencies.e2e_scheduled),
    _latency("tpot", "(E2E - TTFT) / (output tokens - tokens in the first token chunk)", latencies.tpot),
    _pool("itl", "gaps between successive tokens; 0 within a chunk", latencies.itl),
    _pool("icl", "gaps between successive token chunks", latencies.icl),
    _latency("ntpot", "E2E / output tokens", latencies.ntpot),
    _phase("accepted", "acceptance by the gateway - sent", latencies.accepted),
    _phase("prompt_summary", "prompt summary - sent", latencies.prompt_summary),
    _phase("reasoning_summary", "first part of the reasoning summary - sent", latencies.reasoning_summary),
    _rate("output_throughput", "output tokens in the steady window / its length", "tokens/s", rates.output_throughput),
    _rate("total_throughput", "all tokens in the steady window / its length", "tokens/s", rates.total_throughput),
    _rate("request_throughput", "answers in the steady window / its length", "requests/s", rates.request_throughput),
    Metric(
        name="user_speed",
        formula="1 / TPOT",
        unit="tokens/s",
        better="higher",
        statistics=_MIDDLE,  # a high percentile of a speed would be its best case
        sample=_measured(latencies.user_speed),
    ),
    _rate("goodput", "answers that met all SLOs in the steady window / its length", "requests/s", rates.goodput),
    Metric(
        name="reasoning_tokens",
        formula="tokens of thoughts, by usage",
        unit="tokens",
        better="lower",
        statistics=_MIDDLE,
        sample=_measured(latencies.reasoning_tokens),
    ),
    Metric(
        name="error_rate",
        formula="failed requests / sent requests",
        unit="share",
        better="lower",
        statistics=("rate",),
        rate=rates.error_rate,
    ),
    _latency("schedule_delay", "sent - scheduled", latencies.schedule_delay),
    Metric(
        name="cost",
        formula="(input tokens · price of input + output tokens · price of output) / output tokens",
        unit="currency per million output tokens",
        better="lower",
        statistics=("mean",),
        rate=rates.cost,
    ),
)
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ROWS}
OF_GATEWAYS = frozenset(metric.name for metric in _ROWS if metric.of_gateways)
