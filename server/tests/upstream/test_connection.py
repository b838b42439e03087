"""However a head is cut, and whatever follows it, the parser gets it whole and first; and a pause ends once."""

import asyncio

import pytest
from triphase_server.upstream.connection import GarbledBody, UpstreamConnection

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that hands on what it is given, as a loop would, and counts how often it is told to go on."""

    def __init__(self, protocol: UpstreamConnection) -> None:
        super().__init__()
        self.closed = False
        self.resumed = 0
        self._protocol = protocol
        protocol.connection_made(self)
        protocol.set_response_params()

    def deliver(self, data: bytes) -> None:
        self._protocol.data_received(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        self.resumed += 1


def joined() -> tuple[Wire, UpstreamConnection]:
    protocol = UpstreamConnection(asyncio.get_running_loop())
    return Wire(protocol), protocol


@pytest.mark.parametrize("head", [HEAD, HEAD.replace(b"\r\n", b"\n"), b"\r\n\r\n" + HEAD], ids=["crlf", "lf", "blank"])
async def test_garbage_behind_a_head_leaves_it_whole(head: bytes) -> None:
    sent = head + b"5\r\nhello\r\nzz\r\n"
    for at in range(len(sent) + 1):
        wire, protocol = joined()
        for piece in (sent[:at], sent[at:]):
            if piece and not wire.closed:
                wire.deliver(piece)
        assert wire.closed  # for the garbage
        message, content = await protocol.read()
        assert message.code == 200
        assert isinstance(content.exception(), GarbledBody)
        content.set_exception(None)  # type: ignore[arg-type] # as `exchange.py` does
        assert content.read_nowait() == b"hello"


async def test_a_garbled_head_is_told_once() -> None:
    wire, protocol = joined()
    wire.deliver(b"SSH-2.0\r\n\r\n" + HEAD)
    assert wire.closed
    assert len(protocol) == 0
    assert protocol.exception() is not None


async def test_only_a_paused_connection_is_told_to_go_on() -> None:
    wire, protocol = joined()
    wire.deliver(HEAD + b"5\r\nhello\r\n" * 3)
    _, content = await protocol.read()
    assert content.read_nowait() == b"hello" * 3
    assert wire.resumed == 0
    protocol.pause_reading()
    wire.deliver(b"5\r\nhello\r\n")
    assert content.read_nowait() == b"hello"
    assert wire.resumed == 1


ANOTHER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@pytest.mark.parametrize("together", [True, False], ids=["together", "later"])
async def test_what_nobody_asked_for_ends_the_connection_and_answers_nobody(*, together: bool) -> None:
    wire, protocol = joined()
    wire.deliver(HEAD + b"5\r\nhello\r\n0\r\n\r\n" + ANOTHER * together)
    _, content = await protocol.read()
    if not together:
        assert not protocol.should_close
        wire.deliver(ANOTHER)
    assert wire.closed
    assert protocol.should_close
    assert await content.read() == b"hello"
    assert len(protocol) == 0  # no other head


async def test_a_connection_serves_one_chunked_body_after_another() -> None:
    wire, protocol = joined()
    for text in (b"hello", b"there"):
        wire.deliver(HEAD + b"5\r\n" + text + b"\r\n0\r\n\r\n")
        _, content = await protocol.read()
        assert await content.read() == text
        assert not protocol.should_close
        protocol.set_response_params()
    assert protocol.exchanges == 3
