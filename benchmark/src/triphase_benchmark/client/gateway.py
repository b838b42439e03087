"""The gateway as a target: the same requests over gRPC, with the time of each phase beside that of each token.

Its rule: messages are kept as bytes with one time each, and read when the stream has ended, as those of HTTP are. A
token chunk is a raw thought, an output or a tool call: summaries are none, whatever they say. Raw thoughts are asked
for always; where the route refuses them, its probe says so, and TTFT does not exist. No call is ever repeated.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic_ns
from typing import Any, cast

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct
from triphase.gateway.v1 import (
    ContentPart,
    FinishReason,
    GatewayServiceStub,
    ListModelsRequest,
    Message,
    Reasoning,
    ReasoningEffort,
    Role,
    Sampling,
    StreamGenerateRequest,
    StreamGenerateResponse,
)
from triphase_client.channel import channel_options
from triphase_client.errors import TriphaseError, from_call

from triphase_benchmark.client.chunks import Usage, input_details, output_details
from triphase_benchmark.client.exchange import Exchange, Limits, Question
from triphase_benchmark.client.http_target import profile_of, read_key
from triphase_benchmark.client.parsing import Answer, judge, one_line, shared_reads
from triphase_benchmark.engines.address import parse_address
from triphase_benchmark.engines.body import RESERVED, ReservedMember, length_members
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.records.error_kinds import ErrorKind

METHOD = "/triphase.gateway.v1.GatewayService/StreamGenerate"

_ROUND_TRIPS = 5
_ROLES = {
    "system": Role.ROLE_SYSTEM,
    "developer": Role.ROLE_SYSTEM,
    "user": Role.ROLE_USER,
    "assistant": Role.ROLE_ASSISTANT,
}
# Members of `/chat/completions` for which the contract has fields.
_MOST = ("max_completion_tokens", "max_tokens")
_SAMPLING = tuple(field.name for field in Sampling.DESCRIPTOR.fields)
_EFFORTS: Mapping[str | None, ReasoningEffort.ValueType] = {
    name.removeprefix("REASONING_EFFORT_").lower(): value for name, value in ReasoningEffort.items() if value
}
_TOKEN_EVENTS = {"reasoning_delta": False, "output_delta": True, "tool_call_delta": True}
_FIELDS = StreamGenerateResponse.DESCRIPTOR.fields_by_name
# How a message of a token begins: its number, which 0 leaves out, and the tag of its event (protobuf's encoding:
# https://protobuf.dev/programming-guides/encoding/#structure).
_TOKEN_MESSAGE = re.compile(
    rb"(?:\x08[\x80-\xff]*[\x00-\x7f])?[%s]" % re.escape(bytes(_FIELDS[name].number << 3 | 2 for name in _TOKEN_EVENTS))
)
_PHASE_OF = {
    "started": "accepted",
    "prompt_summary_delta": "prompt_summary",
    "reasoning_summary_delta": "reasoning_summary",
}
# What gRPC itself says, by whether an event had come; a status with a reason is the gateway's own word.
_KINDS = {
    (grpc.StatusCode.UNAVAILABLE, False): ErrorKind.CONNECT,
    (grpc.StatusCode.UNAVAILABLE, True): ErrorKind.RESET,
    (grpc.StatusCode.DEADLINE_EXCEEDED, False): ErrorKind.TIMEOUT,
    (grpc.StatusCode.DEADLINE_EXCEEDED, True): ErrorKind.TIMEOUT,
}


class GatewayTarget:
    """Asks one gateway for one of its models."""

    def __init__(self, engine: Engine, *, model: str, limits: Limits) -> None:
        address = parse_address(engine.url)
        key = read_key(engine)
        self._model = model
        self._profile = profile_of(engine)
        self._timeout_s = limits.timeout_s
        self._metadata = [(name.lower(), value) for name, value in engine.headers.items()]
        if key is not None:
            self._metadata.append(("authorization", f"Bearer {key}"))
        self._key = key
        self._channel = grpc.aio.insecure_channel(address.authority, channel_options(address.authority))
        self._stream: Any = self._channel.unary_stream(METHOD, None, None)
        self._tasks: set[asyncio.Task[None]] = set()
        self._connect_s = limits.connect_s

    async def open(self, places: int | None) -> None:  # noqa: ARG002 - of HTTP
        """Connects; one connection carries all calls."""
        try:
            await asyncio.wait_for(self._channel.channel_ready(), self._connect_s)
        except TimeoutError:
            return

    def prepare(self, question: Question) -> bytes:
        """Encodes the request. The length is fixed as at a bare engine; the profile is that of the engine behind.

        Members that have a field of their own in the contract go there, since it takes them nowhere else.
        """
        extra: dict[str, Any] = dict(question.extra_body)
        if taken := sorted(RESERVED & extra.keys()):
            raise ReservedMember(taken)
        rest = {**length_members(self._profile, question.output_tokens), **extra}
        most = [rest.pop(name) for name in _MOST if name in rest]
        sampling = {name: rest.pop(name) for name in _SAMPLING if name in rest}
        reasoning = _reasoning(rest)
        if question.cache_salt is not None and self._profile.cache_salt is not None:
            rest[self._profile.cache_salt] = question.cache_salt
        body = Struct()
        body.update(rest)
        return StreamGenerateRequest(
            model=self._model,
            messages=[Message(role=_ROLES[role], content=[ContentPart(text=text)]) for role, text in question.turns],
            max_output_tokens=cast("int", most[0]) if most else 0,
            sampling=Sampling(**sampling) if sampling else None,
            reasoning=reasoning,
            extra_body=body if body.fields else None,
        ).SerializeToString()

    def send(self, request: bytes, exchange: Exchange) -> Callable[[], None]:
        """Sends at once."""
        exchange.sent = monotonic_ns()
        call = self._stream(request, timeout=self._timeout_s, metadata=self._metadata)
        task = asyncio.get_running_loop().create_task(self._follow(call, exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

        def drop() -> None:
            call.cancel()
            exchange.end(monotonic_ns(), (ErrorKind.DROPPED, ""))

        return drop

    def token_reads(self, exchange: Exchange) -> Sequence[tuple[int, bytes]]:
        """Those of tokens: a summary, a heartbeat or the begin of a phase is none."""
        return token_reads(exchange.reads)

    def read(self, exchange: Exchange, *, asked_tokens: int | None) -> Answer:
        """Reads and judges."""
        answer = read_events(exchange.reads)
        asked = asked_tokens if self._profile.holds_length and not answer.usage_is_estimate else None
        answer.failure = exchange.failure or judge(answer, asked_tokens=asked)
        if answer.failure is not None and self._key is not None:
            answer.failure = answer.failure[0], answer.failure[1].replace(self._key, "[key]")
        return answer

    async def close(self) -> None:
        """Closes the channel; calls that still run are cancelled."""
        await self._channel.close(None)
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _follow(self, call: Any, exchange: Exchange) -> None:
        reads = exchange.reads
        try:
            async for message in call:
                now = monotonic_ns()
                reads.append((now, message))
                exchange.size += len(message)
                exchange.responded = exchange.responded or now
        except grpc.aio.AioRpcError as error:
            failure = _failure(from_call(error, midway=bool(reads)))
            exchange.status = error.code().value[0]
            exchange.end(monotonic_ns(), failure)
        except asyncio.CancelledError:  # of the call: the exchange was dropped
            exchange.end(monotonic_ns(), (ErrorKind.DROPPED, ""))
        else:
            exchange.end(monotonic_ns())


async def list_models(engine: Engine, limits: Limits) -> tuple[tuple[str, ...], float]:
    """The names of the gateway's models, and how long the least of a few calls took, in seconds.

    Raises grpc.aio.AioRpcError.
    """
    address, key = parse_address(engine.url), read_key(engine)
    metadata = [("authorization", f"Bearer {key}")] if key is not None else []
    metadata += [(name.lower(), value) for name, value in engine.headers.items()]
    async with grpc.aio.insecure_channel(address.authority, channel_options(address.authority)) as channel:
        ask: Any = GatewayServiceStub(channel).ListModels
        took = []
        for _ in range(_ROUND_TRIPS):
            began = monotonic_ns()
            answer = await ask(ListModelsRequest(), timeout=limits.connect_s, metadata=metadata)
            took.append(monotonic_ns() - began)
    return tuple(model.name for model in answer.models), min(took) / 1e9


def token_reads(reads: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Those of tokens, told by how a message begins."""
    return [read for read in reads if _TOKEN_MESSAGE.match(read[1])]


def read_events(reads: list[tuple[int, bytes]]) -> Answer:
    """Reads the events of one stream; a stream that is none of the gateway's fails as `PROTOCOL`."""
    answer = Answer()
    output: list[str] = []
    thoughts: list[str] = []
    try:
        for at, event, name in _events(reads):
            answer.events += 1
            if name in _TOKEN_EVENTS:
                answer.chunk_times.append(at)
                answer.chunk_output.append(_TOKEN_EVENTS[name])
                _count(event, name, answer, output, thoughts)
            elif name in _PHASE_OF:
                phase = _PHASE_OF[name]
                setattr(answer, phase, getattr(answer, phase) or at)
            elif name == "completed":
                _complete(event, answer)
    except DecodeError:
        answer.failure = ErrorKind.PROTOCOL, "a message is no event of the gateway"
    answer.output = "".join(output)
    answer.thoughts = "".join(thoughts)
    answer.shared_reads = shared_reads(answer.chunk_times)
    return answer


class NoSuchEffort(ValueError):
    """The contract cannot say what a prompt wants of reasoning."""


def _reasoning(rest: dict[str, Any]) -> Reasoning:
    """Takes what is said of reasoning out of the members: `reasoning_effort`, or an object `reasoning`."""
    told = rest.pop("reasoning", {})
    if not isinstance(told, Mapping):
        raise NoSuchEffort("reasoning is no object")
    effort = rest.pop("reasoning_effort", told.get("effort"))
    if effort is not None and effort not in _EFFORTS:
        raise NoSuchEffort(f"the gateway knows no effort {effort!r}: it knows {', '.join(map(str, _EFFORTS))}")
    return Reasoning(
        include_raw=True,
        effort=_EFFORTS.get(effort, ReasoningEffort.REASONING_EFFORT_UNSPECIFIED),
        max_tokens=told.get("max_tokens", 0),
    )


def _events(reads: list[tuple[int, bytes]]) -> Iterator[tuple[int, StreamGenerateResponse, str]]:
    for at, message in reads:
        event = StreamGenerateResponse.FromString(message)
        yield at, event, event.WhichOneof("event") or ""


def _count(event: StreamGenerateResponse, name: str, answer: Answer, output: list[str], thoughts: list[str]) -> None:
    match name:
        case "reasoning_delta":
            thoughts.append(event.reasoning_delta.text)
            answer.reasoning_characters += len(event.reasoning_delta.text)
        case "output_delta":
            answer.output_characters += len(event.output_delta.text)
            output.append(event.output_delta.text)
        case _:
            answer.output_characters += len(event.tool_call_delta.name) + len(event.tool_call_delta.arguments)


def _complete(event: StreamGenerateResponse, answer: Answer) -> None:
    completed = event.completed
    usage = completed.usage
    answer.ended_well = True
    reason = FinishReason.Name(completed.finish_reason).removeprefix("FINISH_REASON_").lower()
    answer.finish_reason = completed.native_finish_reason or reason
    applied = completed.reasoning.applied_effort
    answer.applied_effort = next((str(name) for name, value in _EFFORTS.items() if value == applied), "")
    if completed.HasField("usage"):
        answer.usage_is_estimate = usage.estimated
        answer.reasoning_is_estimate = usage.estimated or usage.reasoning_estimated
        answer.usage = Usage(
            prompt_tokens=usage.input_tokens,
            completion_tokens=usage.output_tokens,
            prompt_tokens_details=input_details(usage.cached_tokens),
            completion_tokens_details=output_details(usage.reasoning_tokens),
        )


def _failure(error: TriphaseError) -> tuple[ErrorKind, str]:
    own = bool(error.reason)
    kind = ErrorKind.STATUS if own else _KINDS.get((error.code, error.midway), ErrorKind.STATUS)
    if own and error.code is grpc.StatusCode.DEADLINE_EXCEEDED:
        kind = ErrorKind.TIMEOUT
    return kind, one_line(str(error))
