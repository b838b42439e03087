"""A gateway that is told to stop under load: no stream that began is broken within the grace, the rest end typed.

All of it with a process of its own and the signal that orchestrators send. `tox -e chaos` does it with 400 streams.
"""

import asyncio
import signal
from collections import Counter
from pathlib import Path

import grpc
from end_to_end.processes import refuses
from grpc_health.v1 import health_pb2, health_pb2_grpc
from triphase_client import Client

from resilience.engine import Engine
from resilience.gateways import GatewayProcess, beside
from resilience.meter import until
from resilience.replies import COMPLETED, Reply, ask
from resilience.scale import Scale

GUARD_S = 90.0  # only against hanging: no test waits for it
LONG_S = 60.0
SHORT_S = 0.2
PACE_S = 0.01
WHOLE, REFUSED, BROKEN = "whole", "refused", "broken"


def stop(gateway: GatewayProcess) -> None:
    gateway.process.handle.send_signal(signal.SIGTERM)


async def all_amid_their_answer(engine: Engine, streams: int) -> None:
    """Waits until the engine has sent each of so many what it does not hold back."""
    await until(lambda: engine.holding == streams, lambda: f"{engine.holding} of {streams} streams are held")


async def test_what_runs_is_finished_while_health_says_no_and_nobody_else_is_let_in(
    scale: Scale, tmp_path: Path
) -> None:
    async with (
        Engine(pace_s=PACE_S).serving() as engine,
        beside(tmp_path, engine.base_url, guard_s=GUARD_S, grace_s=LONG_S) as gateway,
        grpc.aio.insecure_channel(gateway.address, [("grpc.enable_http_proxy", 0)]) as channel,
    ):
        engine.released.clear()
        changes = aiter(health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()))
        states = [(await anext(changes)).status]
        asking = [asyncio.create_task(ask(gateway.client, "m")) for _ in range(scale.streams)]
        await all_amid_their_answer(engine, scale.streams)
        stop(gateway)
        states += [event.status async for event in changes]
        await refuses(gateway.address)
        assert states == [health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING]
        assert not any(one.done() for one in asking)
        engine.released.set()
        whole = Reply(outcome=COMPLETED, told=engine.truth, attempts=1)
        assert Counter(one.outcome for one in await asyncio.gather(*asking)) == {COMPLETED: scale.streams}
        assert [await one for one in asking] == [whole] * scale.streams
        assert await gateway.process.ended() == 0


async def test_what_does_not_end_within_the_grace_ends_typed(scale: Scale, tmp_path: Path) -> None:
    async with (
        Engine(pace_s=PACE_S).serving() as engine,
        beside(tmp_path, engine.base_url, guard_s=GUARD_S, grace_s=SHORT_S) as gateway,
    ):
        engine.released.clear()
        asking = [asyncio.create_task(ask(gateway.client, "m")) for _ in range(scale.streams)]
        await all_amid_their_answer(engine, scale.streams)
        stop(gateway)
        replies = await asyncio.gather(*asking)
        assert Counter(reply.outcome for reply in replies) == {"GATEWAY_SHUTTING_DOWN": scale.streams}
        assert all(reply.told and engine.truth.startswith(reply.told) for reply in replies)
        assert await gateway.process.ended() == 0
        await until(lambda: engine.open == 0, lambda: f"{engine.open} exchanges")


async def test_a_stop_amid_arrivals_breaks_no_stream(scale: Scale, tmp_path: Path) -> None:
    async with (
        Engine(pace_s=PACE_S).serving() as engine,
        beside(tmp_path, engine.base_url, guard_s=GUARD_S, grace_s=LONG_S) as gateway,
    ):
        ended: Counter[str] = Counter()
        callers = [
            asyncio.create_task(asks_until_refused(gateway.client, engine.truth, ended)) for _ in range(scale.streams)
        ]
        await until(lambda: ended[WHOLE] >= scale.streams, lambda: ended)
        stop(gateway)
        await asyncio.gather(*callers)
        print(f"\n{ended[WHOLE]} streams were whole, {ended[REFUSED]} requests were refused")
        assert ended[BROKEN] == 0
        assert ended[REFUSED] == scale.streams
        assert await gateway.process.ended() == 0


async def asks_until_refused(client: Client, truth: str, ended: Counter[str]) -> None:
    while (reply := await ask(client, "m")).outcome == COMPLETED:
        ended[WHOLE if reply.told == truth else BROKEN] += 1
    ended[REFUSED if reply.attempts == 0 else BROKEN] += 1
