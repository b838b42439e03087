"""Asks an engine a few things before a run, to find out what it really does.

Its rule: it never raises for what an engine does, and takes no longer than its limits: whatever happens is a fact of
the `Probe`. An engine that does not answer yet is asked again until `wait_s` has passed. Asked are its models and
version, one stream, and two whole answers of one seed, by the same transports as in the run.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import msgspec

from triphase_benchmark.client.asking import ask
from triphase_benchmark.client.exchange import Limits, Question
from triphase_benchmark.client.http_target import HttpTarget, profile_of
from triphase_benchmark.client.parsing import Answer, whole_error
from triphase_benchmark.client.ports import Target
from triphase_benchmark.engines.address import Address, parse_address
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.engines.probe import Probe, Seen

PROBE_LIMITS = Limits(timeout_s=120.0, connect_s=5.0)

_TOKENS = 12
_ROUND_TRIPS = 5
_AGAIN_S = 0.5
# What a server says that is up, while its model is not.
_NOT_YET = frozenset({502, 503, 504})
# A salt, too, as in the run: an engine that refuses it is to be found out before.
_QUESTION = Question(
    turns=(("user", "Count from one to twenty, in words."),), output_tokens=_TOKENS, cache_salt="probe"
)
_SEEDED = (("temperature", 1.0), ("seed", 7))


class _NamedModel(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_NamedModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """A plain answer of HTTP; status 0: none came, and `problem` says why."""

    status: int
    body: bytes
    took_s: float
    problem: str


async def probe(engine: Engine, *, wait_s: float = 0.0, limits: Limits = PROBE_LIMITS) -> Probe:
    """Looks at one engine. Raises KeyMissing."""
    known = Probe(
        engine=engine.name,
        url=engine.url,
        profile=engine.profile,
        model=engine.model,
        model_asked=engine.model is not None,
        asked_tokens=_TOKENS,
        fixes_length=profile_of(engine).holds_length,
    )
    if engine.is_gateway:
        return await _probe_gateway(known, engine, wait_s, limits)
    target = HttpTarget(engine, model="", limits=limits)
    try:
        known = await _greet(known, target, parse_address(engine.url), wait_s)
        if known.down:
            return known
        known = replace(known, version=await _version(target, engine))
    finally:
        await target.close()
    return await _answers(
        known, lambda streams: HttpTarget(engine, model=known.model or "", limits=limits, streams=streams)
    )


async def _greet(known: Probe, target: HttpTarget, address: Address, wait_s: float) -> Probe:
    """Waits until it answers; learns its models and the round trip."""
    began = monotonic()
    request = target.plain("GET", address.api("/models"))
    while True:
        answer = await _plain(target, request)
        if answer.status and answer.status not in _NOT_YET:
            break
        waited_s = monotonic() - began
        if waited_s >= wait_s:
            problem = answer.problem or f"status {answer.status}"
            return replace(known, down=f"{problem} (waited {waited_s:.1f} s)")
        await asyncio.sleep(min(_AGAIN_S, wait_s - waited_s))
    waited_s = monotonic() - began
    trips = [answer.took_s, *[(await _plain(target, request)).took_s for _ in range(_ROUND_TRIPS)]]
    models = _models(answer)
    model = known.model or (models[0] if models else None)
    return replace(known, waited_s=waited_s, models=models, model=model, round_trip_s=min(trips))


def _models(answer: _Plain) -> tuple[str, ...] | None:
    if answer.status != 200:
        return None
    try:
        return tuple(model.id for model in msgspec.json.decode(answer.body, type=_Models).data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


async def _version(target: HttpTarget, engine: Engine) -> str | None:
    root = parse_address(engine.url).root
    for path, member in profile_of(engine).versions:
        answer = await _plain(target, target.plain("GET", root + path))
        try:
            told = msgspec.json.decode(answer.body) if answer.status == 200 else None
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if isinstance(told, dict) and told.get(member):
            return str(told[member])[:200]
    return None


async def _answers(known: Probe, make: Callable[[bool], Target]) -> Probe:
    """One stream, one whole answer, and another of the same seed."""
    if known.model is None:
        return known
    stream = await _seen(make(True), _QUESTION)
    seeded = replace(_QUESTION, extra_body=_SEEDED)
    whole = await _seen(make(False), seeded)
    honoured = None
    if not whole.error:
        honoured = (await _seen(make(False), seeded)).text == whole.text
    return replace(known, stream=stream, whole=whole, seed_honoured=honoured)


async def _seen(target: Target, question: Question) -> Seen:
    try:
        exchange = await ask(target, target.prepare(question))
        return seen_of(target.read(exchange, asked_tokens=None))
    finally:
        await target.close()


def seen_of(answer: Answer) -> Seen:
    """What an answer was, as facts."""
    usage = "none" if answer.usage is None or answer.usage.completion_tokens is None else "at the end"
    if answer.chunk_tokens is not None:
        usage = "in every chunk"
    if answer.usage_is_estimate:
        usage = "an estimate"
    # A whole answer has no token chunks: what would be EMPTY in a run succeeded, if it holds text.
    empty = answer.failure is not None and answer.failure[0] == "empty"
    holds = bool(answer.output_characters or answer.reasoning_characters)
    failure = None if empty and holds else answer.failure
    return Seen(
        error=failure[0].value if failure else "",
        detail=failure[1] if failure else "",
        token_chunks=len(answer.chunk_times),
        role_first=answer.role_first,
        thoughts=bool(answer.reasoning_characters),
        usage=usage,
        output_tokens=answer.usage.completion_tokens if answer.usage else None,
        finish_reason=answer.finish_reason,
        end_mark=answer.ended_well,
        text=answer.output,
    )


async def _plain(target: HttpTarget, request: bytes) -> _Plain:
    exchange = await ask(target, request)
    body = b"".join(data for _, data in exchange.reads)
    problem = exchange.failure[1] if exchange.failure else ""
    if not problem and exchange.status >= 400:
        problem = f"status {exchange.status}: {whole_error(exchange.reads)}"
    took_s = (exchange.ended - exchange.sent) / 1e9 if exchange.sent else float("inf")
    return _Plain(status=0 if exchange.failure else exchange.status, body=body, took_s=took_s, problem=problem)


async def _probe_gateway(known: Probe, engine: Engine, wait_s: float, limits: Limits) -> Probe:
    import grpc  # noqa: PLC0415 - this and below: for those who need it

    from triphase_benchmark.client.gateway import GatewayTarget, list_models  # noqa: PLC0415

    began = monotonic()
    try:
        models, round_trip_s = await _until(lambda: list_models(engine, limits), began, wait_s)
    except grpc.RpcError as error:
        detail: Any = error
        return replace(known, down=f"{detail.code().name}: {detail.details()} (waited {monotonic() - began:.1f} s)")
    known = replace(
        known,
        waited_s=monotonic() - began,
        models=models,
        model=known.model or (models[0] if models else None),
        round_trip_s=round_trip_s,
    )
    if known.model is None:
        return known
    target = GatewayTarget(engine, model=known.model, limits=limits)
    return replace(known, stream=await _seen(target, _QUESTION))


async def _until(
    ask: Callable[[], Awaitable[tuple[tuple[str, ...], float]]], began: float, wait_s: float
) -> tuple[tuple[str, ...], float]:
    import grpc  # noqa: PLC0415 - is loaded by now

    while True:
        try:
            return await ask()
        except grpc.aio.AioRpcError as error:
            left_s = wait_s - (monotonic() - began)
            if error.code() is not grpc.StatusCode.UNAVAILABLE or left_s <= 0:
                raise
            await asyncio.sleep(min(_AGAIN_S, left_s))
