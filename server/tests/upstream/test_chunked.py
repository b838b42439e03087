"""Framing comes off alike however a body is cut, and what follows garbage or an end is told and not given out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triphase_server.upstream.chunked import ChunkedBody

END = b"0\r\n\r\n"
ENDS = [END, b"000\r\n\r\n", b"0\r\nX-Trailer: yes\r\n\r\n", b"0;last=yes\r\n\r\n"]


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


@st.composite
def cut(draw: st.DrawFn, whole: bytes) -> list[bytes]:
    places = sorted(draw(st.sets(st.integers(1, max(1, len(whole) - 1)), max_size=8)))
    return [whole[begin:end] for begin, end in zip([0, *places], [*places, len(whole)], strict=True)]


@given(st.data(), st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.sampled_from(ENDS))
def test_any_cut_gives_the_same_content(data: st.DataObject, contents: list[bytes], end: bytes) -> None:
    body = ChunkedBody()
    received = b""
    for block in data.draw(cut(b"".join(map(chunk, contents)) + end)):
        assert not body.whole
        received += body.feed(block)
    assert received == b"".join(contents)
    assert body.whole
    assert not body.garbled


@given(st.data(), st.binary(min_size=1, max_size=20))
def test_what_follows_the_end_is_no_content(data: st.DataObject, more: bytes) -> None:
    body = ChunkedBody()
    sent = chunk(b"hello") + END + b"x" + more  # a blank line alone may follow
    assert b"".join(map(body.feed, data.draw(cut(sent)))) == b"hello"
    assert body.whole
    assert body.garbled


def test_another_response_behind_the_end_is_no_content() -> None:
    body = ChunkedBody()
    assert body.feed(chunk(b"hello") + END + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") == b"hello"
    assert body.whole
    assert body.garbled


@pytest.mark.parametrize(
    "garbage", [b"zz\r\n", b"-1\r\n", b"\r\n", b"11111111111111111\r\n", b"5 \x00\r\n", b"5\r\nhelloX"]
)
def test_what_stands_before_garbage_is_given_out(garbage: bytes) -> None:
    sent = chunk(b"before") + garbage
    expected = b"before" + (b"hello" if b"hello" in garbage else b"")
    for at in range(len(sent) + 1):
        body = ChunkedBody()
        assert body.feed(sent[:at]) + body.feed(sent[at:]) == expected
        assert body.garbled
        assert not body.whole
        assert body.feed(chunk(b"behind")) == b""


def test_a_long_run_of_small_chunks_is_one_block() -> None:
    body = ChunkedBody()
    assert body.feed(chunk(b"token") * 5000) == b"token" * 5000
    assert not body.whole
    assert not body.garbled
