"""One answer as its caller sees it: asks through the client library, and holds the stream to the rules of the contract.

Its rule: whatever comes is a `Reply`; what is wrong with it stands in `mistakes`, so that a run of thousands tells all
that failed. Whether it is the right reply is for `expectations.py`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import grpc
from triphase.gateway.v1 import (
    ContentPart,
    GatewayServiceStub,
    GenerateRequest,
    Message,
    Reasoning,
    StreamGenerateRequest,
    StreamGenerateResponse,
    conversation_pb2,
)
from triphase_client import Client, ProtocolError, TriphaseError
from triphase_client.errors import from_call
from triphase_server.rpc.status import TABLE

from resilience.recordings import told

if TYPE_CHECKING:
    from triphase.gateway.v1.gateway_service_pb2_grpc import GatewayServiceAsyncStub

COMPLETED = "completed"
_CODES = {mapped.reason: mapped.code for mapped in TABLE.values()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How a request ended: `outcome` is `completed` or the error's reason, `told` as `recordings.told` joins it."""

    outcome: str
    told: str
    attempts: int
    metadata: dict[str, str] = field(default_factory=dict)
    mistakes: tuple[str, ...] = ()
    took_s: float = field(default=0.0, compare=False)


def request(route: str, text: str = "What is 47 + 38?") -> StreamGenerateRequest:
    """Returns a request that wants to see all that the model says."""
    message = Message(role=conversation_pb2.ROLE_USER, content=[ContentPart(text=text)])
    return StreamGenerateRequest(model=route, messages=[message], reasoning=Reasoning(include_raw=True))


async def ask(client: Client, route: str, text: str = "What is 47 + 38?") -> Reply:
    """Asks, and returns the reply once the stream has ended."""
    began = time.monotonic()
    reply = await _reply(client, request(route, text))
    return replace(reply, took_s=time.monotonic() - began)


async def ask_whole(address: str, route: str) -> Reply:
    """Asks by the unary method, which tells nothing of an answer that failed."""
    asked = GenerateRequest.FromString(request(route).SerializeToString())
    async with grpc.aio.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
        stub = cast("GatewayServiceAsyncStub", GatewayServiceStub(channel))
        try:
            answer = await stub.Generate(asked)
        except grpc.aio.AioRpcError as failed:
            error = from_call(failed)
            attempts = int(error.metadata.get("attempts", "0"))
            return Reply(outcome=error.reason, told="", attempts=attempts, metadata=error.metadata)
    texts = [("reasoning", answer.reasoning), ("output", answer.output)]
    whole = told(pair for pair in texts if pair[1])
    return Reply(outcome=COMPLETED, told=whole, attempts=answer.completed.attempts)


async def _reply(client: Client, asked: StreamGenerateRequest) -> Reply:
    events: list[StreamGenerateResponse] = []
    try:
        async for event in client.stream(asked):
            events.append(event)  # noqa: PERF401 - those before an error count
    except ProtocolError as broken:
        return Reply(outcome=str(broken.rule), told=_told(events), attempts=0, mistakes=(str(broken),))
    except TriphaseError as error:
        return Reply(
            outcome=error.reason,
            told=_told(events),
            attempts=_attempts(events),
            metadata=error.metadata,
            mistakes=(*_mistakes(events), *_mistakes_of_error(error, events)),
        )
    return Reply(outcome=COMPLETED, told=_told(events), attempts=_attempts(events), mistakes=tuple(_mistakes(events)))


def _told(events: Sequence[StreamGenerateResponse]) -> str:
    kinds = {"reasoning_delta": "reasoning", "output_delta": "output"}
    found = ((kinds.get(event.WhichOneof("event") or ""), event) for event in events)
    return told((kind, event.reasoning_delta.text + event.output_delta.text) for kind, event in found if kind)


def _attempts(events: Sequence[StreamGenerateResponse]) -> int:
    return sum(event.HasField("attempt_started") for event in events)


def _mistakes(events: Sequence[StreamGenerateResponse]) -> list[str]:
    found = []
    if not events or not events[0].HasField("started"):
        found.append("does not begin with `started`")
    if [event.sequence for event in events] != list(range(len(events))):
        found.append("the sequence has gaps")
    if events and events[-1].HasField("completed") and events[-1].completed.attempts != _attempts(events):
        found.append(f"completed in {events[-1].completed.attempts} attempts, {_attempts(events)} announced")
    return found


def _mistakes_of_error(error: TriphaseError, events: Sequence[StreamGenerateResponse]) -> list[str]:
    found = []
    if _CODES.get(error.reason) is not error.code:
        found.append(f"{error.reason or 'no reason'} came with {error.code}")
    if error.metadata.get("attempts") != str(_attempts(events)):
        found.append(f"says {error.metadata.get('attempts')} attempts, of which {_attempts(events)} were announced")
    if any(event.HasField("completed") for event in events):
        found.append("failed after `completed`")
    if error.metadata.get("committed") != ("true" if _told(events) else "false"):
        found.append(f"says committed={error.metadata.get('committed')} after {_told(events)!r}")
    return found
