"""Prometheus metrics of requests and attempts: recorded once at the end of each, nothing for a token or an event.

Rule: a label value comes from the configuration or a closed vocabulary, so that callers cannot make series. Which
metrics there are is in `families.py`; deployments and circuits are sampled by `gauges.py`; who reads them is served by
`exposition.py`.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from triphase_server.core.errors import GatewayError
from triphase_server.core.events import Completed
from triphase_server.service.ports import AttemptOutcome, Outcome
from triphase_server.telemetry import families
from triphase_server.telemetry.families import FAMILIES, Family, Kind
from triphase_server.telemetry.log import CANCELLED, word_for

UNKNOWN = "unknown"
_OPERATION, _PROVIDER = "chat", "triphase"

# From label values to their series. Series are few and live as long as the process, so each is looked up once.
Series = Callable[..., Any]


class Registry:
    """The metrics of one process, by family; `collector` is what is served, one of its own unless it is given."""

    def __init__(self, collector: CollectorRegistry | None = None, *, families: Iterable[Family] = FAMILIES) -> None:
        # Else each series brings another one that says when it began.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.collector = collector or CollectorRegistry()
        self._series: dict[str, Series] = {
            family.name: cache(_metric(family, self.collector).labels) for family in families
        }

    def series(self, family: Family) -> Series:
        """Returns the function from label values, in the family's order, to their series."""
        return self._series[family.name]


class Metrics:
    """An Observer that records; `reason_of` gives the word by which callers know an error."""

    def __init__(self, registry: Registry, *, reason_of: Callable[[GatewayError], str]) -> None:
        self._reason_of = reason_of
        self._duration = registry.series(families.REQUEST_DURATION)
        self._first_token = registry.series(families.TIME_TO_FIRST_TOKEN)
        self._per_token = registry.series(families.TIME_PER_OUTPUT_TOKEN)
        self._attempt_duration = registry.series(families.ATTEMPT_DURATION)
        self._first_chunk = registry.series(families.ATTEMPT_FIRST_CHUNK)
        self._usage = registry.series(families.TOKEN_USAGE)
        self._requests = registry.series(families.REQUESTS)
        self._in_flight = registry.series(families.IN_FLIGHT)
        self._first_event = registry.series(families.TIME_TO_FIRST_EVENT)
        self._first_reasoning = registry.series(families.TIME_TO_FIRST_REASONING)
        self._first_output = registry.series(families.TIME_TO_FIRST_OUTPUT)
        self._phase = registry.series(families.PHASE_DURATION)
        self._tokens = registry.series(families.TOKENS)
        self._heartbeats = registry.series(families.HEARTBEATS)
        self._restarts = registry.series(families.RESTARTS)
        self._attempts = registry.series(families.ATTEMPTS)

    def began(self, route: str) -> None:
        """Counts a request in."""
        self._in_flight(route).inc()

    def attempted(self, attempt: AttemptOutcome) -> None:
        """Records an attempt."""
        error_type = self._error_type(attempt.error)
        route, name = attempt.route, attempt.deployment
        self._attempts(name, attempt.reason.value, error_type).inc()
        self._attempt_duration(_OPERATION, _PROVIDER, route, name, error_type).observe(attempt.total_s)
        if attempt.first_token_s is not None:
            self._first_chunk(_OPERATION, _PROVIDER, route, name).observe(attempt.first_token_s)

    def ended(self, outcome: Outcome) -> None:
        """Records a request, and counts it out if it had a route."""
        route = outcome.route or UNKNOWN
        ending, finish_reason, error_type = self._ending(outcome)
        self._requests(route, ending, finish_reason, error_type).inc()
        self._duration(_OPERATION, _PROVIDER, route, error_type).observe(outcome.total_s)
        if not outcome.route:
            return
        self._in_flight(route).dec()
        self._record_times(outcome)
        if outcome.completed is not None:
            self._record_tokens(outcome, outcome.completed)
        if outcome.heartbeats:
            self._heartbeats(route).inc(outcome.heartbeats)
        if outcome.restarts:
            self._restarts(route).inc(outcome.restarts)

    def _ending(self, outcome: Outcome) -> tuple[str, str, str]:
        """Returns the outcome, the finish reason and the error type."""
        if outcome.error is not None:
            return "failed" if outcome.attempts else "refused", "", self._error_type(outcome.error)
        if outcome.completed is None:
            return CANCELLED, "", CANCELLED
        return "completed", outcome.completed.finish_reason.value, ""

    def _error_type(self, error: BaseException | None) -> str:
        return word_for(error, reason_of=self._reason_of)

    def _record_times(self, outcome: Outcome) -> None:
        route, timings = outcome.route, outcome.timings
        if outcome.first_event_s is not None:
            self._first_event(route).observe(outcome.first_event_s)
        if timings.first_reasoning_s is not None:
            self._first_reasoning(route).observe(timings.first_reasoning_s)
        if timings.first_output_s is not None:
            self._first_output(route).observe(timings.first_output_s)
        if (first_token_s := _first_token_s(outcome)) is not None:
            self._first_token(_OPERATION, _PROVIDER, route).observe(first_token_s)
        for phase in outcome.phases:
            self._phase(route, phase.phase.value).observe(phase.duration_s)

    def _record_tokens(self, outcome: Outcome, completed: Completed) -> None:
        usage, route, name = completed.usage, outcome.route, completed.deployment
        counts = {
            "input": usage.input_tokens,
            "output": usage.output_tokens,
            "reasoning": usage.reasoning_tokens,
            "cached": usage.cached_tokens,
            "summary_input": usage.summary_input_tokens,
            "summary_output": usage.summary_output_tokens,
        }
        for kind, tokens in counts.items():
            if tokens:
                self._tokens(route, kind).inc(tokens)
        for kind in ("input", "output"):
            self._usage(_OPERATION, _PROVIDER, route, name, kind).observe(counts[kind])
        first_token_s = _first_token_s(outcome)
        if first_token_s is not None and usage.output_tokens > 1 and not usage.estimated:
            per_token_s = (outcome.total_s - first_token_s) / (usage.output_tokens - 1)
            self._per_token(_OPERATION, _PROVIDER, route).observe(per_token_s)


def _first_token_s(outcome: Outcome) -> float | None:
    reasoning_s, output_s = outcome.timings.first_reasoning_s, outcome.timings.first_output_s
    if reasoning_s is None or output_s is None:
        return output_s if reasoning_s is None else reasoning_s
    return min(reasoning_s, output_s)


def _metric(family: Family, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    match family.kind:
        case Kind.COUNTER:
            return Counter(family.name, family.help, family.labels, registry=registry)
        case Kind.GAUGE:
            across: Any = family.across
            return Gauge(family.name, family.help, family.labels, registry=registry, multiprocess_mode=across)
        case Kind.HISTOGRAM:
            return Histogram(family.name, family.help, family.labels, registry=registry, buckets=family.buckets)
