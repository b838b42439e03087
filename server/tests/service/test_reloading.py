"""Another configuration while requests run: what they keep, what deployments keep, and what begins anew."""

from dataclasses import replace

from server_fakes.clock import on_fake_clock
from server_fakes.rig import Rig, ask, deployment, open_gates, rig
from server_fakes.upstream import Step, chunk, finish
from triphase_server.core.breaker import BreakerPolicy
from triphase_server.core.errors import Stage, UpstreamOverloaded
from triphase_server.core.events import AttemptStarted, Completed, Event, ReasoningSummaryDelta, SummarySource
from triphase_server.core.fold import Fold
from triphase_server.core.retry import RetryPolicy
from triphase_server.core.route import Deployment, Route, SummaryModel, Target
from triphase_server.core.transitions import CircuitState
from triphase_server.service.catalog import Catalog
from triphase_server.service.fleet import Fleet, MemberView

ANSWER: list[Step] = [chunk(content="42"), finish()]
A = Target(deployment=deployment("a"))
B = Target(deployment=deployment("b"), priority=1)
ROUTE = Route(name="m", targets=(A,))


def fleet_of(*deployments: Deployment) -> Fleet:
    return Fleet(deployments, gate_of=open_gates(), draw=lambda: 0.0)


def member(fleet: Fleet, name: str) -> MemberView:
    return next(view for view in fleet.members() if view.deployment.name == name)


def state(fleet: Fleet, name: str) -> CircuitState:
    return member(fleet, name).circuit.state


async def through_a_reload(rig_: Rig, *deployments: Deployment) -> list[Event]:
    """Plays a request, and replaces all deployments after its first event."""
    events: list[Event] = []
    async for _, event in rig_.timed(ask()):
        if not events:
            rig_.fleet.replace(deployments)
        events.append(event)
    return events


@on_fake_clock
async def test_a_request_ends_whole_where_its_deployment_is_gone() -> None:
    rig_ = rig([5.0, *ANSWER], targets=[A])
    fold = Fold()
    for event in await through_a_reload(rig_, deployment("other")):
        fold.feed(event)
    assert fold.response.output == "42"
    assert [view.deployment.name for view in rig_.fleet.members()] == ["other"]


@on_fake_clock
async def test_a_request_falls_back_to_the_deployment_that_it_began_with() -> None:
    full = UpstreamOverloaded("full", stage=Stage.FIRST_BYTE)
    changed = replace(A.deployment, model="another"), replace(B.deployment, extra_body={"top_k": 20})
    rig_ = rig([full], ANSWER, targets=[A, B], retry=RetryPolicy(max_attempts=2))
    events = await through_a_reload(rig_, *changed)
    assert [event.deployment for event in events if isinstance(event, AttemptStarted)] == ["a", "b"]
    assert [asked.deployment for asked in rig_.upstream.asked] == [A.deployment, B.deployment]
    assert isinstance(events[-1], Completed)


@on_fake_clock
async def test_a_summary_model_that_is_gone_summarizes_to_the_end_of_the_request() -> None:
    thinks: list[Step] = [
        1.0,
        chunk(reasoning="I need to add 47 and 38, so 47+38=85.\nHmm"),
        1.0,
        chunk(content="85"),
        finish(),
    ]
    rig_ = rig(thinks, [chunk(content="The sum is 85."), finish()], summary_model=SummaryModel(route="small"))
    events = await through_a_reload(rig_, deployment("m-a"))
    sources = [event.source for event in events if isinstance(event, ReasoningSummaryDelta)]
    assert sources == [SummarySource.MODEL]


@on_fake_clock
async def test_what_goes_on_keeps_its_load_and_its_latency() -> None:
    rig_ = rig([2.0, *ANSWER, 5.0], targets=[A])
    slower = replace(A.deployment, extra_body={"top_k": 20})
    seen = []
    async for _, event in rig_.timed(ask()):
        if isinstance(event, AttemptStarted):
            rig_.fleet.replace([slower])
            seen.append(member(rig_.fleet, "a").in_flight)
    view = member(rig_.fleet, "a")
    assert (seen, view.in_flight, view.deployment) == ([1], 0, slower)
    assert 0 < view.latency_s <= 2.0


@on_fake_clock
async def test_an_open_circuit_stays_open_and_goes_by_its_new_policy() -> None:
    trips = BreakerPolicy(consecutive_failures=1)
    fleet = fleet_of(replace(A.deployment, breaker=trips))
    lease = fleet.lease([ROUTE], affinity_key="")
    assert lease is not None
    lease.end(UpstreamOverloaded("full", stage=Stage.FIRST_BYTE))
    fleet.replace([replace(A.deployment, breaker=BreakerPolicy(consecutive_failures=9))])
    assert state(fleet, "a") is CircuitState.OPEN
    fleet.restore("a")
    lease = fleet.lease([ROUTE], affinity_key="")
    assert lease is not None
    lease.end(UpstreamOverloaded("full", stage=Stage.FIRST_BYTE))
    assert state(fleet, "a") is CircuitState.CLOSED


@on_fake_clock
async def test_another_name_for_one_model_at_one_upstream_has_its_circuit() -> None:
    fleet = fleet_of(A.deployment)
    fleet.isolate("a")
    fleet.replace([replace(A.deployment, name="renamed")])
    assert state(fleet, "renamed") is CircuitState.ISOLATED


@on_fake_clock
async def test_what_an_operator_isolated_stays_so_under_its_name() -> None:
    fleet = fleet_of(A.deployment, B.deployment)
    fleet.isolate("a")
    fleet.replace([A.deployment, B.deployment], moved={"u-a"})
    assert state(fleet, "a") is CircuitState.ISOLATED
    fleet.replace([replace(A.deployment, model="another"), B.deployment])
    assert state(fleet, "a") is CircuitState.ISOLATED
    assert state(fleet, "b") is CircuitState.CLOSED


@on_fake_clock
async def test_isolation_shuts_no_other_deployment_off() -> None:
    fleet = fleet_of(A.deployment, B.deployment)
    fleet.isolate("a")
    fleet.replace([replace(B.deployment, name="a"), B.deployment])
    assert state(fleet, "b") is CircuitState.CLOSED


@on_fake_clock
async def test_another_server_begins_anew() -> None:
    fleet = fleet_of(replace(A.deployment, breaker=BreakerPolicy(consecutive_failures=1)))
    lease = fleet.lease([ROUTE], affinity_key="")
    assert lease is not None
    fleet.replace([A.deployment], moved={"u-a"})
    assert member(fleet, "a").in_flight == 0
    lease.end(UpstreamOverloaded("full", stage=Stage.FIRST_BYTE))
    view = member(fleet, "a")
    assert (view.circuit.state, view.circuit.failures, view.in_flight) == (CircuitState.CLOSED, 0, 0)


@on_fake_clock
async def test_a_removed_deployment_that_comes_back_begins_anew() -> None:
    fleet = fleet_of(A.deployment)
    fleet.isolate("a")
    fleet.replace([B.deployment])
    fleet.replace([A.deployment, B.deployment])
    assert state(fleet, "a") is CircuitState.CLOSED


@on_fake_clock
async def test_the_first_of_the_routes_decides_the_policy_of_a_shared_circuit() -> None:
    first = replace(A.deployment, breaker=BreakerPolicy(consecutive_failures=1))
    second = replace(A.deployment, name="second", breaker=BreakerPolicy(consecutive_failures=7))
    fleet = fleet_of(first, second)
    fleet.replace([second, first])
    lease = fleet.lease([ROUTE], affinity_key="")
    assert lease is not None
    lease.end(UpstreamOverloaded("full", stage=Stage.FIRST_BYTE))
    assert state(fleet, "a") is CircuitState.CLOSED


def test_the_catalog_finds_the_routes_of_the_latest_configuration() -> None:
    catalog = Catalog({"m": ROUTE})
    catalog.replace({"n": replace(ROUTE, name="n")})
    assert [route.name for route in catalog.routes()] == ["n"]
    assert catalog.find("n").name == "n"
