"""More than there is room for, over real gRPC: what has a place is served, the rest refused typed, health answers."""

import asyncio
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from rpc.gated_upstream import GatedUpstream
from rpc.live import Live, serving
from rpc.samples import request
from rpc.test_health import State, check
from triphase.gateway.v1 import StreamGenerateResponse
from triphase_server.core.limits import Concurrency, Limits, PerMinute
from triphase_server.rpc.health import SERVICE

PLACES, LINE, OFFERED = 4, 6, 100
ANSWER = (
    b'data: {"choices":[{"index":0,"delta":{"content":"85"}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
)
AT_CAPACITY = Concurrency(max_concurrency=PLACES, max_queue=LINE, max_wait_s=30.0)


async def whole(live: Live) -> StreamGenerateResponse:
    events = [event async for event in live.stub.StreamGenerate(request())]
    return events[-1]


def details(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    trailers: Any = error.trailing_metadata() or ()
    status = status_pb2.Status.FromString(dict(trailers)["grpc-status-details-bin"])
    kinds = {kind.DESCRIPTOR.name: kind for kind in (error_details_pb2.ErrorInfo, error_details_pb2.RetryInfo)}
    kinds["QuotaFailure"] = error_details_pb2.QuotaFailure
    return {
        name: kinds[name].FromString(packed.value)
        for packed in status.details
        if (name := packed.TypeName().rpartition(".")[2]) in kinds
    }


@pytest.mark.parametrize(
    ("limits", "subject"),
    [(Limits(gateway=AT_CAPACITY), "gateway"), (Limits(upstreams={"u": AT_CAPACITY}), "upstream:u")],
    ids=["gateway", "upstream"],
)
async def test_what_is_beyond_the_line_is_refused_and_all_else_is_served(limits: Limits, subject: str) -> None:
    upstream = GatedUpstream(ANSWER, opens=asyncio.Event())
    async with serving(upstream, limits=limits) as live:
        calls = [asyncio.create_task(whole(live)) for _ in range(OFFERED)]
        refused: set[asyncio.Task[StreamGenerateResponse]] = set()
        while len(refused) < OFFERED - PLACES - LINE:
            done, _ = await asyncio.wait(set(calls) - refused, return_when=asyncio.FIRST_COMPLETED)
            refused |= done
        assert await check(live, SERVICE) == State.SERVING
        for call in refused:
            error = call.exception()
            assert isinstance(error, grpc.aio.AioRpcError)
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            told = details(error)
            assert told["ErrorInfo"].reason == "POLICY_AT_CAPACITY"
            assert told["QuotaFailure"].violations[0].subject == subject
            assert told["RetryInfo"].retry_delay.seconds >= 1
        assert isinstance(upstream.opens, asyncio.Event)
        upstream.opens.set()
        served = [await call for call in calls if call not in refused]
        assert len(served) == PLACES + LINE
        assert all(event.HasField("completed") for event in served)
        assert (await whole(live)).HasField("completed")


async def test_a_minute_that_is_used_up_is_refused_with_the_time_until_there_is_more() -> None:
    limits = Limits(routes={"m": PerMinute(requests_per_minute=1.0)})
    async with serving(GatedUpstream(ANSWER), limits=limits) as live:
        assert (await whole(live)).HasField("completed")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await whole(live)
        told = details(caught.value)
        assert (caught.value.code(), told["ErrorInfo"].reason) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "POLICY_RATE_LIMITED",
        )
        assert told["QuotaFailure"].violations[0].subject == "route:m"
        assert 50 <= told["RetryInfo"].retry_delay.seconds <= 60
