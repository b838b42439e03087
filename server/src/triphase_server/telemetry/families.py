"""Every metric of the gateway as one table: its name, its labels, what it counts.

Rule: names are those of the OpenTelemetry GenAI conventions where there is one, in Prometheus spelling: those of
`gen_ai_server_*` for what callers see, of `gen_ai_client_*` for what upstreams did; else `triphase_*`. Label values are
names of the configuration and closed vocabularies, never anything that a caller or an upstream wrote. What is recorded
when is in `metrics.py` and `gauges.py`; `docs/metrics.md` tells operators of this table.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What Prometheus makes of a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric; `buckets` are a histogram's bounds, `across` says how a gauge of several workers is made one."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()
    across: str = "livesum"


# The conventions' own bounds end at 82 s, which is soon for a model that thinks: the longest request lasts an hour.
DURATIONS_S = tuple(0.01 * 2**n for n in range(20))
_INSTANTS_S = tuple(0.0005 * 2**n for n in range(14))
_TOKENS = tuple(float(4**n) for n in range(14))

_COMMON = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")

REQUEST_DURATION = Family(
    name="gen_ai_server_request_duration_seconds",
    kind=Kind.HISTOGRAM,
    labels=(*_COMMON, "error_type"),
    help="From the accepted request to its end; error_type is empty where it was completed",
    buckets=DURATIONS_S,
)
TIME_TO_FIRST_TOKEN = Family(
    name="gen_ai_server_time_to_first_token_seconds",
    kind=Kind.HISTOGRAM,
    labels=_COMMON,
    help="From the accepted request to its first thought, output or tool call",
    buckets=DURATIONS_S,
)
TIME_PER_OUTPUT_TOKEN = Family(
    name="gen_ai_server_time_per_output_token_seconds",
    kind=Kind.HISTOGRAM,
    labels=_COMMON,
    help="Time after the first token for each further one, of completed requests whose tokens the engine counted",
    buckets=_INSTANTS_S,
)
ATTEMPT_DURATION = Family(
    name="gen_ai_client_operation_duration_seconds",
    kind=Kind.HISTOGRAM,
    labels=(*_COMMON, "deployment", "error_type"),
    help="From the begin of an attempt to its end; error_type is empty where its answer was whole",
    buckets=DURATIONS_S,
)
ATTEMPT_FIRST_CHUNK = Family(
    name="gen_ai_client_operation_time_to_first_chunk_seconds",
    kind=Kind.HISTOGRAM,
    labels=(*_COMMON, "deployment"),
    help="From the begin of an attempt to its first thought, output or tool call",
    buckets=DURATIONS_S,
)
TOKEN_USAGE = Family(
    name="gen_ai_client_token_usage",
    kind=Kind.HISTOGRAM,
    labels=(*_COMMON, "deployment", "gen_ai_token_type"),
    help="Input and output tokens of each completed request",
    buckets=_TOKENS,
)
REQUESTS = Family(
    name="triphase_requests_total",
    kind=Kind.COUNTER,
    labels=("route", "outcome", "finish_reason", "error_type"),
    help="Requests that ended; refused = failed before any upstream was asked",
)
IN_FLIGHT = Family(
    name="triphase_requests_in_flight",
    kind=Kind.GAUGE,
    labels=("route",),
    help="Requests that have begun and not ended",
)
TIME_TO_FIRST_EVENT = Family(
    name="triphase_time_to_first_event_seconds",
    kind=Kind.HISTOGRAM,
    labels=("route",),
    help="From the accepted request until its first event was written",
    buckets=_INSTANTS_S,
)
TIME_TO_FIRST_REASONING = Family(
    name="triphase_time_to_first_reasoning_seconds",
    kind=Kind.HISTOGRAM,
    labels=("route",),
    help="From the accepted request to the first thought",
    buckets=DURATIONS_S,
)
TIME_TO_FIRST_OUTPUT = Family(
    name="triphase_time_to_first_output_seconds",
    kind=Kind.HISTOGRAM,
    labels=("route",),
    help="From the accepted request to the first output or tool call",
    buckets=DURATIONS_S,
)
PHASE_DURATION = Family(
    name="triphase_phase_duration_seconds",
    kind=Kind.HISTOGRAM,
    labels=("route", "phase"),
    help="How long phases were open",
    buckets=DURATIONS_S,
)
TOKENS = Family(
    name="triphase_tokens_total",
    kind=Kind.COUNTER,
    labels=("route", "kind"),
    help="Tokens of completed requests; reasoning is part of output, cached part of input",
)
HEARTBEATS = Family(
    name="triphase_heartbeats_total", kind=Kind.COUNTER, labels=("route",), help="Heartbeats that were sent"
)
RESTARTS = Family(
    name="triphase_restarts_total",
    kind=Kind.COUNTER,
    labels=("route",),
    help="Streams that were begun anew after their first token",
)
ATTEMPTS = Family(
    name="triphase_attempts_total",
    kind=Kind.COUNTER,
    labels=("deployment", "reason", "error_type"),
    help="Attempts that ended, by why they were begun; error_type is empty where the answer was whole",
)
DEPLOYMENT_IN_FLIGHT = Family(
    name="triphase_deployment_in_flight",
    kind=Kind.GAUGE,
    labels=("deployment",),
    help="Attempts that run, as of the last second",
)
DEPLOYMENT_LATENCY = Family(
    name="triphase_deployment_latency_seconds",
    kind=Kind.GAUGE,
    labels=("deployment",),
    help="Time to the first token as routing sees it: peaks at once, falls slowly; of workers the highest",
    across="livemax",
)
ADMISSION_IN_FLIGHT = Family(
    name="triphase_admission_in_flight",
    kind=Kind.GAUGE,
    labels=("upstream",),
    help="Requests that have a place at an upstream; with an empty name, in the gateway",
)
ADMISSION_QUEUE = Family(
    name="triphase_admission_queue",
    kind=Kind.GAUGE,
    labels=("upstream",),
    help="Requests that wait for a place there; one may wait at several upstreams",
)
ADMISSION_LIMIT = Family(
    name="triphase_admission_limit",
    kind=Kind.GAUGE,
    labels=("upstream",),
    help="Places there are at this moment; 0 = no bound",
)
CIRCUIT_STATE = Family(
    name="triphase_circuit_state",
    kind=Kind.GAUGE,
    labels=("deployment",),
    help="0 closed, 1 half-open, 2 open, 3 isolated; of workers the highest",
    across="livemax",
)
CIRCUIT_TRANSITIONS = Family(
    name="triphase_circuit_transitions_total",
    kind=Kind.COUNTER,
    labels=("deployment", "state"),
    help="How often circuits entered a state",
)
CHECKS = Family(
    name="triphase_checks_total",
    kind=Kind.COUNTER,
    labels=("verdict", "error_type"),
    help="Checks of model repositories that callers asked for, by how they ended",
)
CHECK_DURATION = Family(
    name="triphase_check_duration_seconds",
    kind=Kind.HISTOGRAM,
    labels=("error_type",),
    help="From the request for a check to its end, the wait for a place included",
    buckets=DURATIONS_S,
)
RELOADS = Family(
    name="triphase_config_reloads_total",
    kind=Kind.COUNTER,
    labels=("result",),
    help="Configurations that were read again while the gateway ran, by what became of them",
)
LAST_RELOAD = Family(
    name="triphase_config_last_reload_timestamp_seconds",
    kind=Kind.GAUGE,
    labels=("result",),
    help="When the last reload of that result was, in Unix time; the start counts as applied",
    across="livemax",
)

FAMILIES = (
    REQUEST_DURATION,
    TIME_TO_FIRST_TOKEN,
    TIME_PER_OUTPUT_TOKEN,
    ATTEMPT_DURATION,
    ATTEMPT_FIRST_CHUNK,
    TOKEN_USAGE,
    REQUESTS,
    IN_FLIGHT,
    TIME_TO_FIRST_EVENT,
    TIME_TO_FIRST_REASONING,
    TIME_TO_FIRST_OUTPUT,
    PHASE_DURATION,
    TOKENS,
    HEARTBEATS,
    RESTARTS,
    ATTEMPTS,
    DEPLOYMENT_IN_FLIGHT,
    DEPLOYMENT_LATENCY,
    ADMISSION_IN_FLIGHT,
    ADMISSION_QUEUE,
    ADMISSION_LIMIT,
    CIRCUIT_STATE,
    CIRCUIT_TRANSITIONS,
    CHECKS,
    CHECK_DURATION,
    RELOADS,
    LAST_RELOAD,
)
