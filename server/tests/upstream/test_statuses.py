"""Responses that are no answers: error statuses, redirects, other types, compression."""

import asyncio
import gzip
import json

import pytest
from triphase_server.core.error_patterns import ErrorPattern
from triphase_server.core.errors import (
    Stage,
    UpstreamAuthFailed,
    UpstreamError,
    UpstreamModelMissing,
    UpstreamOverloaded,
    UpstreamProtocolError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamServerError,
)
from triphase_server.upstream import client
from triphase_server.upstream.exchange import Exchange
from upstream.raw_server import GUARD_S, Call, Net
from upstream.test_failures import MARK, assert_discreet

BODY = json.dumps({"error": {"message": MARK}}).encode()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, UpstreamRejected),
        (401, UpstreamAuthFailed),
        (403, UpstreamAuthFailed),
        (404, UpstreamModelMissing),
        (413, UpstreamRejected),
        (422, UpstreamRejected),
        (429, UpstreamRateLimited),
        (500, UpstreamServerError),
        (502, UpstreamServerError),
        (503, UpstreamOverloaded),
        (202, UpstreamProtocolError),
        (204, UpstreamProtocolError),
        (300, UpstreamProtocolError),
        (999, UpstreamProtocolError),
    ],
)
async def test_each_status_has_its_error(net: Net, status: int, expected: type[UpstreamError]) -> None:
    async def answer(call: Call) -> None:
        body = b"" if status == 204 else BODY
        await call.whole(body, status=f"{status} {MARK}", headers=f"Content-Type: application/json\r\nX-M: {MARK}\r\n")

    async with net.serve(answer) as server, net.connect(server) as upstream:
        for _ in range(2):
            with pytest.raises(expected) as caught:
                await net.open(upstream)
            assert type(caught.value) is expected
            assert caught.value.stage is Stage.FIRST_BYTE
            assert caught.value.metadata["upstream_status"] == str(status)
            assert_discreet(caught.value, net.key)


async def test_an_error_gives_its_connection_back(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = asyncio.Event()
    read = client._error_body

    async def tell_and_read(exchange: Exchange, *, wait_s: float) -> bytes:
        reading.set()
        return await read(exchange, wait_s=wait_s)

    async def answer(call: Call) -> None:
        reading.clear()
        await call.send(b"HTTP/1.1 429 No\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        await reading.wait()
        await call.send(BODY)

    monkeypatch.setattr(client, "_error_body", tell_and_read)
    monkeypatch.setattr(client, "_ERROR_BODY_WAIT_S", GUARD_S)
    async with net.serve(answer) as server, net.connect(server) as upstream:
        for _ in range(3):
            with pytest.raises(UpstreamRateLimited):
                await net.open(upstream)
        assert server.connections == 1


async def refused(net: Net, body: bytes) -> None:
    """Fails where a 500 that sends `body`, and then no end of it, is not over soon, with its connection closed."""
    closed = asyncio.Event()

    async def answer(call: Call) -> None:
        call.writer.write(b"HTTP/1.1 500 No\r\nContent-Length: 100000000\r\n\r\n" + body)
        await call.peer_closed()
        closed.set()

    async with net.serve(answer) as server, net.connect(server) as upstream:
        with pytest.raises(UpstreamServerError):
            await net.open(upstream)
        await closed.wait()


async def test_an_error_whose_body_stalls_is_not_waited_for(net: Net) -> None:
    await refused(net, b"x")


async def test_an_error_whose_body_is_long_is_not_read(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_WORDS_WAIT_S", GUARD_S)
    await refused(net, b"x" * 1_000_000)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 7\r\n", 7.0),
        ("Retry-After: Sun, 06 Nov 1994 08:49:57 GMT\r\n", 20.0),
        ("retry-after-ms: 1500\r\n", 1.5),
        ("Retry-After: never\r\n", None),
    ],
)
async def test_retry_after_is_passed_on(net: Net, header: str, seconds: float | None) -> None:
    async def answer(call: Call) -> None:
        await call.whole(BODY, status="429 Too Many Requests", headers=header)

    async with net.serve(answer) as server, net.connect(server) as upstream:
        with pytest.raises(UpstreamRateLimited) as caught:
            await net.open(upstream)
        assert caught.value.retry_after_s == seconds


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_redirects_are_not_followed(net: Net, status: str) -> None:
    async def elsewhere(call: Call) -> None:
        raise AssertionError("the key must not come here")

    async with net.serve(elsewhere) as other:

        async def answer(call: Call) -> None:
            await call.whole(b"", status=status, headers=f"Location: http://127.0.0.1:{other.port}/{MARK}\r\n")

        async with net.serve(answer) as server, net.connect(server) as upstream:
            with pytest.raises(UpstreamProtocolError) as caught:
                await net.open(upstream)
            assert_discreet(caught.value, net.key)
        assert other.connections == 0


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Type: text/html; charset=utf-8\r\n",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-ndjson\r\n",
        f"Content-Type: {MARK}\r\n",
        "Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n",
        "Content-Type: text/event-stream\r\nContent-Encoding: br\r\n",
        f"Content-Type: application/json\r\nContent-Encoding: {MARK}\r\n",
    ],
)
async def test_what_we_do_not_read_is_refused(net: Net, headers: str) -> None:
    closed = asyncio.Event()

    async def answer(call: Call) -> None:
        await call.send(f"HTTP/1.1 200 OK\r\n{headers}Content-Length: 1000000\r\n\r\n<html>{MARK}".encode())
        await call.peer_closed()
        closed.set()

    async with net.serve(answer) as server, net.connect(server) as upstream:
        with pytest.raises(UpstreamProtocolError) as caught:
            await net.open(upstream)
        assert caught.value.stage is Stage.FIRST_BYTE
        assert_discreet(caught.value, net.key)
        await closed.wait()


@pytest.mark.parametrize(
    "headers",
    [
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: GZip ,chunked\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: deflate\r\n",
        "Content-Encoding: identity\r\nTransfer-Encoding: gzip, chunked\r\n",
        "Content-Length: 5\r\nContent-Encoding: identity, gzip\r\n",
    ],
)
async def test_compression_is_told_wherever_the_head_names_it(net: Net, headers: str) -> None:
    async def answer(call: Call) -> None:
        await call.send(f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{headers}\r\n5\r\nhello\r\n".encode())
        await call.peer_closed()

    async with net.serve(answer) as server, net.connect(server) as upstream:
        with pytest.raises(UpstreamProtocolError, match="compressed") as caught:
            await net.open(upstream)
        assert caught.value.stage is Stage.FIRST_BYTE


@pytest.mark.parametrize("field", ["Content-Encoding: identity", "Content-Encoding:", "Transfer-Encoding: Chunked"])
async def test_what_names_no_compression_is_read(net: Net, field: str) -> None:
    async def answer(call: Call) -> None:
        await call.send(f"HTTP/1.1 200 OK\r\n{field}\r\n\r\n5\r\nhello\r\n0\r\n\r\n".encode())
        call.writer.close()

    async with net.serve(answer) as server, net.connect(server) as upstream:
        response = await net.open(upstream)
        assert b"hello" in await response.read()
        await response.close()


async def test_an_error_whose_body_is_garbled_is_still_that_error(net: Net) -> None:
    async def answer(call: Call) -> None:
        await call.send(b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n")
        await call.peer_closed()

    async with net.serve(answer) as server, net.connect(server) as upstream:
        with pytest.raises(UpstreamOverloaded):
            await net.open(upstream)


async def test_a_compressed_body_is_never_unpacked(net: Net) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)  # 1000 times as much as is sent

    async def answer(call: Call) -> None:
        await call.whole(bomb, headers="Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n")

    async with net.serve(answer) as server, net.connect(server) as upstream:
        with pytest.raises(UpstreamProtocolError, match="compressed"):
            await net.open(upstream)


async def test_a_bomb_that_hides_its_encoding_stays_as_small_as_it_is(net: Net) -> None:
    bomb = gzip.compress(b"\0" * 5_000_000)

    async def answer(call: Call) -> None:
        await call.whole(bomb, headers="Content-Type: text/event-stream\r\n")

    async with net.serve(answer) as server, net.connect(server) as upstream:
        response = await net.open(upstream)
        received = b""
        while block := await response.read():
            received += block
        await response.close()
        assert received == bomb


@pytest.mark.parametrize("apart", [False, True], ids=["in one piece", "head first"])
async def test_what_a_body_says_counts_more_than_the_status(net: Net, apart: bool) -> None:
    body = json.dumps({"error": {"message": f"This model's maximum context length is 8 tokens, {MARK}"}}).encode()

    async def answer(call: Call) -> None:
        head = f"HTTP/1.1 500 Oops\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        for piece in (head, body) if apart else (head + body,):
            await call.send(piece)

    async with net.serve(answer) as server, net.connect(server) as upstream:
        with pytest.raises(UpstreamRejected) as caught:
            await net.open(upstream)
        assert caught.value.metadata["upstream_status"] == "500"
        assert_discreet(caught.value, net.key)


async def test_an_operator_says_what_errors_of_an_engine_are(net: Net) -> None:
    async def answer(call: Call) -> None:
        await call.whole(b"no slot is free", status="500 Oops", headers="Content-Type: text/plain\r\n")

    patterns = (ErrorPattern(contains="NO SLOT", treat_as=503),)
    async with net.serve(answer) as server, net.connect(server) as upstream:
        with pytest.raises(UpstreamOverloaded):
            await net.open(upstream, errors=patterns)
