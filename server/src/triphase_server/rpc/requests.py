"""Requests from the wire to the values of core, with every rule of the proto's comments checked.

Pure functions; all violations of a request are reported at once. Conversations and tools are in `conversations.py`;
the way back, events to the wire, is `responses.py`.
"""

import math
from collections.abc import Mapping, Sequence

from google.protobuf import struct_pb2
from triphase.gateway.v1 import GenerateRequest, StreamGenerateRequest, generation_pb2

from triphase_server.core.request import Effort, GenerationRequest, Reasoning, Sampling, SummaryDetail
from triphase_server.rpc.conversations import to_format, to_messages, to_tool_choice, to_tools
from triphase_server.rpc.violations import Violations

_MOST_STOPS = 16
_MOST_STOP_CHARACTERS = 1_000
_MOST_ID_CHARACTERS = 128
# Longer than any model's context: whoever means no bound says 0.
_MOST_REASONING_TOKENS = 1_000_000
# Holds a grammar or a table of biases. Each value in it is walked, which must not hold up other streams.
_MOST_EXTRA_BYTES = 256 * 1024
# What `extra_body` can never set: what the gateway itself writes, and what has a field of its own.
RESERVED_BODY_FIELDS = frozenset(
    {"model", "stream", "stream_options", "messages", "n", "tools", "tool_choice", "response_format", "stop"}
    | {"max_tokens", "max_completion_tokens", "reasoning_effort"}
    | {"temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty", "repetition_penalty", "seed"}
)

_EFFORTS: Mapping[int, Effort | None] = {
    generation_pb2.REASONING_EFFORT_UNSPECIFIED: None,
    generation_pb2.REASONING_EFFORT_NONE: Effort.NONE,
    generation_pb2.REASONING_EFFORT_MINIMAL: Effort.MINIMAL,
    generation_pb2.REASONING_EFFORT_LOW: Effort.LOW,
    generation_pb2.REASONING_EFFORT_MEDIUM: Effort.MEDIUM,
    generation_pb2.REASONING_EFFORT_HIGH: Effort.HIGH,
    generation_pb2.REASONING_EFFORT_XHIGH: Effort.XHIGH,
    generation_pb2.REASONING_EFFORT_MAX: Effort.MAX,
}
_DETAILS: Mapping[int, SummaryDetail] = {
    generation_pb2.SUMMARY_DETAIL_UNSPECIFIED: SummaryDetail.AUTO,
    generation_pb2.SUMMARY_DETAIL_NONE: SummaryDetail.NONE,
    generation_pb2.SUMMARY_DETAIL_CONCISE: SummaryDetail.CONCISE,
    generation_pb2.SUMMARY_DETAIL_AUTO: SummaryDetail.AUTO,
    generation_pb2.SUMMARY_DETAIL_DETAILED: SummaryDetail.DETAILED,
}
# What most requests say nothing of.
_NO_SAMPLING = Sampling()
_NO_WISHES = Reasoning()
# low, high, whether low itself is excluded
_RANGES: Mapping[str, tuple[float, float, bool]] = {
    "temperature": (0, 2, False),
    "top_p": (0, 1, True),
    "min_p": (0, 1, False),
    "frequency_penalty": (-2, 2, False),
    "presence_penalty": (-2, 2, False),
    "repetition_penalty": (0, math.inf, True),
}


def to_request(message: StreamGenerateRequest | GenerateRequest) -> GenerationRequest:
    """Returns the request as core values; raises InvalidRequest with all violations."""
    found = Violations()
    found.check(bool(message.model), "model", "must name a model; ListModels tells the known ones")
    tools = to_tools(message.tools, found)
    request = GenerationRequest(
        model=message.model,
        messages=to_messages(message.messages, found),
        tools=tools,
        tool_choice=to_tool_choice(message.tool_choice, tools, found) if message.HasField("tool_choice") else None,
        response_format=to_format(message.response_format, found) if message.HasField("response_format") else None,
        sampling=_sampling(message.sampling, found) if message.HasField("sampling") else _NO_SAMPLING,
        stop=_stop(message.stop, found),
        max_output_tokens=_count(message.max_output_tokens, "max_output_tokens", found),
        reasoning=_reasoning(message.reasoning, found) if message.HasField("reasoning") else _NO_WISHES,
        extra_body=_extra_body(message.extra_body, found) if message.HasField("extra_body") else {},
        client_request_id=_short(message.client_request_id, "client_request_id", found),
        accept_restarts=isinstance(message, GenerateRequest) or message.accept_restarts,
        affinity_key=_short(message.affinity_key, "affinity_key", found),
    )
    found.raise_any()
    return request


def _sampling(message: generation_pb2.Sampling, found: Violations) -> Sampling:
    given = {descriptor.name: value for descriptor, value in message.ListFields()}
    with found.within("sampling"):
        for name, (low, high, open_low) in _RANGES.items():
            if name in given:
                found.check_range(given[name], name, low=low, high=high, open_low=open_low)
        top_k = given.get("top_k", 1)
        found.check(top_k == -1 or top_k >= 1, "top_k", "must be at least 1, or -1 for all")
    return Sampling(**given)


def _stop(stops: Sequence[str], found: Violations) -> tuple[str, ...]:
    if len(stops) > _MOST_STOPS:
        found.add("stop", f"must be at most {_MOST_STOPS} texts")
        return ()
    for index, text in enumerate(stops):
        fits = 0 < len(text) <= _MOST_STOP_CHARACTERS
        found.check(fits, f"stop[{index}]", f"must have 1 to {_MOST_STOP_CHARACTERS} characters")
    return tuple(stops)


def _count(value: int, field: str, found: Violations) -> int:
    found.check(value >= 0, field, "must be at least 1, or 0 for none")
    return value


def _reasoning(message: generation_pb2.Reasoning, found: Violations) -> Reasoning:
    with found.within("reasoning"):
        found.check(message.effort in _EFFORTS, "effort", "must be a value of ReasoningEffort")
        found.check(message.summary in _DETAILS, "summary", "must be a value of SummaryDetail")
        return Reasoning(
            effort=_EFFORTS.get(message.effort),
            max_tokens=_bound(message.max_tokens, "max_tokens", found),
            minimum_tokens=_minimum(message, found),
            summary=_DETAILS.get(message.summary, SummaryDetail.AUTO),
            include_raw=message.include_raw,
        )


def _bound(value: int, field: str, found: Violations) -> int:
    fits = 0 <= value <= _MOST_REASONING_TOKENS
    found.check(fits, field, f"must be 1 to {_MOST_REASONING_TOKENS}, or 0 for no bound")
    return value


def _minimum(message: generation_pb2.Reasoning, found: Violations) -> int:
    fits = message.max_tokens < 1 or message.minimum_tokens <= message.max_tokens
    found.check(fits, "minimum_tokens", "must be at most max_tokens")
    return _bound(message.minimum_tokens, "minimum_tokens", found)


def _extra_body(message: struct_pb2.Struct, found: Violations) -> Mapping[str, object]:
    if message.ByteSize() > _MOST_EXTRA_BYTES:
        found.add("extra_body", f"must be at most {_MOST_EXTRA_BYTES} bytes")
        return {}
    with found.within("extra_body"):
        for name in sorted(RESERVED_BODY_FIELDS & message.fields.keys()):
            found.add(name, "is set by the gateway or has a field of its own in the request")
        return {name: _json(value, name, found) for name, value in message.fields.items()}


def _json(value: struct_pb2.Value, name: str, found: Violations) -> object:
    # A Struct knows only doubles; engines tell 5 from 5.0, so integral numbers leave as integers.
    match value.WhichOneof("kind"):
        case "number_value":
            return _number(value.number_value, name, found)
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            with found.within(name):
                return {key: _json(member, key, found) for key, member in value.struct_value.fields.items()}
        case "list_value":
            with found.within(name):
                return [_json(member, f"[{i}]", found) for i, member in enumerate(value.list_value.values)]
        case _:
            return None


def _number(number: float, field: str, found: Violations) -> float | int:
    if not math.isfinite(number):
        found.add(field, "must be a finite number")
        return 0
    return int(number) if number.is_integer() and abs(number) <= 2**53 else number


def _short(text: str, field: str, found: Violations) -> str:
    fits = len(text) <= _MOST_ID_CHARACTERS and text.isprintable()
    found.check(fits, field, f"must be at most {_MOST_ID_CHARACTERS} printable characters")
    return text
