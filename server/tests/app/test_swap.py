"""A gateway in this process whose configuration is replaced: all or nothing, fifty times under load, and no leak."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from end_to_end.stage import request
from triphase.model.v1 import File, Files, ValidateModelConfigRequest
from triphase_client import Client, TriphaseError
from triphase_model.engine.server import serve
from triphase_model.engine.simulated import Script, SimulatedModel
from triphase_server.app.gateway import Gateway, running
from triphase_server.config import GatewayConfig
from triphase_server.core.route import Deployment, Route, Target
from triphase_server.core.transitions import CircuitState
from triphase_server.core.validation import ValidationPolicy
from triphase_server.upstream.settings import Secret, UpstreamSettings
from upstream.raw_server import Call, Net

GUARD_S = 60.0
RELOADS = 50
CALLERS = 4


def configuration(base_url: str, *names: str, **upstream: object) -> GatewayConfig:
    """A route for each name, each with a deployment and an upstream of its own, to which the changes apply."""
    upstreams: Mapping[str, UpstreamSettings] = {
        name: replace(UpstreamSettings(name=name, base_url=base_url), **upstream)  # type: ignore[arg-type]
        for name in names
    }
    routes = {
        name: Route(name=name, targets=(Target(deployment=Deployment(name=name, upstream=name, model="simulated")),))
        for name in names
    }
    return GatewayConfig(listen="127.0.0.1:0", grace_s=5.0, upstreams=upstreams, routes=routes)


@asynccontextmanager
async def gateway() -> AsyncIterator[tuple[Gateway, str]]:
    """Starts a gateway with the route `m`; gives it and its upstream's URL."""
    model = SimulatedModel(Script(reasoning_tokens=4, output_tokens=4), name="simulated")
    async with (
        asyncio.timeout(GUARD_S),
        serve(models=[model]) as engine,
        running(configuration(f"{engine.url}/v1", "m")) as started,
    ):
        yield started, f"{engine.url}/v1"


async def test_fifty_reloads_under_load_end_no_stream_and_leave_no_pool() -> None:
    async with gateway() as (started, base_url):
        ended, answered = asyncio.Event(), asyncio.Event()
        reasons: list[str] = []

        async def call() -> None:
            async with Client(started.address, retry=None) as client:
                while not ended.is_set():
                    events = [event async for event in client.stream(request())]
                    reasons.append(events[-1].WhichOneof("event") or "")
                    answered.set()

        async with asyncio.TaskGroup() as group:
            for _ in range(CALLERS):
                group.create_task(call())
            for number in range(RELOADS):
                names = ("m", f"r{number}") if number % 2 else ("m",)
                started.replace(configuration(base_url, *names, api_key=Secret(f"key-{number}")))
                answered.clear()
                await answered.wait()
            ended.set()
        assert set(reasons) == {"completed"}
        assert len(reasons) >= RELOADS
        started.replace(configuration(base_url, "other"))
        assert started.parts.upstream.open_pools() == 0
        assert [view.in_flight for view in started.parts.fleet.members()] == [0]


async def test_a_request_falls_back_over_the_upstream_that_it_began_with() -> None:
    asked, gate = asyncio.Event(), asyncio.Event()

    async def full(call: Call) -> None:
        asked.set()
        await gate.wait()
        await call.whole(b"", status="503 Service Unavailable")

    async def answer(call: Call) -> None:
        await call.begin()
        await call.chunk(b'data: {"choices":[{"index":0,"delta":{"content":"85"}}]}\n\ndata: [DONE]\n\n')
        await call.end()

    async with asyncio.timeout(GUARD_S), Net().serve(full) as first, Net().serve(answer) as second:
        urls = {name: f"http://127.0.0.1:{raw.port}/v1" for name, raw in (("m", first), ("n", second))}
        upstreams = {
            name: UpstreamSettings(name=name, base_url=url, api_key=Secret("old")) for name, url in urls.items()
        }
        config = replace(configuration("", "m", "n"), upstreams=upstreams)
        config = replace(config, routes={**config.routes, "m": replace(config.routes["m"], fallbacks=("n",))})
        async with running(config) as started, Client(started.address, retry=None) as client:
            asking = asyncio.create_task(client.generate(request()))
            await asked.wait()
            started.replace(configuration("http://127.0.0.1:9/v1", "n", api_key=Secret("new")))
            gate.set()
            assert (await asking).output == "85"
            assert "Bearer old" in second.calls[0].head
            assert started.parts.upstream.open_pools() == 0


async def test_what_cannot_be_read_any_more_changes_nothing(tmp_path: Path) -> None:
    async with gateway() as (started, base_url):
        before = started.parts.catalog.routes()
        with pytest.raises(OSError, match="No such file"):
            started.replace(configuration(base_url, "other", ca_file=str(tmp_path / "gone.pem")))
        assert started.parts.catalog.routes() == before
        assert [view.deployment.name for view in started.parts.fleet.members()] == ["m"]
        async with Client(started.address, retry=None) as client:
            assert (await client.generate(request())).output


async def test_a_key_that_changed_leaves_what_is_known_and_another_server_does_not() -> None:
    async with gateway() as (started, base_url):
        fleet = started.parts.fleet
        async with Client(started.address, retry=None) as client:
            await client.generate(request())
        assert fleet.members()[0].latency_s > 0
        started.replace(configuration(base_url, "m", api_key=Secret("new")))
        assert fleet.members()[0].latency_s > 0
        fleet.isolate("m")
        started.replace(configuration("http://127.0.0.1:9/v1", "m"))
        (view,) = fleet.members()
        assert (view.latency_s, view.circuit.state) == (0.0, CircuitState.ISOLATED)


async def test_the_grace_and_the_heartbeat_are_those_of_the_latest_configuration() -> None:
    async with gateway() as (started, base_url):
        started.replace(replace(configuration(base_url, "m"), grace_s=0.5, heartbeat_s=1.5))
        assert started.grace_s == 0.5
        assert started.parts.service.heartbeat_s == 1.5


async def test_validation_is_turned_off_for_who_asks_from_then_on() -> None:
    async with gateway() as (started, base_url), Client(started.address, retry=None) as client:
        asked = ValidateModelConfigRequest(files=Files(files=[File(path="config.json", content=b"{}")]))
        assert (await client.validate(asked)).counts.errors
        off = ValidationPolicy(enabled=False)
        started.replace(replace(configuration(base_url, "m"), validation=off))
        with pytest.raises(TriphaseError, match="POLICY_VALIDATION_OFF"):
            await client.validate(asked)
