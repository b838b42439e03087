"""Asks upstreams over HTTP; `Upstream` of `service/ports.py`.

The rule: each upstream has a pool of its own, so that one that hangs takes no connection from another; and whatever
is not a readable 200 is an error, which holds nothing that the upstream wrote. How long anything but connecting may
take is decided by the service, which cancels. The body is made in `body.py`, heads are judged in `head.py`, transport
failures are read in `failures.py`.
"""

import asyncio
import copy
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import cast

from triphase_server.core.classify import error_for_status
from triphase_server.core.enforcement import Continuation
from triphase_server.core.error_patterns import ErrorPattern, concerned, meant_status
from triphase_server.core.errors import InternalError, ShuttingDown, Stage
from triphase_server.core.generation import Framing
from triphase_server.core.request import GenerationRequest
from triphase_server.core.route import Deployment
from triphase_server.upstream.body import encode_body
from triphase_server.upstream.continuing import continuation_of
from triphase_server.upstream.exchange import Exchange
from triphase_server.upstream.failures import FAILURES, error_of
from triphase_server.upstream.head import framing_of
from triphase_server.upstream.pool import Endpoint, Pool
from triphase_server.upstream.pools import Pools
from triphase_server.upstream.rendering import TemplateRendering
from triphase_server.upstream.response import HttpResponse
from triphase_server.upstream.retry_after import parse_retry_after
from triphase_server.upstream.settings import UpstreamSettings

# An error's body is read so that its connection can be used again, and for words that say what it really is: this much,
_ERROR_BODY_BYTES = 16 * 1024
# and this long, without and with a pattern that looks for such words.
_ERROR_BODY_WAIT_S = 0.05
_WORDS_WAIT_S = 0.5


class HttpUpstream:
    """All upstreams of the process, by name."""

    def __init__(self, upstreams: Iterable[UpstreamSettings], *, unix_time: Callable[[], float] = time.time) -> None:
        self._pools = Pools(upstreams)
        self._in_force = self._pools.in_force
        self._unix_time = unix_time
        self.rendering = TemplateRendering()

    def in_use(self, upstream: str) -> int:
        """Returns how many requests to `upstream` are in flight: opening, or opened and not yet closed."""
        return self._in_force[upstream].in_use

    def open_pools(self) -> int:
        """Returns how many upstreams there may be connections to, those of earlier configurations included."""
        return self._pools.open

    def pinned(self) -> "HttpUpstream":
        """Returns the upstreams as they are configured now, for one request: no later `replace` changes them."""
        return copy.copy(self)

    def prepared(self, upstreams: Iterable[UpstreamSettings]) -> Mapping[str, Pool]:
        """Returns what `replace` takes; raises OSError where certificates cannot be read, and changes nothing."""
        return self._pools.prepared(upstreams)

    def replace(self, prepared: Mapping[str, Pool]) -> frozenset[str]:
        """Puts other upstreams in the place of all; returns the names of those that are another server now.

        Exchanges that run come to their end over their own connections.
        """
        before, self._in_force = self._in_force, prepared
        self._pools.replace(prepared)
        both = before.keys() & prepared.keys()
        return frozenset(name for name in both if not before[name].settings.is_same_server(prepared[name].settings))

    async def open(
        self, deployment: Deployment, *, request: GenerationRequest, reasoning_body: Mapping[str, object]
    ) -> HttpResponse:
        """Sends the request and waits for the head of a successful response; see `service/ports.py`."""
        pool = self._pool(deployment)
        body = encode_body(
            request,
            deployment=deployment,
            reasoning_body=reasoning_body,
            max_tokens_field=pool.max_tokens_field,
        )
        return await self._sent(body, deployment=deployment, pool=pool, endpoint=Endpoint.CHAT)

    async def resume(
        self,
        deployment: Deployment,
        *,
        request: GenerationRequest,
        reasoning_body: Mapping[str, object],
        continuation: Continuation,
    ) -> HttpResponse:
        """Has the engine go on with an answer, and waits for the head; see `service/ports.py`."""
        pool = self._pool(deployment)
        endpoint, body = continuation_of(
            request,
            deployment=deployment,
            reasoning_body=reasoning_body,
            continuation=continuation,
            max_tokens_field=pool.max_tokens_field,
        )
        return await self._sent(body, deployment=deployment, pool=pool, endpoint=endpoint)

    async def close(self) -> None:
        """Closes every connection, and ends what renders; whoever asks afterwards gets ShuttingDown."""
        await self._pools.close()
        await self.rendering.aclose()

    async def _sent(self, body: bytes, *, deployment: Deployment, pool: Pool, endpoint: Endpoint) -> HttpResponse:
        pool.enter()
        try:
            exchange = await _exchange(pool, body, endpoint=endpoint, connect_s=deployment.timeouts.connect_s)
            return await self._accept(exchange, pool, errors=deployment.errors)
        except BaseException:
            pool.leave()
            raise

    def _pool(self, deployment: Deployment) -> Pool:
        if self._pools.closed:
            raise ShuttingDown()
        pool = self._in_force.get(deployment.upstream)
        if pool is None:
            raise InternalError(f"deployment {deployment.name} names an upstream that does not exist")
        return pool

    async def _accept(self, exchange: Exchange, pool: Pool, *, errors: Sequence[ErrorPattern]) -> HttpResponse:
        try:
            framing = await self._judge(exchange, errors)
        except BaseException:
            exchange.abort()
            raise
        return HttpResponse(exchange, framing=framing, on_close=pool.leave)

    async def _judge(self, exchange: Exchange, errors: Sequence[ErrorPattern]) -> Framing:
        if exchange.status == HTTPStatus.OK:
            return framing_of(exchange.headers)
        retry_after_s = parse_retry_after(exchange.headers, now=self._unix_time())
        matters = concerned(exchange.status, errors)
        body = await _error_body(exchange, wait_s=_WORDS_WAIT_S if matters else _ERROR_BODY_WAIT_S)
        meant = meant_status(exchange.status, body.decode(errors="replace"), errors)
        raise error_for_status(exchange.status, stage=Stage.FIRST_BYTE, retry_after_s=retry_after_s, meant=meant)


async def _exchange(pool: Pool, body: bytes, *, endpoint: Endpoint, connect_s: float) -> Exchange:
    try:
        return cast("Exchange", await pool.post(body, connect_s=connect_s, endpoint=endpoint))
    except FAILURES as exc:
        error = error_of(exc, stage=Stage.FIRST_BYTE, pool_full=pool.full)
    # Raised out here, it has no context: aiohttp's error stays behind, and the request's headers with it.
    raise error


async def _error_body(exchange: Exchange, *, wait_s: float) -> bytes:
    body = bytearray()
    with suppress(*FAILURES):  # the status has said what matters
        async with asyncio.timeout(wait_s):
            while len(body) < _ERROR_BODY_BYTES and (block := await exchange.content.readany()):
                body += block
    return bytes(body[:_ERROR_BODY_BYTES])
