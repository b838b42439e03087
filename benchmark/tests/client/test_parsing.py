import json
from itertools import pairwise
from typing import Any

import pytest
from client_fakes.scripted import DONE, STREAM, chunk, usage_chunk
from hypothesis import given
from hypothesis import strategies as st
from triphase_benchmark.client.parsing import Answer, judge, one_line, read_stream, read_whole, whole_error

EVENTS = [
    b": a comment\n\n",
    chunk("", role="assistant"),
    chunk(reasoning="Let me see. "),
    chunk(reasoning_content="Yes. "),
    chunk("H\u00e9llo \U0001f600"),
    chunk(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": ""}}]),
    chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a": 1}'}}]),
    chunk(""),
    chunk(finish="stop"),
    usage_chunk(9),
    DONE,
]
BODY = b"".join(EVENTS)


def cut(body: bytes, places: list[int]) -> list[tuple[int, bytes]]:
    """Reads of a body that is cut at these places; the time of a read is its number."""
    bounds = [0, *sorted(places), len(body)]
    return [(number, body[a:b]) for number, (a, b) in enumerate(pairwise(bounds), 1)]


def content(answer: Answer) -> dict[str, Any]:
    fields = {name: getattr(answer, name) for name in Answer.__dataclass_fields__}
    return {name: value for name, value in fields.items() if name not in {"chunk_times", "shared_reads"}}


@given(st.lists(st.integers(0, len(BODY)), max_size=40))
def test_however_it_was_cut_it_says_the_same(places: list[int]) -> None:
    whole, pieces = read_stream([(1, BODY)]), read_stream(cut(BODY, places))
    assert content(pieces) == content(whole)
    assert len(pieces.chunk_times) == len(whole.chunk_times) == 5
    assert pieces.chunk_times == sorted(pieces.chunk_times)


def test_each_chunk_has_the_time_of_the_read_that_completed_it() -> None:
    body = b"".join(EVENTS)
    ends = [body.index(event) + len(event) for event in EVENTS]
    answer = read_stream(cut(body, ends[:-1]))
    assert answer.chunk_times == [3, 4, 5, 6, 7]
    assert answer.chunk_output == [False, False, True, True, True]
    assert answer.shared_reads == 0
    late = read_stream(cut(body, [end - 1 for end in ends]))
    assert late.chunk_times == [4, 5, 6, 7, 8]


def test_byte_by_byte_is_the_whole() -> None:
    assert content(read_stream(cut(BODY, list(range(1, len(BODY)))))) == content(read_stream([(1, BODY)]))


def test_chunks_of_one_read_are_counted_as_shared() -> None:
    first, second, third = chunk("a"), chunk("b"), chunk("c")
    assert read_stream([(1, first + second), (2, third), (3, DONE)]).shared_reads == 2
    assert read_stream([(1, first), (2, second), (3, third + DONE)]).shared_reads == 0


@pytest.mark.parametrize(
    ("event", "tokens"),
    [
        (chunk("", role="assistant"), 0),
        (chunk(None, role="assistant", content=None), 0),
        (chunk(finish="stop"), 0),
        (usage_chunk(4), 0),
        (b": ping\n\n", 0),
        (chunk(tool_calls=[]), 0),
        (chunk(tool_calls=[{"index": 0, "id": "call", "function": {"name": "", "arguments": ""}}]), 0),
        (b'data: {"choices":[{"index":1,"delta":{"content":"other"}}]}\n\n', 0),
        (chunk(" "), 1),
        (chunk(reasoning="t"), 1),
        (chunk(reasoning_content="t"), 1),
        (chunk(refusal="no"), 1),
        (chunk(content=[{"type": "text", "text": "t"}]), 1),
        (chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "t"}]}]), 1),
        (chunk(tool_calls=[{"index": 0, "function": {"name": "f"}}]), 1),
        (b'data: {"choices":[{"index":0,"text":"t"}]}\n\n', 1),
        (b'data: {"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n', 1),
        (b'data: {"choices":[{"index":0,"delta":{"content":"\xff"}}]}\n\n', 1),
    ],
)
def test_what_is_a_token_chunk(event: bytes, tokens: int) -> None:
    answer = read_stream([(1, event + DONE)])
    assert len(answer.chunk_times) == tokens
    assert answer.failure is None


def counts(*told: int | None) -> list[int] | None:
    events = [chunk("t", usage=None if n is None else {"completion_tokens": n, "prompt_tokens": 1}) for n in told]
    return read_stream([(1, b"".join(events) + DONE)]).chunk_tokens


def test_tokens_of_chunks_are_told_only_where_all_are_known() -> None:
    assert counts(1, 2, 5, 6) == [1, 1, 3, 1]
    assert counts(4) == [4]
    assert counts(1, None, 3) is None
    assert counts(3, 2) is None
    assert counts(None, None) is None


def test_usage_in_all_its_places() -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 5}, "completion_tokens_details": {"reasoning_tokens": 2}}
    usage = {"prompt_tokens": 8, "completion_tokens": 4, **details}
    found = read_stream([(1, chunk("a") + chunk(finish="stop", usage=usage) + DONE)]).usage
    assert found is not None
    assert (found.prompt_tokens, found.completion_tokens, found.cached, found.reasoning) == (8, 4, 5, 2)
    bare = read_stream([(1, chunk("a", usage={"completion_tokens": 1, "reasoning_tokens": 1}))]).usage
    assert bare is not None
    assert (bare.prompt_tokens, bare.cached, bare.reasoning) == (None, None, 1)


HELLO = chunk("Hello")
FINISH = chunk(finish="length")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (STREAM, None),
        (HELLO + FINISH, None),  # no end mark, but a finish reason
        (HELLO + DONE, None),
        (HELLO, "truncated"),
        (HELLO + chunk(" you")[:-20], "truncated"),
        (b"", "truncated"),
        (DONE, "empty"),
        (chunk("", role="assistant") + FINISH + DONE, "empty"),
        (HELLO + b'data: {"error": {"message": "out of memory"}}\n\n' + DONE, "in_band"),
        (HELLO + b'event: error\ndata: {"message": "out of memory"}\n\n', "in_band"),
        (HELLO + b'error: {"message": "out of memory"}\n\n', "in_band"),
        (b'data: {"object": "error", "message": "out of memory"}\n\n', "in_band"),
        (HELLO + b"data: {broken\n\n" + DONE, "protocol"),
        (HELLO + b"data: 7\n\n" + DONE, "protocol"),
        (HELLO + b'data: {"hello": 1}\n\n' + DONE, "protocol"),
        (HELLO + b'data: {"choices": 7}\n\n' + DONE, "protocol"),
        (HELLO + b"data: " + b"[" * 100_000 + b"\n\n", "protocol"),
    ],
)
def test_how_a_stream_fails(body: bytes, kind: str | None) -> None:
    failure = judge(read_stream([(1, body)]), asked_tokens=None)
    assert (failure[0].value if failure else None) == kind
    if kind == "in_band":
        assert failure is not None
        assert failure[1] == "out of memory"


@pytest.mark.parametrize(("asked", "kind"), [(2, None), (3, "length"), (None, None)])
def test_another_number_of_tokens_than_was_asked_for(asked: int | None, kind: str | None) -> None:
    failure = judge(read_stream([(1, STREAM)]), asked_tokens=asked)
    assert (failure[0].value if failure else None) == kind


def test_without_usage_a_length_cannot_be_wrong() -> None:
    assert judge(read_stream([(1, HELLO + FINISH + DONE)]), asked_tokens=7) is None


def test_an_answer_that_was_not_streamed_has_no_times() -> None:
    body = json.dumps(
        {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}], "usage": {"completion_tokens": 1}}
    )
    answer = read_whole([(5, body.encode())])
    assert (answer.chunk_times, answer.output, answer.output_characters, answer.finish_reason) == (
        [],
        "Hello",
        5,
        "stop",
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error": {"message": "no such\\nmodel"}}', "no such model"),
        (b'{"error": "busy"}', "busy"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b'{"object": "error", "message": "too long"}', "too long"),
        (b"upstream \x1b[31m broke\n", "upstream [31m broke"),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_what_a_refusal_says(body: bytes, text: str) -> None:
    assert whole_error([(1, body)]) == text


def test_a_long_text_becomes_a_line() -> None:
    assert len(one_line("word " * 1000)) == 300


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(body: bytes) -> None:
    read_stream([(1, body)])
    read_stream([(1, b"data: " + body + b"\n\n")])
    read_whole([(1, body)])
    whole_error([(1, body)])
