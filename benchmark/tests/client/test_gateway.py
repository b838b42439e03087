"""The gateway as a target, against a scripted one: real gRPC, no engine."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import grpc
import pytest
from client_fakes.events import BEAT, COMPLETED, OUTPUT, STARTED, STEP, SUMMARY, THOUGHT, WHOLE
from client_fakes.scripted import ask
from google.protobuf.json_format import MessageToDict
from triphase.gateway.v1 import AppliedReasoning, Completed, ReasoningEffort, StreamGenerateResponse, Usage
from triphase_benchmark.client.exchange import Exchange, Limits, Question
from triphase_benchmark.client.gateway import GatewayTarget, NoSuchEffort, read_events, token_reads
from triphase_benchmark.client.parsing import Answer
from triphase_benchmark.client.progress import Counters
from triphase_benchmark.engines.body import ReservedMember
from triphase_benchmark.engines.engine import Engine
from triphase_client.testing import Failure, FakeGateway, Forever, Step

LIMITS = Limits(timeout_s=20.0, connect_s=5.0)


async def answered(
    steps: Iterable[Step], *, limits: Limits = LIMITS, tokens: int | None = 3
) -> tuple[Answer, Exchange]:
    async with FakeGateway() as gateway:
        gateway.script(steps)
        target = GatewayTarget(Engine(name="g", url=f"grpc://{gateway.target}"), model="m", limits=limits)
        await target.open(1)
        exchange = await ask(target)
        await target.close()
    return target.read(exchange, asked_tokens=tokens), exchange


def kind(answer: Answer) -> str | None:
    return answer.failure[0].value if answer.failure else None


async def test_phases_and_tokens_each_have_their_time() -> None:
    answer, exchange = await answered(WHOLE)
    assert kind(answer) is None
    assert [at for at, _ in token_reads(exchange.reads)] == answer.chunk_times
    times = [at for at, _ in exchange.reads]
    assert [answer.accepted, answer.prompt_summary, answer.reasoning_summary] == [times[0], times[1], times[3]]
    assert answer.chunk_times == [times[2], times[4], times[5]]
    assert answer.chunk_output == [False, True, True]
    assert (answer.reasoning_characters, answer.output_characters, answer.output) == (3, 5, "Hi")
    assert (answer.finish_reason, answer.usage_is_estimate, answer.chunk_tokens) == ("length", False, None)
    usage = answer.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.reasoning, usage.cached) == (4, 3, 1, 2)
    assert 0 < exchange.sent < exchange.responded <= exchange.ended


async def test_summaries_are_no_tokens() -> None:
    answer, _ = await answered([STARTED, SUMMARY, STEP, COMPLETED])
    assert (answer.chunk_times, kind(answer)) == ([], "empty")


@pytest.mark.parametrize("first", [0, 1, 127, 128, 2**31 - 9], ids=lambda number: f"numbered from {number}")
def test_running_times_are_those_of_tokens_alone(first: int) -> None:
    exchange = Exchange(lambda _: None)
    exchange.sent, exchange.ended = 1_000, 9_000
    for number, event in enumerate(WHOLE):
        numbered = StreamGenerateResponse(sequence=first + number)
        numbered.MergeFrom(event)
        exchange.reads.append((2_000 + 1_000 * number, numbered.SerializeToString()))
    exchange.reads.append((11_000, b""))
    counters = Counters()
    counters.ended(exchange, token_reads(exchange.reads), due=1_000)
    counted = counters.read()
    # A thought at 4000, output at 6000, a tool call at 7000; the stream opened at 2000.
    assert (counted.first_waits, counted.first_waits_ns, counted.gaps, counted.gaps_ns) == (1, 3_000, 2, 3_000)
    assert counted.reads == len(WHOLE) + 1


def test_of_summaries_alone_no_running_time_is_known() -> None:
    exchange = Exchange(lambda _: None)
    exchange.sent, exchange.ended = 1_000, 9_000
    exchange.reads = [(2_000, event.SerializeToString()) for event in (STARTED, SUMMARY, STEP, BEAT, COMPLETED)]
    counters = Counters()
    counters.ended(exchange, token_reads(exchange.reads), due=1_000)
    assert (counters.read().first_waits, counters.read().gaps, counters.read().ended) == (0, 0, 1)


@pytest.mark.parametrize(
    ("steps", "limits", "expected"),
    [
        ([Failure(code=grpc.StatusCode.UNAVAILABLE, message="gone")], LIMITS, "connect"),
        ([STARTED, OUTPUT, Failure(code=grpc.StatusCode.UNAVAILABLE, message="gone")], LIMITS, "reset"),
        ([Failure(code=grpc.StatusCode.NOT_FOUND, message="no such model")], LIMITS, "status"),
        ([STARTED, Failure(code=grpc.StatusCode.INTERNAL, message="broke")], LIMITS, "status"),
        ([STARTED, Forever()], replace(LIMITS, timeout_s=0.3), "timeout"),
        ([STARTED, OUTPUT], LIMITS, "truncated"),
        ([b"\xff\xff\xff\xff"], LIMITS, "protocol"),
    ],
)
async def test_each_way_of_failing_has_its_kind(steps: list[Step], limits: Limits, expected: str) -> None:
    answer, exchange = await answered(steps, limits=limits)
    assert kind(answer) == expected
    assert exchange.ended


async def test_no_gateway_at_all() -> None:
    target = GatewayTarget(Engine(name="g", url="grpc://127.0.0.1:9"), model="m", limits=replace(LIMITS, connect_s=0.2))
    await target.open(1)
    exchange = await ask(target)
    await target.close()
    assert kind(target.read(exchange, asked_tokens=None)) == "connect"


async def test_another_length_is_a_failure_unless_the_gateway_guessed() -> None:
    answer, _ = await answered(WHOLE, tokens=4)
    assert kind(answer) == "length"
    guessed = StreamGenerateResponse(completed=Completed(usage=Usage(output_tokens=3, estimated=True)))
    answer, _ = await answered([*WHOLE[:-1], guessed], tokens=4)
    assert (kind(answer), answer.usage_is_estimate) == (None, True)


async def test_the_request_asks_for_raw_thoughts_and_the_same_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_KEY", "k")
    async with FakeGateway() as gateway:
        gateway.script(WHOLE)
        engine = Engine(name="g", url=f"grpc://{gateway.target}", key_variable="GATEWAY_KEY", headers={"X-Team": "a"})
        target = GatewayTarget(engine, model="m", limits=LIMITS)
        await ask(
            target,
            Question(turns=(("system", "s"), ("user", "u")), output_tokens=7, extra_body=(("temperature", 0.5),)),
        )
        with pytest.raises(ReservedMember):
            target.prepare(Question(turns=(), extra_body=(("stream", False),)))
        await target.close()
        [request], [metadata] = gateway.requests, gateway.metadata
    assert (request.model, request.max_output_tokens, request.reasoning.include_raw) == ("m", 7, True)
    assert [(turn.role, turn.content[0].text) for turn in request.messages] == [(1, "s"), (3, "u")]
    assert MessageToDict(request.extra_body) == {"min_tokens": 7}
    assert request.sampling.temperature == 0.5
    assert (metadata["authorization"], metadata["x-team"]) == ("Bearer k", "a")


async def test_what_has_a_field_of_its_own_goes_there() -> None:
    body = {"reasoning_effort": "xhigh", "max_tokens": 90, "seed": 4, "reasoning": {"max_tokens": 64}, "top_p": 0.9}
    async with FakeGateway() as gateway:
        gateway.script(WHOLE)
        target = GatewayTarget(Engine(name="g", url=f"grpc://{gateway.target}"), model="m", limits=LIMITS)
        await ask(target, Question(turns=(("user", "u"),), extra_body=tuple(body.items())))
        for wrong in ({"reasoning_effort": "huge"}, {"reasoning": 4}):
            with pytest.raises(NoSuchEffort):
                target.prepare(Question(turns=(), extra_body=tuple(wrong.items())))
        await target.close()
        [request] = gateway.requests
    assert request.reasoning.effort == ReasoningEffort.REASONING_EFFORT_XHIGH
    assert (request.reasoning.max_tokens, request.max_output_tokens) == (64, 90)
    assert (request.sampling.seed, request.sampling.top_p, request.sampling.HasField("temperature")) == (4, 0.9, False)
    assert not request.HasField("extra_body")


async def test_a_salt_goes_where_the_engine_behind_takes_one() -> None:
    async with FakeGateway() as gateway:
        gateway.script(WHOLE)
        gateway.script(WHOLE)
        for profile in ("vllm", "generic"):
            known = Engine(name="g", url=f"grpc://{gateway.target}", profile=profile)
            target = GatewayTarget(known, model="m", limits=LIMITS)
            await ask(target, Question(turns=(("user", "u"),), cache_salt="s"))
            await target.close()
        salted, plain = gateway.requests
    assert MessageToDict(salted.extra_body) == {"cache_salt": "s"}
    assert not plain.HasField("extra_body")


def test_thoughts_and_the_effort_that_was_applied_are_kept() -> None:
    applied = AppliedReasoning(applied_effort=ReasoningEffort.REASONING_EFFORT_LOW)
    told = Completed(usage=Usage(reasoning_tokens=3, reasoning_estimated=True), reasoning=applied)
    events = [THOUGHT, OUTPUT, StreamGenerateResponse(completed=told)]
    answer = read_events([(at, event.SerializeToString()) for at, event in enumerate(events, 1)])
    assert (answer.thoughts, answer.applied_effort) == (THOUGHT.reasoning_delta.text, "low")
    assert (answer.reasoning_is_estimate, answer.usage_is_estimate) == (True, False)


async def test_a_dropped_call_is_cancelled() -> None:
    async with FakeGateway() as gateway:
        gateway.script([STARTED, Forever()])
        target = GatewayTarget(Engine(name="g", url=f"grpc://{gateway.target}"), model="m", limits=LIMITS)
        ended: list[Exchange] = []
        exchange = Exchange(ended.append)
        drop = target.send(target.prepare(Question(turns=(("user", "u"),))), exchange)
        await gateway.called.wait()
        drop()
        assert ended == [exchange]
        async with asyncio.timeout(10):
            await gateway.cancelled.wait()
        await target.close()
    assert len(ended) == 1


def test_tokens_that_came_at_once_share_a_read() -> None:
    reads = [(1, THOUGHT.SerializeToString()), (1, OUTPUT.SerializeToString()), (2, OUTPUT.SerializeToString())]
    assert read_events(reads).shared_reads == 2
