"""Deployments and circuits as metrics: what a sample sets, and what happens between two."""

import asyncio
from collections.abc import Sequence

from server_fakes.clock import on_fake_clock
from server_fakes.rig import ask, deployment, open_gates, rig
from server_fakes.upstream import chunk, finish
from triphase_server.core.breaker import BreakerPolicy
from triphase_server.core.errors import Stage, UpstreamOverloaded
from triphase_server.core.route import Target
from triphase_server.service.fleet import Fleet, MemberView
from triphase_server.telemetry.gauges import FleetGauges
from triphase_server.telemetry.metrics import Registry

TRIPS = BreakerPolicy(consecutive_failures=1, open_s=10.0, jitter=0.0)
TARGET = Target(deployment=deployment("m-a", breaker=TRIPS))


def value(registry: Registry, name: str, **labels: str) -> float | None:
    return registry.collector.get_sample_value(name, {"deployment": "m-a", **labels})


@on_fake_clock
async def test_a_circuit_from_closed_to_open_and_back() -> None:
    rig_ = rig([UpstreamOverloaded("full", stage=Stage.FIRST_BYTE)], [chunk(content="8"), finish()], targets=[TARGET])
    registry = Registry()
    states = []
    async with FleetGauges(registry, gates=lambda: (), members=rig_.fleet.members).running():
        states.append(value(registry, "triphase_circuit_state"))
        await rig_.failure(ask())
        await asyncio.sleep(2)
        states.append(value(registry, "triphase_circuit_state"))
        await asyncio.sleep(10)
        states.append(value(registry, "triphase_circuit_state"))
        await rig_.events(ask())
        await asyncio.sleep(2)
        states.append(value(registry, "triphase_circuit_state"))
        rig_.fleet.isolate("m-a")
    states.append(value(registry, "triphase_circuit_state"))
    assert states == [0, 2, 1, 0, 3]
    entered = {
        state: value(registry, "triphase_circuit_transitions_total", state=state)
        for state in ("open", "half_open", "closed", "isolated")
    }
    assert entered == {"open": 1, "half_open": 1, "closed": 1, "isolated": 1}


@on_fake_clock
async def test_load_and_latency() -> None:
    rig_ = rig([3.0, chunk(content="8"), 5.0, finish()], targets=[TARGET])
    registry = Registry()
    async with FleetGauges(registry, gates=lambda: (), members=rig_.fleet.members).running():
        asking = asyncio.create_task(rig_.events(ask()))
        await asyncio.sleep(4.5)
        assert value(registry, "triphase_deployment_in_flight") == 1
        latency_s = value(registry, "triphase_deployment_latency_seconds")
        assert latency_s is not None
        assert 2 < latency_s <= 3
        await asking
    assert value(registry, "triphase_deployment_in_flight") == 0


@on_fake_clock
async def test_another_configuration() -> None:
    def fleet(name: str) -> Fleet:
        return Fleet([deployment(name)], gate_of=open_gates(), draw=lambda: 0.0)

    old, new = fleet("m-a"), fleet("other")
    old.isolate("m-a")
    shown = [old.members(), new.members()]

    def members() -> Sequence[MemberView]:
        return shown[0]

    registry = Registry()
    gauges = FleetGauges(registry, gates=lambda: (), members=members)
    gauges.sample()
    assert value(registry, "triphase_circuit_state") == 3
    del shown[0]
    gauges.sample()
    assert value(registry, "triphase_circuit_state") == 0
    replaced = fleet("m-a")
    replaced.isolate("m-a")
    replaced.restore("m-a")
    shown[0] = replaced.members()
    gauges.sample()
    assert value(registry, "triphase_circuit_transitions_total", state="closed") == 1
