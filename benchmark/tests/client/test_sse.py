from hypothesis import given
from hypothesis import strategies as st
from triphase_benchmark.client.sse import Event, _any_events, events

LINES = st.sampled_from(
    [
        b"data: a",
        b"data:b",
        b"data",
        b"data:  c",
        b": ping",
        b"event: error",
        b"error: e",
        b"id: 7",
        b"",
        b"",
        b"data: \xc3\xa9",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


def said(body: bytes) -> list[tuple[bytes, bytes]]:
    return [(event.name, event.data) for event in events(body)]


def test_all_line_ends_mean_the_same() -> None:
    for end in (b"\n", b"\r\n", b"\r"):
        body = end.join([b"event: error", b"data: a", b"data: b", b"", b": ping", b"", b"data: c", b"", b""])
        assert said(body) == [(b"error", b"a\nb"), (b"", b"c")]


def test_an_event_is_complete_with_its_blank_line() -> None:
    body = b": ping\n\ndata: ab\n\ndata: c\r\n\r\n"
    assert [(event.data, event.end) for event in events(body)] == [(b"ab", body.index(b"\n\ndata: c") + 1), (b"c", 27)]
    assert [event.end for event in events(b"data: ab\n\ndata: c\n\n")] == [9, 18]


def test_what_the_end_leaves_without_its_blank_line_is_given_too() -> None:
    assert list(events(b"data: [DONE]")) == [Event(b"", b"[DONE]", 11)]
    assert list(events(b"data: a\n\ndata: [DONE]\n")) == [Event(b"", b"a", 8), Event(b"", b"[DONE]", 21)]


def test_a_byte_order_mark_is_skipped() -> None:
    assert said(b"\xef\xbb\xbfdata: a\n\n") == [(b"", b"a")]


@given(st.lists(st.tuples(LINES, ENDS), max_size=30))
def test_the_quick_way_reads_what_the_standard_reads(lines: list[tuple[bytes, bytes]]) -> None:
    body = b"".join(line + end for line, end in lines)
    assert list(events(body)) == list(_any_events(body))


@given(
    st.lists(
        st.sampled_from([b"data: a\n\n", b"\n", b": p\n\n", b"data: b\n", b"event: x\n", b"data:c\n\n"]), max_size=30
    )
)
def test_line_feeds_alone_are_read_alike(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    assert list(events(body)) == list(_any_events(body))
