"""Values of an operator's to messages of `triphase.admin.v1`, and back for the commands.

Rule: one table for each enumeration, read in both directions. A state that this version does not know is a ValueError
to whoever reads it, never a guess; a reason that it does not know is none.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct
from triphase.admin.v1 import (
    Circuit,
    Deployment,
    GetConfigurationResponse,
    GetStatusResponse,
    Worker,
    admin_service_pb2,
)

from triphase_server.core.transitions import CircuitState, Reason
from triphase_server.rpc.responses import to_duration
from triphase_server.service.administration import CircuitStatus, DeploymentStatus, WorkerStatus

_STATES: Mapping[CircuitState, "admin_service_pb2.CircuitState.ValueType"] = {
    CircuitState.CLOSED: admin_service_pb2.CIRCUIT_STATE_CLOSED,
    CircuitState.OPEN: admin_service_pb2.CIRCUIT_STATE_OPEN,
    CircuitState.HALF_OPEN: admin_service_pb2.CIRCUIT_STATE_HALF_OPEN,
    CircuitState.ISOLATED: admin_service_pb2.CIRCUIT_STATE_ISOLATED,
}
_REASONS: Mapping[Reason, "admin_service_pb2.CircuitReason.ValueType"] = {
    Reason.FAILURE_RATE: admin_service_pb2.CIRCUIT_REASON_FAILURE_RATE,
    Reason.CONSECUTIVE_FAILURES: admin_service_pb2.CIRCUIT_REASON_CONSECUTIVE_FAILURES,
    Reason.SLOW_CALLS: admin_service_pb2.CIRCUIT_REASON_SLOW_CALLS,
    Reason.RETRY_AFTER: admin_service_pb2.CIRCUIT_REASON_RETRY_AFTER,
    Reason.WAIT_OVER: admin_service_pb2.CIRCUIT_REASON_WAIT_OVER,
    Reason.PROBE_SUCCEEDED: admin_service_pb2.CIRCUIT_REASON_PROBE_SUCCEEDED,
    Reason.PROBE_FAILED: admin_service_pb2.CIRCUIT_REASON_PROBE_FAILED,
    Reason.PROBE_SLOW: admin_service_pb2.CIRCUIT_REASON_PROBE_SLOW,
    Reason.ISOLATED: admin_service_pb2.CIRCUIT_REASON_ISOLATED,
    Reason.RESTORED: admin_service_pb2.CIRCUIT_REASON_RESTORED,
}

Value = TypeVar("Value")
Number = TypeVar("Number", bound=int)


def to_status_response(status: WorkerStatus) -> GetStatusResponse:
    """Returns the message of a worker's status."""
    worker = Worker(
        place=status.place,
        workers=status.workers,
        process_id=status.process_id,
        uptime=to_duration(status.uptime_s),
    )
    return GetStatusResponse(worker=worker, deployments=to_deployments(status.deployments))


def to_deployments(deployments: Iterable[DeploymentStatus]) -> list[Deployment]:
    """Returns the messages of deployments."""
    return [_to_deployment(deployment) for deployment in deployments]


def to_configuration_response(configuration: Mapping[str, object]) -> GetConfigurationResponse:
    """Returns the message of a configuration, which holds nothing but what JSON has."""
    return GetConfigurationResponse(configuration=ParseDict(dict(configuration), Struct()))


def from_status_response(response: GetStatusResponse) -> WorkerStatus:
    """Returns a worker's status; raises ValueError where this version cannot read it."""
    worker = response.worker
    return WorkerStatus(
        place=worker.place,
        workers=worker.workers,
        process_id=worker.process_id,
        uptime_s=_seconds(worker.uptime),
        deployments=from_deployments(response.deployments),
    )


def from_deployments(messages: Iterable[Deployment]) -> tuple[DeploymentStatus, ...]:
    """Returns the values of deployments; raises ValueError where this version cannot read them."""
    return tuple(_from_deployment(message) for message in messages)


def from_configuration_response(response: GetConfigurationResponse) -> Mapping[str, object]:
    """Returns a configuration, sorted by keys; numbers that are whole are ints again."""
    return {key: _with_ints(value) for key, value in sorted(MessageToDict(response.configuration).items())}


def _to_deployment(status: DeploymentStatus) -> Deployment:
    return Deployment(
        name=status.name,
        upstream=status.upstream,
        model=status.model,
        routes=status.routes,
        circuit=_to_circuit(status.circuit),
        in_flight=status.in_flight,
        latency=_to_optional(status.latency_s),
    )


def _to_circuit(status: CircuitStatus) -> Circuit:
    return Circuit(
        state=_STATES[status.state],
        reason=_REASONS[status.reason] if status.reason else admin_service_pb2.CIRCUIT_REASON_UNSPECIFIED,
        since=_to_optional(status.since_s),
        retry_after=_to_optional(status.retry_after_s),
        calls=status.calls,
        failures=status.failures,
        slow_calls=status.slow_calls,
        consecutive_failures=status.consecutive_failures,
    )


def _from_deployment(message: Deployment) -> DeploymentStatus:
    return DeploymentStatus(
        name=message.name,
        upstream=message.upstream,
        model=message.model,
        routes=tuple(message.routes),
        circuit=_from_circuit(message.circuit),
        in_flight=message.in_flight,
        latency_s=_seconds(message.latency) if message.HasField("latency") else None,
    )


def _from_circuit(message: Circuit) -> CircuitStatus:
    state = _known(_STATES, message.state)
    if state is None:
        raise ValueError("a circuit is in a state that this version does not know")
    return CircuitStatus(
        state=state,
        reason=_known(_REASONS, message.reason),
        since_s=_seconds(message.since) if message.HasField("since") else None,
        retry_after_s=_seconds(message.retry_after) if message.HasField("retry_after") else None,
        calls=message.calls,
        failures=message.failures,
        slow_calls=message.slow_calls,
        consecutive_failures=message.consecutive_failures,
    )


def _with_ints(value: object) -> object:
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _with_ints(inner) for key, inner in sorted(value.items())}
        case list():
            return [_with_ints(item) for item in value]
        case _:
            return value


def _known(table: Mapping[Value, Number], number: Number) -> Value | None:
    return next((value for value, known in table.items() if known == number), None)


def _to_optional(seconds: float | None) -> Duration | None:
    return None if seconds is None else to_duration(seconds)


def _seconds(duration: Duration) -> float:
    return duration.ToMicroseconds() / 1_000_000
