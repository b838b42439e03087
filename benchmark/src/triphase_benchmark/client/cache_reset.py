"""Empties an engine's prefix cache, where its profile says how.

Its rule: asked by a connection of its own, outside of what is measured. An engine that refuses is told of, once.
"""

import asyncio

from triphase_benchmark.client.exchange import Exchange, Limits
from triphase_benchmark.client.http_target import HttpTarget, profile_of
from triphase_benchmark.engines.address import parse_address
from triphase_benchmark.engines.engine import Engine

_LIMITS = Limits(timeout_s=30.0, connect_s=5.0)


def can_reset(engine: Engine) -> bool:
    """Whether its profile has a way."""
    return not engine.is_gateway and profile_of(engine).cache_reset is not None


async def reset_cache(engine: Engine) -> str:
    """Empties it; returns why it is not empty now, or nothing. Raises KeyMissing."""
    path = profile_of(engine).cache_reset
    if path is None:
        return "its profile has no way to empty it"
    target = HttpTarget(engine, model="", limits=_LIMITS)
    ended = asyncio.Event()
    exchange = Exchange(lambda _: ended.set())
    try:
        target.send(target.plain("POST", parse_address(engine.url).root + path), exchange)
        await ended.wait()
    finally:
        await target.close()
    if exchange.failure is not None:
        return exchange.failure[1] or exchange.failure[0].value
    return "" if 200 <= exchange.status < 300 else f"POST {path} was answered with status {exchange.status}"
