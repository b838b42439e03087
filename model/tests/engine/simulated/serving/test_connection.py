"""HTTP as it comes over the line: connections that stay, requests behind each other, and what is no request."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from triphase_model.engine.simulated.serving.settings import TimeMode

Start = Callable[..., Awaitable[Any]]
BODY = b'{"messages":[{"role":"user","content":"x"}],"stream":true,"max_tokens":2,"ignore_eos":true}'


def request(*, head: bytes = b"", version: bytes = b"1.1") -> bytes:
    line = b"POST /v1/chat/completions HTTP/%b\r\nHost: x\r\n%b" % (version, head)
    return line + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


async def said(engine: Any, *parts: bytes, until: bytes | None = None) -> bytes:
    """What comes back for these bytes, sent one after the other, until the end or until a text has come."""
    host, _, port = engine.url.removeprefix("http://").rpartition(":")
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(host, int(port))
        got = b""
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
            while (data := await reader.read(1 << 16)) and (until is None or until not in got + data):
                got += data
            got += data
        except ConnectionError:
            got += b"<reset>"
        finally:
            writer.close()
        return got


async def test_requests_behind_each_other_are_answered_in_order(engine_with: Start) -> None:
    got = await said(await engine_with(), request() + request(head=b"Connection: close\r\n"))
    assert got.count(b"HTTP/1.1 200 OK") == got.count(b"[DONE]") == got.count(b"0\r\n\r\n") == 2
    assert got.index(b'"sim-1"') < got.index(b'"sim-2"')


async def test_a_request_byte_by_byte(engine_with: Start) -> None:
    whole = request(head=b"Connection: close\r\n")
    got = await said(await engine_with(), *[whole[at : at + 1] for at in range(len(whole))])
    assert got.count(b"[DONE]") == 1


async def test_an_old_client_gets_a_body_that_ends_with_the_connection(engine_with: Start) -> None:
    got = await said(await engine_with(), request(version=b"1.0"))
    assert b"chunked" not in got
    assert got.endswith(b"data: [DONE]\n\n")


async def test_whoever_asks_first_may_go_on(engine_with: Start) -> None:
    whole = request(head=b"Expect: 100-continue\r\nConnection: close\r\n")
    head, body = whole[: -len(BODY)], whole[-len(BODY) :]
    got = await said(await engine_with(), head, body)
    assert got.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"x%d: %b\r\n" % (n, b"y" * 1000) for n in range(80)) + b"\r\n", b"431"),
    ],
    ids=["no HTTP", "long head"],
)
async def test_what_is_no_request(engine_with: Start, sent: bytes, status: bytes) -> None:
    engine = await engine_with()
    assert (await said(engine, sent)).startswith(b"HTTP/1.1 " + status)
    assert (await engine.stream()).status == 200


async def test_an_upgrade_is_not_taken(engine_with: Start) -> None:
    offer = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    got = await said(await engine_with(), offer + request(head=b"Connection: close\r\n"))
    assert got.count(b"HTTP/1.1 200 OK") == 2
    assert got.count(b"[DONE]") == 1


async def test_too_long_a_body(engine_with: Start) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 40000000\r\n\r\n"
    got = await said(await engine_with(), head, *[b"x" * (1 << 20)] * 33)
    assert got.startswith((b"HTTP/1.1 413", b"<reset>"))


async def test_too_many_requests_at_once(engine_with: Start) -> None:
    engine = await engine_with("timing.first_s=60", time=TimeMode.REAL)
    assert b"429" not in await said(engine, request() * 30)
    assert await engine.metrics()
