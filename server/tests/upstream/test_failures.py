"""What goes wrong with connections and framing, over real sockets: each has its class and its stage, none hangs."""

import asyncio
import traceback
from collections.abc import Callable

import aiohttp
import pytest
from triphase_server.core.errors import (
    Stage,
    UpstreamConnectionLost,
    UpstreamConnectTimeout,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamProtocolError,
    UpstreamUnreachable,
)
from triphase_server.upstream.failures import error_of
from upstream.raw_server import Call, Net, RawServer

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MARK = "MARK-OF-THE-UPSTREAM"


def assert_discreet(error: BaseException, *secrets: str) -> None:
    """Fails where the error, or anything chained to it, tells what the upstream wrote or what we sent."""
    pending: list[BaseException | None] = [error]
    while pending:
        exc = pending.pop()
        if exc is None:
            continue
        pending += [exc.__cause__, exc.__context__]
        shown = f"{exc!r} {exc} {''.join(traceback.format_exception_only(exc))} {getattr(exc, 'metadata', '')}"
        assert not any(secret in shown for secret in (MARK, *secrets))


async def failure_of(net: Net, target: RawServer | str, **changes: object) -> UpstreamError:
    """Opens, reads to the end, and returns the error that this must raise."""
    async with net.connect(target, **changes) as upstream:
        with pytest.raises(UpstreamError) as caught:
            await _read_to_the_end(net, upstream_open=lambda: net.open(upstream))
    assert_discreet(caught.value, net.key)
    return caught.value


async def _read_to_the_end(net: Net, *, upstream_open: Callable[[], object]) -> None:
    response = await upstream_open()  # type: ignore[misc]
    try:
        while await response.read():
            pass
    finally:
        await response.close()


CLOSE, RESET = "close", "reset"

BEFORE_THE_HEAD = [
    ("closed at once", b"", CLOSE, UpstreamConnectionLost),
    ("reset at once", b"", RESET, UpstreamConnectionLost),
    ("closed within the head", OK + b"Content-Ty", CLOSE, UpstreamConnectionLost),
    ("another protocol", b"SSH-2.0-" + MARK.encode() + b"\r\n", "", UpstreamProtocolError),
    ("a field without end", OK + b"X: " + MARK.encode() * 1000 + b"\r\n\r\n", "", UpstreamProtocolError),
    ("a name without end", OK + b"X" * 100_000, "", UpstreamProtocolError),
    ("a reason without end", b"HTTP/1.1 200 " + MARK.encode() * 1000 + b"\r\n\r\n", "", UpstreamProtocolError),
    ("two framings", OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "", UpstreamProtocolError),
    ("two lengths", OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "", UpstreamProtocolError),
    ("a negative length", OK + b"Content-Length: -1\r\n\r\n", "", UpstreamProtocolError),
    (
        "another protocol on top",
        b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "",
        UpstreamProtocolError,
    ),
]


@pytest.mark.parametrize(
    ("sent", "then", "expected"), [row[1:] for row in BEFORE_THE_HEAD], ids=[row[0] for row in BEFORE_THE_HEAD]
)
async def test_before_the_head(net: Net, sent: bytes, then: str, expected: type[UpstreamError]) -> None:
    async def answer(call: Call) -> None:
        await call.send(sent)
        await _finish(call, then)

    async with net.serve(answer) as server:
        error = await failure_of(net, server)
        assert type(error) is expected
        assert error.stage is Stage.FIRST_BYTE
        assert len(server.calls) == 1  # a POST is not sent twice


async def _finish(call: Call, then: str) -> None:
    match then:
        case "close":
            call.writer.close()
        case "reset":
            call.reset()
        case _:
            await call.peer_closed()


WITHIN_THE_BODY = [
    ("chunks closed", CHUNKED + b"5\r\nhello\r\n", b"", CLOSE, UpstreamConnectionLost),
    ("chunks reset", CHUNKED + b"5\r\nhello\r\n", b"", RESET, UpstreamConnectionLost),
    ("chunk cut off", CHUNKED + b"9\r\nhello", b"", CLOSE, UpstreamConnectionLost),
    ("length short", OK + b"Content-Length: 9\r\n\r\nhello", b"", CLOSE, UpstreamConnectionLost),
    ("length reset", OK + b"Content-Length: 9\r\n\r\nhello", b"", RESET, UpstreamConnectionLost),
    ("chunk size garbled", CHUNKED + b"5\r\nhello\r\n", MARK.encode() + b"\r\n", "", UpstreamProtocolError),
    ("chunk end garbled", CHUNKED + b"5\r\nhello", MARK.encode(), "", UpstreamProtocolError),
    ("chunk size too big", CHUNKED + b"5\r\nhello\r\n", b"f" * 17 + b"\r\n", "", UpstreamProtocolError),
]


@pytest.mark.parametrize(
    ("first", "second", "then", "expected"),
    [row[1:] for row in WITHIN_THE_BODY],
    ids=[row[0] for row in WITHIN_THE_BODY],
)
async def test_within_the_body(net: Net, first: bytes, second: bytes, then: str, expected: type[UpstreamError]) -> None:
    was_read = asyncio.Event()

    async def answer(call: Call) -> None:
        await call.send(first)
        await was_read.wait()
        await call.send(second)
        await _finish(call, then)

    async with net.serve(answer) as server, net.connect(server) as upstream:
        response = await net.open(upstream)
        assert await response.read() == b"hello"
        was_read.set()
        for _ in range(2):  # it stays broken
            with pytest.raises(expected) as caught:
                await response.read()
            assert type(caught.value) is expected
            assert caught.value.stage is Stage.STREAM
            assert_discreet(caught.value, net.key)
        await response.close()


async def test_a_body_that_breaks_before_its_first_byte(net: Net) -> None:
    opened = asyncio.Event()

    async def answer(call: Call) -> None:
        await call.begin()
        await opened.wait()
        call.reset()

    async with net.serve(answer) as server, net.connect(server) as upstream:
        response = await net.open(upstream)
        opened.set()
        with pytest.raises(UpstreamConnectionLost) as caught:
            await response.read()
        assert caught.value.stage is Stage.FIRST_TOKEN
        await response.close()


async def test_refused(net: Net) -> None:
    async with net.serve(Call.end) as server:
        pass  # what listened there is gone
    error = await failure_of(net, server)
    assert type(error) is UpstreamUnreachable
    assert error.stage is Stage.CONNECT
    assert isinstance(error.__cause__, ConnectionRefusedError)  # for the operator


async def test_a_name_that_is_not_known(net: Net) -> None:
    error = await failure_of(net, "http://no-such-host.invalid/v1")
    assert type(error) is UpstreamUnreachable
    assert error.stage is Stage.CONNECT


async def test_no_connection_in_time(net: Net) -> None:
    async def answer(call: Call) -> None:
        raise AssertionError("a hello of TLS is not a request")

    # The server waits for the end of a head that never comes, and so does TLS for an answer to its hello.
    async with net.serve(answer) as server:
        address = f"https://127.0.0.1:{server.port}/v1"
        async with net.connect(address, max_connections=1) as upstream:
            with pytest.raises(UpstreamConnectTimeout, match="in time") as caught:
                await net.open(upstream, connect_s=0.05)
    assert caught.value.stage is Stage.CONNECT


async def test_all_connections_in_use(net: Net) -> None:
    async def answer(call: Call) -> None:
        await call.begin()
        await call.peer_closed()

    async with net.serve(answer) as server, net.connect(server, max_connections=1) as upstream:
        first = await net.open(upstream)
        with pytest.raises(UpstreamOverloaded) as caught:
            await net.open(upstream, connect_s=0.05)
        assert caught.value.stage is Stage.CONNECT
        await first.close()
        again = await net.open(upstream)  # the place is free again
        await again.close()


def test_every_failure_has_a_row() -> None:
    for exc in (aiohttp.ClientError(MARK), OSError(MARK), TimeoutError(MARK)):
        error = error_of(exc, stage=Stage.STREAM)
        assert MARK not in f"{error!r} {error.metadata}"
        assert error.stage is Stage.STREAM
