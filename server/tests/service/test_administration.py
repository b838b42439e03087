"""What an operator is told of one worker, and what isolating and restoring change."""

import asyncio
import logging

import pytest
from server_fakes.clock import on_fake_clock
from server_fakes.rig import Rig, ask, deployment, rig
from server_fakes.upstream import Step, chunk, finish
from triphase_server.core.breaker import BreakerPolicy
from triphase_server.core.errors import CircuitsOpen, Stage, UnknownDeployment, UpstreamConnectionLost
from triphase_server.core.events import AttemptStarted, Event
from triphase_server.core.retry import RetryPolicy
from triphase_server.core.route import Target, WhenAllOpen
from triphase_server.core.transitions import CircuitState, Reason
from triphase_server.service.administration import Administration, DeploymentStatus, Place
from triphase_server.service.catalog import Catalog

ANSWER: list[Step] = [chunk(content="42"), finish()]
TRIPS = BreakerPolicy(consecutive_failures=1, open_s=5.0, jitter=0.0)
TWO = (Target(deployment=deployment("a")), Target(deployment=deployment("b"), priority=1))


def administration(rig_: Rig, *, place: Place | None = None) -> Administration:
    return Administration(
        rig_.fleet,
        catalog=Catalog(rig_.routes),
        configuration=dict,
        process_id=4711,
        place=place or Place(),
    )


def one(admin: Administration, name: str) -> DeploymentStatus:
    (found,) = [status for status in admin.status().deployments if status.name == name]
    return found


def asked(events: list[Event]) -> list[str]:
    return [event.deployment for event in events if isinstance(event, AttemptStarted)]


@on_fake_clock
async def test_the_worker_says_who_it_is_and_for_how_long() -> None:
    admin = administration(rig(), place=Place(place=2, workers=3))
    await asyncio.sleep(90)
    status = admin.status()
    assert (status.place, status.workers, status.process_id, status.uptime_s) == (2, 3, 4711, 90.0)


@on_fake_clock
async def test_a_deployment_that_nobody_asked_yet() -> None:
    admin = administration(rig(fallbacks=("small",)))
    status = one(admin, "m-a")
    assert (status.upstream, status.model, status.routes) == ("u-m-a", "engine-m-a", ("m",))
    assert (status.in_flight, status.latency_s) == (0, None)
    circuit = status.circuit
    assert (circuit.state, circuit.reason, circuit.since_s, circuit.retry_after_s) == (
        CircuitState.CLOSED,
        None,
        None,
        None,
    )


@on_fake_clock
async def test_what_runs_and_how_long_the_first_token_took() -> None:
    rig_ = rig([0.5, *ANSWER[:1], 1000.0])
    admin = administration(rig_)
    running = asyncio.create_task(rig_.events(ask()))
    await asyncio.sleep(2)
    status = one(admin, "m-a")
    assert status.in_flight == 1
    assert status.latency_s == pytest.approx(0.5)
    running.cancel()
    await asyncio.wait((running,))
    assert one(admin, "m-a").in_flight == 0


@on_fake_clock
async def test_times_of_an_open_circuit_count_from_now() -> None:
    lost = UpstreamConnectionLost("lost", stage=Stage.CONNECT)
    rig_ = rig([lost], targets=[Target(deployment=deployment("a", breaker=TRIPS))])
    admin = administration(rig_)
    await rig_.failure(ask())
    await asyncio.sleep(2)
    circuit = one(admin, "a").circuit
    assert (circuit.state, circuit.reason) == (CircuitState.OPEN, Reason.CONSECUTIVE_FAILURES)
    assert (circuit.since_s, circuit.retry_after_s, circuit.consecutive_failures) == (2.0, 3.0, 1)
    await asyncio.sleep(4)
    circuit = one(admin, "a").circuit
    assert (circuit.state, circuit.retry_after_s) == (CircuitState.HALF_OPEN, None)


@on_fake_clock
async def test_an_isolated_deployment_is_passed_over_until_it_is_restored(caplog: pytest.LogCaptureFixture) -> None:
    rig_ = rig(ANSWER, targets=TWO)
    admin = administration(rig_)
    with caplog.at_level(logging.WARNING):
        (isolated,) = admin.isolate("a")
        assert (isolated.name, isolated.circuit.state, isolated.circuit.since_s) == ("a", CircuitState.ISOLATED, 0.0)
        assert asked(await rig_.events(ask())) == ["b"]
        (restored,) = admin.restore("a")
        assert (restored.circuit.state, restored.circuit.reason) == (CircuitState.CLOSED, Reason.RESTORED)
        assert asked(await rig_.events(ask())) == ["a"]
    told = [f"the operator {done} deployment a" for done in ("isolated", "restored")]
    assert [record.getMessage() for record in caplog.records] == told


@pytest.mark.parametrize("when_all_open", WhenAllOpen)
@on_fake_clock
async def test_a_request_fails_typed_where_all_are_isolated(when_all_open: WhenAllOpen) -> None:
    rig_ = rig(ANSWER, when_all_open=when_all_open)
    administration(rig_).isolate("m-a")
    events, error = await rig_.failure(ask())
    assert asked(events) == []
    assert isinstance(error, CircuitsOpen)
    assert error.retry_after_s is None


@on_fake_clock
async def test_what_runs_when_its_deployment_is_isolated_ends_well() -> None:
    rig_ = rig([chunk(content="4"), 5.0, chunk(content="2"), finish()], retry=RetryPolicy(max_attempts=1))
    admin = administration(rig_)
    running = asyncio.create_task(rig_.events(ask()))
    await asyncio.sleep(1)
    assert admin.isolate("m-a")[0].in_flight == 1
    await running
    status = one(admin, "m-a")
    assert (status.in_flight, status.circuit.state) == (0, CircuitState.ISOLATED)


@on_fake_clock
async def test_those_of_one_model_at_one_upstream_share_a_circuit_and_are_told_together() -> None:
    twins = [deployment(name, upstream="u", model="m") for name in ("one", "two")]
    admin = administration(rig(targets=[Target(deployment=d) for d in (*twins, deployment("other"))]))
    assert [status.name for status in admin.isolate("two")] == ["one", "two"]
    states = {status.name: status.circuit.state for status in admin.status().deployments}
    assert states["one"] == states["two"] == CircuitState.ISOLATED
    assert states["other"] is CircuitState.CLOSED
    assert [status.name for status in admin.restore("one")] == ["one", "two"]


@on_fake_clock
async def test_an_unknown_name_tells_the_known_ones_and_never_buries_them() -> None:
    admin = administration(rig())
    for steer in (admin.isolate, admin.restore):
        with pytest.raises(UnknownDeployment) as unknown:
            steer("x" * 1000)
        assert unknown.value.message.endswith("known deployments: m-a, small-a")
        assert len(unknown.value.message) < 200
