"""Health over a real channel: per service, before, during and after readiness, and no brake on a stop."""

import asyncio
from dataclasses import replace
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from rpc.gated_upstream import GatedUpstream, forever
from rpc.live import SETTINGS, Live, serving
from rpc.samples import request
from triphase_server.rpc.health import SERVICE

State = health_pb2.HealthCheckResponse
LONG = replace(SETTINGS, grace_s=3600.0)


def watch(live: Live, service: str) -> Any:
    call = live.channel.unary_stream(
        "/grpc.health.v1.Health/Watch",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=State.FromString,
    )
    return call(health_pb2.HealthCheckRequest(service=service))


async def check(live: Live, service: str) -> int:
    call: Any = live.channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=State.FromString,
    )
    response = await call(health_pb2.HealthCheckRequest(service=service))
    status: int = response.status
    return status


@pytest.mark.parametrize("service", ["", SERVICE, "triphase.model.v1.ModelConfigService"])
async def test_a_service_is_not_serving_until_it_is_ready(service: str) -> None:
    async with serving(GatedUpstream(), ready=False) as live:
        assert await check(live, service) == State.NOT_SERVING
        live.server.set_serving(True)
        assert await check(live, service) == State.SERVING
        live.server.set_serving(False)
        assert await check(live, service) == State.NOT_SERVING


async def test_an_unknown_service_is_not_found() -> None:
    async with serving(GatedUpstream()) as live:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await check(live, "triphase.gateway.v2.GatewayService")
        assert failed.value.code() is grpc.StatusCode.NOT_FOUND
        watching = watch(live, "triphase.gateway.v2.GatewayService")
        assert (await watching.read()).status == State.SERVICE_UNKNOWN


@pytest.mark.parametrize("service", ["", SERVICE, "triphase.model.v1.ModelConfigService"])
async def test_watchers_are_told_of_each_change_and_of_the_drain(service: str) -> None:
    async with serving(GatedUpstream(), ready=False) as live:
        watching = watch(live, service)
        assert (await watching.read()).status == State.NOT_SERVING
        live.server.set_serving(True)
        assert (await watching.read()).status == State.SERVING
        await live.server.stop()
        assert (await watching.read()).status == State.NOT_SERVING
        assert not isinstance(await watching.read(), State)  # the end
        assert await watching.code() is grpc.StatusCode.OK


async def test_what_does_not_change_is_not_told_again() -> None:
    async with serving(GatedUpstream()) as live:
        watching = watch(live, "")
        assert (await watching.read()).status == State.SERVING
        live.server.set_serving(True)
        live.server.set_serving(False)
        assert (await watching.read()).status == State.NOT_SERVING


async def test_a_watcher_that_leaves_takes_nothing_from_the_others() -> None:
    async with serving(GatedUpstream(), ready=False) as live:
        leaving, staying = watch(live, ""), watch(live, "")
        assert (await leaving.read()).status == (await staying.read()).status == State.NOT_SERVING
        leaving.cancel()
        live.server.set_serving(True)
        assert (await staying.read()).status == State.SERVING


async def test_watches_do_not_hold_up_a_stop() -> None:
    async with serving(GatedUpstream(), settings=LONG) as live:
        watching = [watch(live, service) for service in ("", SERVICE, "unknown")]
        for call in watching:
            await call.read()
        await live.server.stop()  # hangs for an hour if a watch is waited for


async def test_health_says_no_while_a_stream_is_still_finished() -> None:
    async with serving(GatedUpstream(opens=forever()), settings=LONG) as live:
        watching = watch(live, SERVICE)
        assert (await watching.read()).status == State.SERVING
        call = live.stub.StreamGenerate(request())
        await call.read()
        stopping = asyncio.create_task(live.server.stop())
        assert (await watching.read()).status == State.NOT_SERVING
        assert not stopping.done()
        call.cancel()
        await stopping
        live.server.set_serving(True)  # too late
