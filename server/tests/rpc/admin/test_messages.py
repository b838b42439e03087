"""Values and messages of the admin service say the same, both ways."""

import pytest
from triphase.admin.v1 import Circuit, CircuitReason, CircuitState, Deployment
from triphase_server.core import transitions
from triphase_server.rpc.admin.messages import (
    from_configuration_response,
    from_deployments,
    from_status_response,
    to_configuration_response,
    to_deployments,
    to_status_response,
)
from triphase_server.service.administration import CircuitStatus, DeploymentStatus, WorkerStatus


def status(
    state: transitions.CircuitState = transitions.CircuitState.CLOSED, reason: transitions.Reason | None = None
) -> DeploymentStatus:
    circuit = CircuitStatus(
        state=state,
        reason=reason,
        since_s=1.5 if reason else None,
        retry_after_s=0.25 if reason else None,
        calls=7,
        failures=3,
        slow_calls=2,
        consecutive_failures=1,
    )
    return DeploymentStatus(
        name="a",
        upstream="u",
        model="m",
        routes=("r", "s"),
        circuit=circuit,
        in_flight=4,
        latency_s=0.125 if reason else None,
    )


@pytest.mark.parametrize("state", transitions.CircuitState)
@pytest.mark.parametrize("reason", [None, *transitions.Reason])
def test_a_deployment_travels_whole(state: transitions.CircuitState, reason: transitions.Reason | None) -> None:
    worker = WorkerStatus(
        place=1, workers=2, process_id=4711, uptime_s=3600.25, deployments=(status(state, reason), status())
    )
    assert from_status_response(to_status_response(worker)) == worker


def test_every_value_of_the_contract_is_used() -> None:
    states = {to_deployments([status(state)])[0].circuit.state for state in transitions.CircuitState}
    reasons = {to_deployments([status(reason=reason)])[0].circuit.reason for reason in (None, *transitions.Reason)}
    assert states == {*CircuitState.values()} - {CircuitState.Value("CIRCUIT_STATE_UNSPECIFIED")}
    assert reasons == {*CircuitReason.values()}


def test_a_state_that_is_not_known_is_refused_and_a_reason_is_none() -> None:
    with pytest.raises(ValueError, match="does not know"):
        from_deployments([Deployment(name="a")])
    newer = Circuit(state=CircuitState.Value("CIRCUIT_STATE_OPEN"))
    newer.MergeFromString(b"\x10\x63")  # reason = 99
    assert from_deployments([Deployment(circuit=newer)])[0].circuit.reason is None


def test_a_configuration_keeps_its_numbers_and_is_sorted() -> None:
    told = {"z": {"b": 1, "a": 2.5}, "list": [1, "x", None, True, {"n": 3}], "a": ""}
    read = from_configuration_response(to_configuration_response(told))
    assert read == told
    assert repr(read) == "{'a': '', 'list': [1, 'x', None, True, {'n': 3}], 'z': {'a': 2.5, 'b': 1}}"
