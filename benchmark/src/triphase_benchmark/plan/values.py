"""The values of a plan: prompts, requests and rounds.

Its rule: a plan is the whole truth about what is sent. Two plans from one seed are equal, byte by byte, and everything
that a run does beyond its plan (retries, extra rounds) is planned too, or does not happen. Times are int nanoseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Load(StrEnum):
    """How requests come: each when one before it has ended, or at its own time whatever has become of the others."""

    CLOSED = "closed"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation, as `/chat/completions` takes it."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is asked. `id` names it in all records; no two requests that are measured share one.

    `input_tokens`: as counted by the workload's tokenizer; `None` where there is none. `output_tokens`: how many the
    engine is made to give (`min_tokens = max_tokens`); `None` leaves it to the model.
    """

    id: str
    messages: tuple[Message, ...]
    input_tokens: int | None = None
    output_tokens: int | None = None
    extra_body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRequest:
    """One request of a round.

    `scheduled_ns`: when it is due, after the round's begin; `None` in a closed loop, where it is due as soon as one of
    the `concurrency` places is free. `after`: the request of the same round whose answer must have come first, in a
    conversation of several turns. Its prompt has only the messages that it adds: sent are all that were sent before,
    the answer, and then these. It is due at `scheduled_ns` or when that answer has ended, whichever is later.
    """

    number: int
    prompt: Prompt
    scheduled_ns: int | None
    warm_up: bool = False
    after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The same requests to each engine, one engine after the other in the order `engines`."""

    number: int
    engines: tuple[str, ...]
    requests: tuple[PlannedRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All rounds of a run. `concurrency`: how many requests may run at once; `None`: any number, in an open loop."""

    seed: int
    load: Load
    concurrency: int | None
    rounds: tuple[Round, ...]
