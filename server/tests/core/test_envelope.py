"""What is read at a glance says what parsing would have said, and everything else is parsed."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from triphase_server.core.chunk import Chunk, ChunkParser
from triphase_server.core.detection import Detection
from triphase_server.core.envelope import Envelope
from triphase_server.core.errors import UpstreamProtocolError
from triphase_server.core.events import Delta, OutputDelta, ReasoningDelta, ToolCallDelta
from triphase_server.core.generation import Generation

_PARSE = ChunkParser(("reasoning", "reasoning_content")).parse


def _payload(text: str, *, field: str = "content", **more: Any) -> bytes:
    choice = {"index": 0, "delta": {field: text}, "finish_reason": None}
    return json.dumps({"id": "1", "model": "m", "choices": [choice], **more}, ensure_ascii=False).encode()


def _events(*payloads: bytes) -> bytes:
    return b"".join(b"data: %b\n\n" % payload for payload in payloads)


def _envelope(*learned: bytes, longest: int = 1000) -> Envelope:
    envelope = Envelope(_PARSE, longest=longest)
    for payload in learned:
        envelope.learn(payload, _PARSE(payload))
    return envelope


def test_events_that_differ_in_their_text_alone_are_read_together() -> None:
    envelope = _envelope(_payload("a"))
    alike = _events(_payload("Hello "), _payload("世界"), _payload("😀"))
    block = b"before" + alike + _events(_payload("x", field="reasoning"), _payload("y"))
    texts, end = envelope.read(block, 6)
    assert (texts, end) == (["Hello ", "世界", "😀"], 6 + len(alike))
    assert envelope.saying("".join(texts)) == Chunk(content="Hello 世界😀", model="m", answers=True)


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_thoughts_are_read_as_thoughts(field: str) -> None:
    envelope = _envelope(_payload("a", field=field))
    assert envelope.read(_events(_payload("b", field=field)), 0)[0] == ["b"]
    assert envelope.saying("b") == Chunk(reasoning="b", model="m", answers=True)


def test_the_latest_payload_counts() -> None:
    envelope = _envelope(_payload("a", created=1), _payload("a", created=2))
    assert envelope.read(_events(_payload("b", created=1)), 0)[0] == []
    assert envelope.read(_events(_payload("b", created=2)), 0)[0] == ["b"]


@pytest.mark.parametrize("text", ['a"b', "a\nb", "a\\", "\x00", "\u200d", "\u2028", "é", "😀"])
@pytest.mark.parametrize("ascii_alone", [True, False])
def test_escapes_are_read(text: str, ascii_alone: bool) -> None:
    payload = _payload("*").replace(b'"*"', json.dumps(text, ensure_ascii=ascii_alone).encode())
    assert _envelope(_payload("a")).read(_events(payload), 0)[0] == [text]
    assert _envelope(payload).read(_events(_payload("b")), 0)[0] == ["b"]


@pytest.mark.parametrize(
    "event",
    [
        b"",
        _events(_payload("b"))[:-1],
        _events(_payload("b"))[:-1] + b"data: x\n\n",
        _events(_payload("b").replace(b'"b"', b'"\xff"')),
        _events(_payload("b").replace(b'"b"', b'"\x01"')),
        _events(_payload("b").replace(b'"b"', b"null")),
        _events(_payload("b").replace(b'"b"', b'"a" "b"')),
        _events(_payload("b").replace(b'"b"', b'"\\ud800"')),
        _events(_payload("b").replace(b'"b"', b'"b\\"')),
        _events(_payload("b").replace(b'"b"', b'"b"\n')),
        _events(_payload("b").replace(b'"b"', b'\r"b"')),
        _events(_payload("b").replace(b'"b"', b'"b\n"')),
        _events(_payload("")),
        _events(_payload("b" * 1000)),
        b" " + _events(_payload("b")),
    ],
)
def test_what_is_no_whole_event_with_a_text_is_left_alone(event: bytes) -> None:
    assert _envelope(_payload("a")).read(event, 0) == ([], 0)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(_payload("a", system_fingerprint="a"), id="the text stands elsewhere as well"),
        pytest.param(b'{"a":"b","choices":[{"delta":{"content":"\\u0062"}}]}', id="the text stands elsewhere"),
        pytest.param(b'{"choices":[{"delta":{"content":"m"}}],"model":"m"}', id="the text is the model's name"),
        pytest.param(b'{"choices":[{"delta":{"content":":"}}],"a":"b"}', id="the text looks like JSON"),
        pytest.param(_payload("a", usage={}), id="usage"),
        pytest.param(_payload("a").replace(b'"finish_reason": null', b'"finish_reason": "stop"'), id="the end"),
        pytest.param(_payload("a").replace(b'"content"', b'"reasoning": "r", "content"'), id="two texts"),
        pytest.param(_payload("a").replace(b", ", b",\n"), id="several lines"),
        pytest.param(_payload("a", id="1" * 5000), id="too long"),
        pytest.param(_payload("A").replace(b'"A"', b'"\\u0041"'), id="an escape that nobody needs"),
        pytest.param(b'{"choices":[{"delta":{"content":[{"text":"a"},{"text":"b"}]}}]}', id="parts"),
    ],
)
def test_nothing_is_expected_where_the_text_is_not_certain(payload: bytes) -> None:
    assert _envelope(payload).read(_events(payload), 0) == ([], 0)


def test_an_engine_that_never_repeats_itself_is_left_in_peace() -> None:
    envelope = _envelope(*(_payload("a", created=n) for n in range(5)))
    assert not envelope.idle
    envelope.learn(_payload("a", created=5), _PARSE(_payload("a", created=5)))
    assert envelope.idle
    assert envelope.read(_events(_payload("b", created=5)), 0)[0] == ["b"]
    assert not envelope.idle


def test_all_events_of_an_engine_that_never_repeats_itself_are_parsed() -> None:
    words = [f"{n} " for n in range(20)]
    block = _events(*(_payload(word, created=n) for n, word in enumerate(words)))
    assert Generation(Detection()).feed(block) == [OutputDelta("".join(words))]


def test_signs_that_are_whole_only_together_are_none() -> None:
    torn = [_payload("b").replace(b'"b"', b'"%b"' % half) for half in (b"\xc3", b"\xa9")]
    generation = Generation(Detection())
    assert generation.feed(_events(_payload("a"), _payload("b"), *torn)) == [OutputDelta("ab")]
    assert isinstance(generation.failure, UpstreamProtocolError)


def test_a_model_that_changed_in_between_is_the_one_of_the_last_event() -> None:
    other, stop = _payload("c").replace(b'"m"', b'"n"'), b'{"choices":[{"delta":{},"finish_reason":"stop"}]}'
    generation = Generation(Detection())
    generation.feed(_events(_payload("a"), _payload("b"), other, other, _payload("d"), _payload("e"), stop))
    generation.close()
    assert generation.finished is not None
    assert generation.finished.model == "m"


def test_a_named_event_is_not_taken_for_an_answer() -> None:
    generation = Generation(Detection())
    assert generation.feed(_events(_payload("a")) + b"event: ping\n") == [OutputDelta("a")]
    assert generation.feed(_events(_payload("b"))) == []


_TEXTS = st.text(max_size=4) | st.sampled_from(
    ["a", " b", "\n", '"', "\\", "<think>", "</think>", "😀", "another text"]
)
_FIELDS = st.sampled_from(["content", "reasoning", "reasoning_content", "refusal"])
_MORE = st.sampled_from([{}, {}, {}, {"created": 2}, {"usage": {"completion_tokens": 3}}, {"usage": None}])
_TALK = st.builds(lambda text, field, more: _payload(text, field=field, **more), _TEXTS, _FIELDS, _MORE)
_CALL = b'{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{"}}]}}]}'
_ODD = st.sampled_from([_CALL, b"{", b'{"choices":[]}', b'{"error":{"code":429}}', b"[DONE]", b" ", b"x\ndata: y"])
_BODIES = st.lists(st.lists(_TALK, max_size=12) | st.lists(_ODD, max_size=1), max_size=6).map(
    lambda runs: _events(*(payload for run in runs for payload in run))
)


def _read(blocks: list[bytes], *, at_a_glance: bool) -> tuple[Any, ...]:
    generation = Generation(Detection())
    if not at_a_glance:
        generation._envelope = Envelope(_PARSE, longest=0)
    deltas = [delta for block in blocks for delta in generation.feed(block)] + generation.close()
    usage = generation.usage(input_tokens=0)
    return _joined(deltas), repr(generation.failure), generation.ended, generation.finished, usage


def _joined(deltas: list[Delta]) -> list[tuple[str, str]]:
    joined = [("", "")]
    for delta in deltas:
        kind, text = type(delta).__name__, delta.arguments if isinstance(delta, ToolCallDelta) else delta.text
        same = joined[-1][0] == kind
        joined[-1:] = [(kind, joined[-1][1] + text)] if same else [joined[-1], (kind, text)]
    return joined


@given(body=_BODIES, cuts=st.lists(st.integers(0, 4000), max_size=6))
@settings(max_examples=300, deadline=None)
def test_at_a_glance_or_not_and_wherever_it_is_cut_the_answer_is_the_same(body: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(body), *(min(cut, len(body)) for cut in cuts)})
    blocks = [body[begin:end] for begin, end in pairwise(places)]
    expected = _read([body], at_a_glance=False)
    assert _read([body], at_a_glance=True) == expected
    assert _read(blocks, at_a_glance=True) == expected


_PIECES = st.lists(
    st.sampled_from([b"a", b"", b"\\", b'"', b",", b'","', b'\\"', b"\n", b"\\n", b"\xc3", b"\xa9", b"]"]), max_size=4
)
_LITERALS = st.lists(_PIECES.map(b"".join), max_size=6)


@given(literals=_LITERALS)
@settings(max_examples=500, deadline=None)
def test_what_only_looks_like_texts_between_quotation_marks_is_parsed(literals: list[bytes]) -> None:
    texts = [_payload("b").replace(b'"b"', b'"%b"' % literal) for literal in literals]
    body = _events(_payload("a"), _payload("b"), *texts, _payload("c"))
    assert _read([body], at_a_glance=True) == _read([body], at_a_glance=False)


def test_thoughts_and_answer_in_one_block() -> None:
    payloads = [*(_payload(word, field="reasoning") for word in "abc"), *(_payload(word) for word in "def")]
    assert Generation(Detection()).feed(_events(*payloads)) == [ReasoningDelta("abc"), OutputDelta("def")]
