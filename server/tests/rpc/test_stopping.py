"""A graceful stop over a real channel: what runs is finished, what does not end is ended, what comes is refused."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub
from rpc.gated_upstream import GatedUpstream, forever
from rpc.live import SETTINGS, channel_to, serving
from rpc.samples import request
from rpc.test_endings import read_until
from rpc.test_generating import collect, facts_of, reason_of, whole
from rpc.test_health import State, watch
from server_fakes.upstream import chunk, finish
from triphase.gateway.v1 import GatewayServiceStub, ListModelsRequest
from triphase_server.core.errors import ShuttingDown
from triphase_server.rpc.server import ServerSettings

pytestmark = pytest.mark.usefixtures("quiet")
LONG = replace(SETTINGS, grace_s=3600.0)
SHORT = SETTINGS


@pytest.fixture
def elsewhere() -> Iterator[ServerSettings]:
    """A grace that no test outlasts, at an address that nobody else gets once it is left, as a port may be."""
    with TemporaryDirectory() as folder:
        yield replace(LONG, listen=f"unix:{folder}/gateway.sock")


async def test_an_idle_server_stops_at_once() -> None:
    async with serving(GatedUpstream(), settings=LONG) as live:
        await live.server.stop()
        await live.server.wait()


async def test_a_running_stream_is_finished_within_the_grace(elsewhere: ServerSettings) -> None:
    gate = asyncio.Event()
    async with serving(
        GatedUpstream((chunk(content="8"), gate, chunk(content="5"), finish())), settings=elsewhere
    ) as live:
        call: Any = live.stub.StreamGenerate(request())
        await read_until(call, "output_delta")
        stopping = asyncio.create_task(live.server.stop())
        await refused(live.address)
        gate.set()
        assert (await collect(call))[-1].HasField("completed")
        await stopping
    assert live.outcomes.all[0].completed is not None


@pytest.mark.parametrize("streamed", [True, False], ids=["StreamGenerate", "Generate"])
async def test_what_does_not_end_within_the_grace_is_ended_typed(streamed: bool) -> None:
    async with serving(upstream := GatedUpstream((chunk(content="8"), forever())), settings=SHORT) as live:
        if streamed:
            call: Any = asyncio.ensure_future(collect(live.stub.StreamGenerate(request())))
        else:
            call = live.stub.Generate(whole(request()))
        await upstream.waiting.wait()
        stopping = asyncio.create_task(live.server.stop())
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call
        await stopping
    assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
    assert reason_of(failed.value) == "GATEWAY_SHUTTING_DOWN"
    assert facts_of(failed.value) == {"committed": "true", "output_characters": "1", "retry_may_help": "true"}
    assert upstream.response.closed.is_set()
    assert isinstance(live.outcomes.all[0].error, ShuttingDown)


async def test_a_whole_answer_is_no_failure_where_only_its_connection_is_still_tidied_up() -> None:
    steps = (chunk(content="85"), finish(), forever())
    async with serving(upstream := GatedUpstream(steps), settings=SHORT) as live:
        call: Any = live.stub.StreamGenerate(request())
        await read_until(call, "completed")
        await live.server.stop()
        assert await call.code() is grpc.StatusCode.OK
        assert upstream.response.closed.is_set()
    assert [outcome.error for outcome in live.outcomes.all] == [None]


async def test_many_that_do_not_end_are_all_ended() -> None:
    async with serving(GatedUpstream((chunk(content="8"), forever())), settings=SHORT) as live:
        calls = [live.stub.StreamGenerate(request()) for _ in range(20)]
        for call in calls:
            await read_until(call, "output_delta")
        await live.server.stop()
        assert {await call.code() for call in calls} == {grpc.StatusCode.UNAVAILABLE}


async def test_requests_are_still_taken_while_load_balancers_notice() -> None:
    settings = replace(SETTINGS, drain_delay_s=3600.0)
    async with serving(GatedUpstream((chunk(content="8"), finish())), settings=settings) as live:
        watching = watch(live, "")
        assert (await watching.read()).status == State.SERVING
        stopping = asyncio.create_task(live.server.stop())
        assert (await watching.read()).status == State.NOT_SERVING
        assert (await collect(live.stub.StreamGenerate(request())))[-1].HasField("completed")
        assert not stopping.done()
        stopping.cancel()
        await live.server.stop()  # hangs for an hour if it waits again
        await refused(live.address)


async def test_new_calls_during_a_drain_are_unavailable(elsewhere: ServerSettings) -> None:
    async with serving(GatedUpstream(opens=forever()), settings=elsewhere) as live:
        running: Any = live.stub.StreamGenerate(request())
        await read_until(running, "attempt_started")
        stopping = asyncio.create_task(live.server.stop())
        await refused(live.address)
        codes = [await live.stub.ListModels(ListModelsRequest()).code() for _ in range(3)]
        running.cancel()
        # What arrives just while gRPC says that it goes away it cancels (1.85); whoever has heard that is told so.
        assert set(codes[:-1]) <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        assert codes[-1] is grpc.StatusCode.UNAVAILABLE
        await stopping


async def refused(address: str) -> None:
    """Returns once a new connection finds nobody: the drain has begun."""
    while True:
        async with channel_to(address) as channel:
            call: Any = GatewayServiceStub(channel).ListModels(ListModelsRequest())
            if await call.code() is grpc.StatusCode.UNAVAILABLE:
                return


async def test_a_slow_reader_does_not_hold_up_a_stop_beyond_the_grace() -> None:
    steps = [chunk(content="x" * 10_000)] * 2_000
    async with serving(upstream := GatedUpstream(steps), settings=SHORT) as live:
        call: Any = live.stub.StreamGenerate(request())
        await read_until(call, "output_delta")
        await live.server.stop()
        assert upstream.response.closed.is_set()


async def test_a_reflection_stream_that_is_left_open_does_not_hold_up_a_stop() -> None:
    async with serving(GatedUpstream(), settings=LONG) as live:
        call: Any = ServerReflectionStub(live.channel).ServerReflectionInfo()
        await call.write(ServerReflectionRequest(list_services=""))
        await call.read()
        await live.server.stop()  # hangs for an hour if it is waited for
        assert await call.code() is grpc.StatusCode.UNAVAILABLE


async def test_stopping_twice_is_stopping_once() -> None:
    async with serving(GatedUpstream(), settings=LONG) as live:
        await asyncio.gather(live.server.stop(), live.server.stop())
