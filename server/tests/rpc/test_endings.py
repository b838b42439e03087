"""How calls end when they do not come to their end: clients that leave, deadlines, slow readers, defects.

Each test stands for a fact of grpc.aio that the servicer is built on; the phases are those in which a call can be.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from typing import Any, cast

import grpc
import pytest
from rpc.gated_upstream import GatedUpstream, Step, forever
from rpc.live import Live, serving
from rpc.samples import request
from rpc.test_generating import THOUGHTS, collect, facts_of, info_of, reason_of, whole
from server_fakes.upstream import chunk, finish
from triphase.gateway.v1 import StreamGenerateResponse
from triphase_server.core.errors import CallerTooSlow, ResponseTooLarge
from triphase_server.rpc.servicer import GatewayServicer
from triphase_server.rpc.undecodable import Undecodable
from triphase_server.service.catalog import Catalog

pytestmark = pytest.mark.usefixtures("quiet")

# Up to where a call comes before it waits for ever: the upstream, and the last event that the client sees.
PHASES: dict[str, tuple[Callable[[], GatedUpstream], str]] = {
    "before the head": (lambda: GatedUpstream(opens=forever()), "attempt_started"),
    "before the first byte": (lambda: GatedUpstream((forever(),)), "attempt_started"),
    "while it thinks": (
        lambda: GatedUpstream((chunk(reasoning=THOUGHTS), forever())),
        "reasoning_summary_delta",
    ),
    "while it answers": (lambda: GatedUpstream((chunk(content="8"), forever())), "output_delta"),
    "after a tool call began": (
        lambda: GatedUpstream((chunk(tool_calls=[{"index": 0, "id": "c", "function": {"name": "add"}}]), forever())),
        "tool_call_delta",
    ),
}
IN_EACH_PHASE = pytest.mark.parametrize("phase", PHASES)


async def read_until(call: Any, member: str) -> None:
    async for event in call:
        if event.WhichOneof("event") == member:
            return
    raise AssertionError(f"no {member} came")


async def read_until_it_fails(call: Any) -> None:
    while isinstance(await call.read(), StreamGenerateResponse):
        pass


async def upstream_left(upstream: GatedUpstream, live: Live) -> None:
    """Returns when the call to the upstream is over and the observer was told."""
    await (upstream.response.closed if upstream.responses else upstream.abandoned).wait()
    await live.outcomes.ended_once.wait()


@IN_EACH_PHASE
async def test_a_client_that_cancels_closes_the_upstream(phase: str) -> None:
    make, member = PHASES[phase]
    async with serving(upstream := make()) as live:
        call: Any = live.stub.StreamGenerate(request())
        await read_until(call, member)
        await upstream.waiting.wait()
        call.cancel()
        await upstream_left(upstream, live)
        (outcome,) = live.outcomes.all
        assert (outcome.completed, outcome.error) == (None, None)


@IN_EACH_PHASE
async def test_a_client_that_cancels_a_whole_response_closes_the_upstream(phase: str) -> None:
    make, _ = PHASES[phase]
    async with serving(upstream := make()) as live:
        call: Any = live.stub.Generate(whole(request()))
        await upstream.waiting.wait()
        call.cancel()
        await upstream_left(upstream, live)


@IN_EACH_PHASE
async def test_a_client_whose_connection_breaks_closes_the_upstream(phase: str) -> None:
    make, member = PHASES[phase]
    async with serving(upstream := make()) as live:
        call: Any = live.stub.StreamGenerate(request())
        await read_until(call, member)
        await upstream.waiting.wait()
        await live.channel.close(None)
        await upstream_left(upstream, live)


@IN_EACH_PHASE
@pytest.mark.parametrize("streamed", [True, False], ids=["StreamGenerate", "Generate"])
async def test_a_deadline_ends_the_call_and_closes_the_upstream(phase: str, streamed: bool) -> None:
    make, _ = PHASES[phase]
    async with serving(upstream := make()) as live:
        if streamed:
            call: Any = collect(live.stub.StreamGenerate(request(), timeout=0.5))
        else:
            call = live.stub.Generate(whole(request()), timeout=0.5)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call
        assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await upstream_left(upstream, live)


async def test_a_deadline_that_has_passed_ends_the_call() -> None:
    async with serving(GatedUpstream(opens=forever())) as live:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await collect(live.stub.StreamGenerate(request(), timeout=0.0))
        assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def endless(**delta: str) -> Iterator[Step]:
    return itertools.repeat(chunk(**delta))


async def stands_still(upstream: GatedUpstream) -> None:
    """Returns when the upstream is read no more: backpressure has arrived."""
    reads = -1
    while upstream.response.reads != reads:
        reads = upstream.response.reads
        await asyncio.sleep(0.1)


async def test_a_slow_reader_slows_the_upstream_and_may_leave() -> None:
    async with serving(upstream := GatedUpstream(endless(content="x" * 10_000))) as live:
        call: Any = live.stub.StreamGenerate(request())
        await read_until(call, "output_delta")
        await stands_still(upstream)  # an upstream that is read on never does
        assert upstream.response.reads * 10_000 < 10_000_000
        call.cancel()
        await upstream_left(upstream, live)


async def test_a_slow_reader_does_not_outlive_its_deadline() -> None:
    async with serving(upstream := GatedUpstream(endless(content="x" * 10_000))) as live:
        call: Any = live.stub.StreamGenerate(request(), timeout=0.5)
        await read_until(call, "output_delta")
        await upstream_left(upstream, live)
        assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_slow_reader_goes_on_where_it_was() -> None:
    parts = [f"{number} " for number in range(2_000)]
    steps = [chunk(content=part * 20) for part in parts]
    async with serving(upstream := GatedUpstream((*steps, finish()))) as live:
        call: Any = live.stub.StreamGenerate(request())
        texts: list[str] = []
        async for event in call:
            if event.HasField("output_delta"):
                if not texts:
                    await stands_still(upstream)
                texts.append(event.output_delta.text)
        assert "".join(texts) == "".join(part * 20 for part in parts)


@pytest.mark.parametrize("streamed", [True, False], ids=["StreamGenerate", "Generate"])
@pytest.mark.parametrize(
    ("defect", "line"),
    [
        (RuntimeError("secret words of a prompt"), "defect in a handler"),
        (asyncio.CancelledError(), "a stray cancellation ended a request"),
    ],
    ids=["exception", "stray cancellation"],
)
@pytest.mark.parametrize("place", ["open", "read"])
async def test_a_defect_is_told_without_its_words_and_never_hangs(
    streamed: bool, defect: BaseException, line: str, place: str, quiet: pytest.LogCaptureFixture
) -> None:
    upstream = GatedUpstream(opens=defect) if place == "open" else GatedUpstream((chunk(content="8"), defect))
    async with serving(upstream) as live:
        call = collect(live.stub.StreamGenerate(request())) if streamed else live.stub.Generate(whole(request()))
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call
    assert failed.value.code() is grpc.StatusCode.INTERNAL
    assert reason_of(failed.value) == "GATEWAY_INTERNAL"
    if isinstance(defect, Exception):
        assert info_of(failed.value).metadata["response_id"] == "resp-1"
        assert info_of(failed.value).metadata["output_characters" if place == "read" else "attempts"] == "1"
    told = repr(failed.value) + repr(failed.value.trailing_metadata())
    assert not any(word in told for word in ("Traceback", "secret", "RuntimeError", "Cancelled"))
    assert [record.getMessage() for record in quiet.records] == [line]
    quiet.clear()
    assert all(response.closed.is_set() for response in upstream.responses)


async def test_a_client_that_never_reads_is_not_waited_for_for_ever() -> None:
    upstream = GatedUpstream(endless(content="x" * 10_000))
    async with serving(upstream, most_write_s=0.2) as live:
        call: Any = live.stub.StreamGenerate(request())
        while (await call.read()).WhichOneof("event") != "output_delta":
            pass
        await upstream_left(upstream, live)
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await read_until_it_fails(call)
        assert reason_of(failure.value) == "CALLER_TOO_SLOW"
        facts = facts_of(failure.value)
        assert (facts["committed"], facts["retry_may_help"]) == ("true", "false")
        assert int(facts["output_characters"]) >= 10_000
    assert isinstance(live.outcomes.all[0].error, CallerTooSlow)


async def test_a_whole_response_that_is_too_large_is_a_failure_and_says_how_far_it_came() -> None:
    upstream = GatedUpstream((*(chunk(content="x" * 3_000_000) for _ in range(3)), forever()))
    async with serving(upstream) as live:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await live.stub.Generate(whole(request()))
        assert reason_of(failure.value) == "CALLER_RESPONSE_TOO_LARGE"
        assert facts_of(failure.value)["committed"] == "true"
        await upstream_left(upstream, live)
    assert isinstance(live.outcomes.all[0].error, ResponseTooLarge)


@pytest.mark.parametrize("method", ["StreamGenerate", "Generate"])
async def test_bytes_that_are_no_message_are_an_invalid_request(method: str) -> None:
    async with serving(GatedUpstream()) as live:
        path = f"/triphase.gateway.v1.GatewayService/{method}"
        call: Any = live.channel.unary_stream(path, request_serializer=bytes, response_deserializer=bytes)(
            b"\xff\xff\xff"
        )
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            async for _ in call:
                pass
        assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert reason_of(failure.value) == "CALLER_INVALID_REQUEST"


class GoneContext:
    """The context of a client that is gone when it is told of its error."""

    async def abort_with_status(self, _: grpc.Status) -> None:
        raise grpc.aio.InternalError("gone")


async def test_an_error_that_nobody_waits_for_any_more_is_no_defect() -> None:
    unused, unread, gone = cast("Any", None), cast("Any", Undecodable()), cast("Any", GoneContext())
    servicer = GatewayServicer(unused, catalog=Catalog({}))
    await servicer.ListModels(unread, gone)
    await servicer.handling.idle()
