"""Two engines on real sockets behind one route: who answers where one is slow or refuses, and that nothing is left."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from end_to_end.stage import GUARD_S, MARK, Stage, assert_discreet, request
from triphase.gateway.v1 import StreamGenerateResponse, events_pb2
from triphase_client import Client
from triphase_server.app.gateway import Gateway, running
from triphase_server.config import GatewayConfig
from triphase_server.core.breaker import BreakerPolicy
from triphase_server.core.error_patterns import ErrorPattern
from triphase_server.core.route import Deployment, Route, Target
from triphase_server.upstream.settings import UpstreamSettings
from upstream.raw_server import Call, Handler, Net, RawServer

FIRST, HEDGE = events_pb2.ATTEMPT_REASON_FIRST, events_pb2.ATTEMPT_REASON_HEDGE
OUTPUT = b'data: {"choices":[{"index":0,"delta":{"content":"85"}}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
ERROR = b'data: {"error": {"message": "no", "code": 503}}\n\n'
SOON_S = 0.05  # when a slow engine is hedged; no test measures it
STRICT = BreakerPolicy(consecutive_failures=1)


@dataclass(frozen=True)
class Scene:
    """Two engines, the gateway before them, and a client of it."""

    stage: Stage
    gateway: Gateway
    engines: tuple[RawServer, RawServer]

    def at_rest(self) -> bool:
        """Whether every lease and every connection in use was given back."""
        parts = self.gateway.parts
        in_use = [parts.upstream.in_use(name) for name in ("a", "b")]
        return in_use == [0, 0] and all(member.in_flight == 0 for member in parts.fleet.members())

    def states(self) -> list[str]:
        return [member.circuit.state.value for member in self.gateway.parts.fleet.members()]


@asynccontextmanager
async def scene(
    first: Handler, second: Handler, *, errors: tuple[ErrorPattern, ...] = (), **route: Any
) -> AsyncIterator[Scene]:
    """Starts a gateway whose route `m` has the deployments `a`, which is asked first, and `b`."""
    async with asyncio.timeout(GUARD_S), Net().serve(first) as a, Net().serve(second) as b:
        engines = {"a": a, "b": b}
        upstreams = {
            name: UpstreamSettings(name=name, base_url=f"http://127.0.0.1:{raw.port}/v1")
            for name, raw in engines.items()
        }
        deployments = [Deployment(name=n, upstream=n, model="tiny", errors=errors, breaker=STRICT) for n in engines]
        targets = tuple(Target(deployment=one, priority=tier) for tier, one in enumerate(deployments))
        routes = {"m": Route(name="m", targets=targets, **route)}
        config = GatewayConfig(
            listen="127.0.0.1:0", metrics_listen="", grace_s=0.05, upstreams=upstreams, routes=routes
        )
        async with running(config) as gateway, Client(gateway.address, retry=None) as client:
            yield Scene(Stage(client, gateway.address), gateway, (a, b))


def asked(events: list[StreamGenerateResponse]) -> list[tuple[str, int]]:
    started = [event.attempt_started for event in events if event.HasField("attempt_started")]
    return [(attempt.deployment, attempt.reason) for attempt in started]


async def answers(call: Call) -> None:
    await call.begin()
    await call.chunk(OUTPUT + END)
    await call.end()


async def test_a_silent_engine_loses_to_the_one_beside_it_and_is_closed() -> None:
    closed = asyncio.Queue[None]()

    async def silent(call: Call) -> None:
        await call.begin()
        await call.peer_closed()
        closed.put_nowait(None)

    async with scene(silent, answers, hedge_after_s=SOON_S) as two:
        for _ in range(3):
            events = await two.stage.events(request())
            assert asked(events) == [("a", FIRST), ("b", HEDGE)]
            assert [event.sequence for event in events] == list(range(len(events)))
            assert "".join(event.output_delta.text for event in events) == "85"
            assert (events[-1].completed.deployment, events[-1].completed.attempts) == ("b", 2)
            await closed.get()
        assert two.engines[1].connections == 1
        assert (two.states(), two.at_rest()) == (["closed", "closed"], True)


@pytest.mark.parametrize("beside", [ERROR, END, b""], ids=["an error frame", "an answer of nothing", "an empty stream"])
async def test_what_says_nothing_never_wins_against_one_that_will(beside: bytes) -> None:
    over = asyncio.Event()

    async def slow(call: Call) -> None:
        await call.begin()
        await over.wait()
        await call.chunk(OUTPUT + END)
        await call.end()

    async def says_nothing(call: Call) -> None:
        await call.begin()
        if beside:
            await call.chunk(beside)
        await call.end()
        over.set()

    async with scene(slow, says_nothing, hedge_after_s=SOON_S) as two:
        events = await two.stage.events(request())
        assert asked(events) == [("a", FIRST), ("b", HEDGE)]
        assert "".join(event.output_delta.text for event in events) == "85"
        assert events[-1].completed.deployment == "a"
        assert two.at_rest()


async def test_a_caller_that_goes_away_in_a_race_closes_both() -> None:
    closed = asyncio.Queue[None]()
    both = asyncio.Barrier(3)

    async def silent(call: Call) -> None:
        await call.begin()
        await both.wait()
        await call.peer_closed()
        closed.put_nowait(None)

    async with scene(silent, silent, hedge_after_s=SOON_S) as two:
        task = asyncio.create_task(two.stage.events(request()))
        await both.wait()
        task.cancel()
        await asyncio.wait((task,))
        await closed.get()
        await closed.get()
        await two.gateway.stop()  # which waits for what runs
        assert (two.states(), two.at_rest()) == (["closed", "closed"], True)


TOO_LONG = f"This model's maximum context length is 1024 tokens, {MARK}"


def says(status: str, message: str) -> Handler:
    async def refuses(call: Call) -> None:
        body = json.dumps({"error": {"message": message, "type": MARK}}).encode()
        await call.whole(body, status=status, headers="Content-Type: application/json\r\n")

    return refuses


async def test_a_prompt_that_is_too_long_costs_no_other_attempt_and_no_circuit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    async with scene(says("500 Oops", TOO_LONG), answers) as two:
        for _ in range(3):
            failure = await two.stage.failure(request())
            assert (failure.error.code, failure.error.reason) == (
                grpc.StatusCode.INVALID_ARGUMENT,
                "UPSTREAM_REJECTED",
            )
            assert failure.error.metadata["retry_may_help"] == "false"
            assert failure.error.metadata["upstream_status"] == "500"
            assert_discreet(failure)
        assert (two.engines[1].calls, two.states()) == ([], ["closed", "closed"])
        logged = str([vars(record) for record in caplog.records])
        assert "UPSTREAM_REJECTED" in logged
        assert MARK not in logged


async def test_a_500_of_other_words_is_the_engines_own_fault() -> None:
    async with scene(says("500 Oops", MARK), answers) as two:
        assert [deployment for deployment, _ in asked(await two.stage.events(request()))] == ["a", "b"]
        assert two.states() == ["open", "closed"]


async def test_an_operator_says_what_an_error_of_an_engine_is() -> None:
    patterns = (ErrorPattern(contains="lora is not loaded", status=400, treat_as=503),)
    async with scene(says("400 Bad Request", "The LoRA is not loaded"), answers, errors=patterns) as two:
        events = await two.stage.events(request())
        assert [deployment for deployment, _ in asked(events)] == ["a", "b"]
        assert two.states() == ["open", "closed"]
