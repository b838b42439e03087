"""Requests from plain values: `build_request(prompt="…", model="…", effort="low")`.

Only what most callers set is here; whatever else the contract has, set it on the `StreamGenerateRequest` itself. Values
are not checked beyond names of enums: the gateway is the judge.
"""

from collections.abc import Sequence
from typing import TypedDict, Unpack

from triphase.gateway.v1 import (
    ContentPart,
    Message,
    Reasoning,
    ReasoningEffort,
    Role,
    Sampling,
    StreamGenerateRequest,
    SummaryDetail,
)

EFFORTS = tuple(name.removeprefix("REASONING_EFFORT_").lower() for name in ReasoningEffort.keys()[1:])
SUMMARY_DETAILS = tuple(name.removeprefix("SUMMARY_DETAIL_").lower() for name in SummaryDetail.keys()[1:])


class RequestFields(TypedDict, total=False):
    """What a request is built from; everything may be left out except `model` and one of `prompt`, `messages`.

    Attributes:
        model: The public name of a model.
        prompt: What the person asks, after `messages`.
        system: Instructions, before `messages`.
        messages: Earlier turns, oldest first.
        effort: How long to think: one of `EFFORTS`.
        max_reasoning_tokens: The most tokens to think; 0 = no bound.
        minimum_reasoning_tokens: The least tokens to think; 0 = no bound.
        summary: How much of the thoughts the summary keeps: one of `SUMMARY_DETAILS`.
        include_raw: Whether the raw thoughts are streamed too.
        temperature: 0 (greedy) to 2.
        top_p: More than 0, at most 1.
        seed: For answers that can be had again.
        max_output_tokens: The most tokens to write, thoughts included.
        stop: Texts at which the model stops.
        client_request_id: An id of the caller's own, repeated in `started`.
        accept_restarts: Whether the caller understands `restarted`, as a `Fold` does.
    """

    model: str
    prompt: str
    system: str
    messages: Sequence[Message]
    effort: str
    max_reasoning_tokens: int
    minimum_reasoning_tokens: int
    summary: str
    include_raw: bool
    temperature: float | None
    top_p: float | None
    seed: int | None
    max_output_tokens: int
    stop: Sequence[str]
    client_request_id: str
    accept_restarts: bool


def build_request(**fields: Unpack[RequestFields]) -> StreamGenerateRequest:
    """Builds a request; raises `ValueError` for an effort or a detail that does not exist."""
    return StreamGenerateRequest(
        model=fields.get("model", ""),
        messages=_turns(fields),
        reasoning=Reasoning(
            effort=ReasoningEffort.Value(_enum_name("REASONING_EFFORT", fields.get("effort", ""), EFFORTS)),
            summary=SummaryDetail.Value(_enum_name("SUMMARY_DETAIL", fields.get("summary", ""), SUMMARY_DETAILS)),
            include_raw=fields.get("include_raw", False),
            max_tokens=fields.get("max_reasoning_tokens", 0),
            minimum_tokens=fields.get("minimum_reasoning_tokens", 0),
        ),
        sampling=Sampling(temperature=fields.get("temperature"), top_p=fields.get("top_p"), seed=fields.get("seed")),
        max_output_tokens=fields.get("max_output_tokens", 0),
        stop=fields.get("stop", ()),
        client_request_id=fields.get("client_request_id", ""),
        accept_restarts=fields.get("accept_restarts", False),
    )


def choose_request(request: StreamGenerateRequest | None, fields: RequestFields) -> StreamGenerateRequest:
    """Takes the request as it is, or builds it; raises `TypeError` where a caller gives both."""
    if request is None:
        return build_request(**fields)
    if fields:
        raise TypeError(f"give a request or its fields, not both: {', '.join(fields)}")
    return request


def user(text: str) -> Message:
    """A turn of the person who asks."""
    return _turn(Role.ROLE_USER, text)


def assistant(text: str) -> Message:
    """An earlier answer of the model."""
    return _turn(Role.ROLE_ASSISTANT, text)


def _turn(role: Role.ValueType, text: str) -> Message:
    return Message(role=role, content=[ContentPart(text=text)])


def _turns(fields: RequestFields) -> list[Message]:
    before = [_turn(Role.ROLE_SYSTEM, fields["system"])] if fields.get("system") else []
    after = [user(fields["prompt"])] if fields.get("prompt") else []
    return [*before, *fields.get("messages", ()), *after]


def _enum_name(prefix: str, word: str, known: tuple[str, ...]) -> str:
    if word and word.lower() not in known:
        raise ValueError(f"{word!r} is not one of {', '.join(known)}")
    return f"{prefix}_{word.upper() or 'UNSPECIFIED'}"
