"""The connections to one upstream: its own session, connector and limits, so that upstreams do not share fate.

The rule: nothing of the environment and nothing of a response changes what is sent: no cookies, no netrc, no redirects,
no compression, and proxies only where the operator asks for them, never for loopback. Which pools there are, and what
becomes of one that a reload replaced, is `pools.py`.
"""

import io
import ssl
from collections.abc import Callable
from enum import StrEnum
from urllib.request import getproxies, proxy_bypass

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from triphase_server.upstream.connection import Connector
from triphase_server.upstream.exchange import Exchange, StaleConnection
from triphase_server.upstream.loopback import is_loopback
from triphase_server.upstream.settings import UpstreamSettings

# aiohttp stops reading the socket at twice this many unread bytes: what one slow reader can cost.
_READ_BUFFER_BYTES = 64 * 1024
_HEAD_FIELD_BYTES = 8 * 1024
_SMALL_BODY_BYTES = 256 * 1024

_FIXED_HEADERS = {
    "Accept": "text/event-stream, application/json",
    # What is never unpacked cannot explode, and a stream of small events gains little by compression.
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "triphase",
}


class Endpoint(StrEnum):
    """What is asked of an upstream; the values are paths below its base URL."""

    CHAT = "/chat/completions"
    COMPLETIONS = "/completions"


class Pool:
    """Sends requests to one upstream; raises OSError where its certificates cannot be read.

    `in_use` counts requests in flight. The session is made by the first of them, and anew after `give_up`.
    """

    def __init__(self, settings: UpstreamSettings) -> None:
        self.settings = settings
        self.max_tokens_field = settings.max_tokens_field
        self.in_use = 0
        self._limit = settings.max_connections
        base_url = settings.base_url.rstrip("/")
        self._urls = {endpoint: URL(base_url + endpoint.value) for endpoint in Endpoint}
        self._proxy = _proxy_for(self._urls[Endpoint.CHAT]) if settings.proxy else None
        self._tls = _tls(settings)
        self._session: aiohttp.ClientSession | None = None
        self._on_idle: Callable[[Pool], None] | None = None

    @property
    def full(self) -> bool:
        """Whether more requests are in flight than connections are allowed, so that some wait for one."""
        return 0 < self._limit < self.in_use

    @property
    def is_open(self) -> bool:
        """Whether there may be connections."""
        return self._session is not None

    def enter(self) -> None:
        """Says that a request begins."""
        self.in_use += 1

    def leave(self) -> None:
        """Says that a request is over."""
        self.in_use -= 1
        if self._on_idle is not None and self.in_use == 0:
            self._on_idle(self)

    def retire(self, on_idle: Callable[["Pool"], None]) -> None:
        """Has `on_idle` called whenever no request is in flight any more, and now if none is."""
        self._on_idle = on_idle
        if self.in_use == 0:
            on_idle(self)

    def give_up(self) -> aiohttp.ClientSession | None:
        """Parts with the session, which the caller closes."""
        session, self._session = self._session, None
        return session

    async def post(
        self, body: bytes, *, connect_s: float, endpoint: Endpoint = Endpoint.CHAT
    ) -> aiohttp.ClientResponse:
        """Sends `body` and waits for the head of whatever response; raises what aiohttp raises.

        Waiting for a free connection, DNS, TCP and TLS take at most `connect_s` seconds together.
        """
        if self._session is None:
            self._session = _session(self.settings, tls=self._tls)
        session = self._session
        try:
            return await self._post(session, self._urls[endpoint], body, connect_s)
        except StaleConnection:
            # Safe although a POST: not one byte came back over a connection that was idle until now, so that almost
            # certainly the upstream had closed it before it saw the request (RFC 9112 section 9.3.1).
            return await self._post(session, self._urls[endpoint], body, connect_s)

    async def _post(
        self, session: aiohttp.ClientSession, url: URL, body: bytes, connect_s: float
    ) -> aiohttp.ClientResponse:
        return await session.post(
            url,
            # aiohttp writes bytes in one go, which for a body with pictures would hold up all other streams.
            data=body if len(body) <= _SMALL_BODY_BYTES else io.BytesIO(body),
            allow_redirects=False,
            proxy=self._proxy,
            timeout=aiohttp.ClientTimeout(total=None, connect=connect_s),
        )


def _session(settings: UpstreamSettings, *, tls: ssl.SSLContext | bool) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=Connector(limit=settings.max_connections, keepalive_timeout=settings.keepalive_s, ssl=tls),
        headers=_headers(settings),
        cookie_jar=aiohttp.DummyCookieJar(),
        response_class=Exchange,
        auto_decompress=False,
        trust_env=False,
        read_bufsize=_READ_BUFFER_BYTES,
        max_line_size=_HEAD_FIELD_BYTES,
        max_field_size=_HEAD_FIELD_BYTES,
    )


def _headers(settings: UpstreamSettings) -> CIMultiDict[str]:
    headers = CIMultiDict(_FIXED_HEADERS)
    if settings.api_key:
        headers["Authorization"] = f"Bearer {settings.api_key.reveal()}"
    headers.update(settings.headers)
    return headers


def _tls(settings: UpstreamSettings) -> ssl.SSLContext | bool:
    if not settings.verify_tls:
        return False
    return ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else True


def _proxy_for(url: URL) -> URL | None:
    host = url.host or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    address = getproxies().get(url.scheme)
    return URL(address) if address else None
