"""The methods over a real channel: what is written, in which order, and how it ends."""

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status
from rpc.gated_upstream import GatedUpstream
from rpc.live import route, serving
from rpc.samples import request
from server_fakes.upstream import FakeUpstream, chunk, finish
from triphase.gateway.v1 import (
    GenerateRequest,
    ListModelsRequest,
    Reasoning,
    StreamGenerateRequest,
    StreamGenerateResponse,
    events_pb2,
)
from triphase_client import Fold
from triphase_server.core.errors import InvalidRequest, Stage, UpstreamRateLimited

THOUGHTS = "I need to add 47 and 38. Ones: 7+8=15. Write 5, carry 1. Tens: 4+3+1=8. So 47+38=85.\n"
STEPS = (chunk(reasoning=THOUGHTS), chunk(content="47 + "), chunk(content="38 = 85"), finish(completion_tokens=9))


def reason_of(failure: grpc.aio.AioRpcError) -> str:
    reason: str = info_of(failure).reason
    return reason


def info_of(failure: grpc.aio.AioRpcError) -> Any:
    status: Any = rpc_status.from_call(failure)  # type: ignore[arg-type]
    info = error_details_pb2.ErrorInfo()
    assert status is not None
    assert status.details[0].Unpack(info)
    return info


def facts_of(failure: grpc.aio.AioRpcError) -> dict[str, str]:
    """What an error says of how far the answer came, and of what may help."""
    known = {"committed", "output_characters", "retry_may_help"}
    return {name: value for name, value in info_of(failure).metadata.items() if name in known}


def whole(message: StreamGenerateRequest) -> GenerateRequest:
    return GenerateRequest.FromString(message.SerializeToString())


async def collect(call: Any) -> list[StreamGenerateResponse]:
    return [event async for event in call]


def without_times(message: Any) -> Any:
    read = MessageToDict(message)
    del read["completed"]["timings"]
    return read


async def test_a_stream_has_three_phases_and_one_end() -> None:
    async with serving(GatedUpstream(STEPS)) as live:
        events = await collect(live.stub.StreamGenerate(request(client_request_id="mine")))
    assert [event.sequence for event in events] == list(range(len(events)))
    kinds = [event.WhichOneof("event") for event in events]
    assert kinds[:5] == ["started", "phase_started", "prompt_summary_delta", "phase_completed", "attempt_started"]
    assert kinds[-1] == "completed"
    assert kinds.count("completed") == 1
    assert [event.phase_started.phase for event in events if event.HasField("phase_started")] == [
        events_pb2.PHASE_PROMPT_SUMMARY,
        events_pb2.PHASE_REASONING_SUMMARY,
        events_pb2.PHASE_FINAL_OUTPUT,
    ]
    assert "".join(event.output_delta.text for event in events) == "47 + 38 = 85"
    assert events[0].started.client_request_id == "mine"
    assert [outcome.completed is not None for outcome in live.outcomes.all] == [True]
    assert live.outcomes.all[0].response_id == events[0].started.response_id == "resp-1"


async def test_the_opening_does_not_wait_for_the_upstream() -> None:
    gate = asyncio.Event()
    async with serving(GatedUpstream(STEPS, opens=gate)) as live:
        async for event in live.stub.StreamGenerate(request()):
            if event.HasField("attempt_started"):
                gate.set()  # only now may the upstream answer
        assert event.HasField("completed")


async def test_generate_is_the_fold_of_the_stream() -> None:
    message = request(reasoning=Reasoning(include_raw=True), client_request_id="mine")
    async with serving(GatedUpstream(STEPS)) as live:
        fold = Fold()
        for event in await collect(live.stub.StreamGenerate(message)):
            fold.feed(event)
        answer = await live.stub.Generate(whole(message))
    assert without_times(answer) == without_times(fold.response)
    assert answer.reasoning == THOUGHTS.strip() or answer.reasoning == THOUGHTS


async def test_models_are_listed_by_name() -> None:
    async with serving(GatedUpstream(), routes=(route("b"), route("a"), route("C"))) as live:
        listed = await live.stub.ListModels(ListModelsRequest())
    assert [model.name for model in listed.models] == ["C", "a", "b"]


@pytest.mark.parametrize("streamed", [True, False], ids=["StreamGenerate", "Generate"])
@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        (StreamGenerateRequest(), grpc.StatusCode.INVALID_ARGUMENT, "CALLER_INVALID_REQUEST"),
        (StreamGenerateRequest(model="x"), grpc.StatusCode.INVALID_ARGUMENT, "CALLER_INVALID_REQUEST"),
        (
            StreamGenerateRequest(model="x", messages=request().messages),
            grpc.StatusCode.NOT_FOUND,
            "CALLER_UNKNOWN_MODEL",
        ),
        (request(), grpc.StatusCode.RESOURCE_EXHAUSTED, "UPSTREAM_RATE_LIMITED"),
    ],
    ids=["empty", "no messages", "unknown model", "rate limited"],
)
async def test_errors_travel_once_and_with_their_reason(
    message: StreamGenerateRequest, code: grpc.StatusCode, reason: str, streamed: bool
) -> None:
    upstream = GatedUpstream(opens=UpstreamRateLimited("slow down", stage=Stage.FIRST_BYTE, retry_after_s=7.0))
    async with serving(upstream) as live:
        call = collect(live.stub.StreamGenerate(message)) if streamed else live.stub.Generate(whole(message))
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call
    assert failed.value.code() is code
    assert reason_of(failed.value) == reason


async def test_an_unknown_model_is_told_the_known_ones() -> None:
    async with serving(GatedUpstream(), routes=(route("b"), route("a"))) as live:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await collect(live.stub.StreamGenerate(request()))
    assert failed.value.details() == "no model is named 'm'; known models: a, b"


async def test_heartbeats_come_while_nothing_else_does() -> None:
    head, first, last = asyncio.Event(), asyncio.Event(), asyncio.Event()
    upstream = GatedUpstream((first, chunk(content="8"), last, chunk(content="5"), finish()), opens=head)
    gates = {
        events_pb2.WAITING_ON_UPSTREAM: head,
        events_pb2.WAITING_ON_FIRST_TOKEN: first,
        events_pb2.WAITING_ON_NEXT_TOKEN: last,
    }
    async with serving(upstream, heartbeat_s=0.02) as live:
        events = []
        async for event in live.stub.StreamGenerate(request()):
            events.append(event)
            if event.HasField("heartbeat"):
                gates[event.heartbeat.waiting_on].set()
    assert all(gate.is_set() for gate in gates.values())
    assert [event.sequence for event in events] == list(range(len(events)))
    assert "".join(event.output_delta.text for event in events) == "85"


async def test_a_refused_request_is_told_to_the_observer_with_its_id() -> None:
    async with serving(FakeUpstream([finish()])) as live:
        with pytest.raises(grpc.aio.AioRpcError):
            await live.stub.Generate(GenerateRequest())
        (outcome,) = live.outcomes.all
        assert isinstance(outcome.error, InvalidRequest)
        assert outcome.response_id == outcome.error.metadata["response_id"] == "resp-1"
