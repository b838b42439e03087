"""A leg: one worker's share of one round at one engine, and the rows that come of it.

Its rule: a value that can be sent to another process. Every planned request becomes exactly one row, whatever became of
it; times in rows count from the run's epoch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from triphase_benchmark.client.exchange import Exchange, Limits
from triphase_benchmark.client.parsing import Answer
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.plan.values import Load, PlannedRequest
from triphase_benchmark.records.error_kinds import ErrorKind
from triphase_benchmark.records.schema import REQUESTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """`model`: what the engine is asked for. `places`: of this worker. `limit_s`: when what still runs is dropped."""

    round: int
    place_in_round: int
    engine: Engine
    model: str
    load: Load
    places: int | None
    requests: tuple[PlannedRequest, ...]
    limits: Limits = Limits()
    limit_s: float | None = None
    cache_salt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whose rows they are: host, worker, and the epoch that times count from (ns of the monotonic clock)."""

    host: str
    worker: int
    epoch_ns: int


def unsent_row(leg: Leg, place: Place, request: PlannedRequest, *, due: int, why: str) -> dict[str, Any]:
    """The row of a request that was never sent; `due` is absolute."""
    failed = {"error": ErrorKind.UNSENT.value, "error_detail": why}
    return {**_known(leg, place, request, due=due), **_NOTHING, **failed}


def row(
    leg: Leg, place: Place, request: PlannedRequest, exchange: Exchange, answer: Answer, *, due: int
) -> Mapping[str, Any]:
    """The row of a request that was sent, or could not be."""
    epoch = place.epoch_ns
    usage = answer.usage
    failure = answer.failure
    return {
        **_known(leg, place, request, due=due),
        "sent": _since(epoch, exchange.sent),
        "responded": _since(epoch, exchange.responded),
        "ended": _since(epoch, exchange.ended),
        "chunk_times": [at - epoch for at in answer.chunk_times],
        "chunk_tokens": answer.chunk_tokens,
        "chunk_output": answer.chunk_output,
        "shared_reads": answer.shared_reads,
        "accepted": _since(epoch, answer.accepted),
        "prompt_summary": _since(epoch, answer.prompt_summary),
        "reasoning_summary": _since(epoch, answer.reasoning_summary),
        "input_tokens": usage.prompt_tokens if usage else None,
        "cached_tokens": usage.cached if usage else None,
        "output_tokens": usage.completion_tokens if usage else None,
        "reasoning_tokens": usage.reasoning if usage else None,
        "usage_is_estimate": answer.usage_is_estimate if usage else None,
        "reasoning_characters": answer.reasoning_characters,
        "output_characters": answer.output_characters,
        "finish_reason": answer.finish_reason,
        "status": exchange.status or None,
        "error": failure[0].value if failure else None,
        "error_detail": (failure[1] or None) if failure else None,
    }


_NOTHING: Mapping[str, Any] = {
    "chunk_times": [],
    "chunk_output": [],
    "shared_reads": 0,
    "reasoning_characters": 0,
    "output_characters": 0,
}


def _known(leg: Leg, place: Place, request: PlannedRequest, *, due: int) -> dict[str, Any]:
    return {
        "round": leg.round,
        "place_in_round": leg.place_in_round,
        "engine": leg.engine.name,
        "host": place.host,
        "worker": place.worker,
        "request": request.number,
        "prompt": request.prompt.id,
        "warm_up": request.warm_up,
        "scheduled": due - place.epoch_ns,
        "asked_tokens": request.prompt.output_tokens,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class RowShape:
    """A table, and how its rows are made of a request that was sent, and of one that was not."""

    schema: pa.Schema
    of: Callable[..., Mapping[str, Any]]
    unsent: Callable[..., Mapping[str, Any]]


REQUEST_ROWS = RowShape(schema=REQUESTS, of=row, unsent=unsent_row)


def _since(epoch_ns: int, at: int) -> int | None:
    return at - epoch_ns if at else None
