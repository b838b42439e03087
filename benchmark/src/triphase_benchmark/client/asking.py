"""One question to one engine: the transport that it speaks, and an exchange from its beginning to its end."""

import asyncio

from triphase_benchmark.client.exchange import Exchange, Limits
from triphase_benchmark.client.http_target import HttpTarget
from triphase_benchmark.client.ports import Target
from triphase_benchmark.engines.engine import Engine


def target_of(engine: Engine, *, model: str, limits: Limits) -> Target:
    """The transport that an engine speaks. Raises KeyMissing."""
    if engine.is_gateway:
        from triphase_benchmark.client.gateway import GatewayTarget  # noqa: PLC0415 - its threads are for those who need them

        return GatewayTarget(engine, model=model, limits=limits)
    return HttpTarget(engine, model=model, limits=limits)


async def ask(target: Target, request: bytes) -> Exchange:
    """Sends a request and waits for its end; a cancellation drops it."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    exchange = Exchange(lambda _: ended.set_result(None))
    drop = target.send(request, exchange)
    try:
        await ended
    except asyncio.CancelledError:
        exchange.done = lambda _: None
        drop()
        raise
    return exchange
