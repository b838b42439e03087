"""What leaves when, how an answer says that it ended, and what is not kept. Bodies: `test_generation_bodies.py`."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from triphase_server.core.detection import Detection
from triphase_server.core.errors import Stage, UpstreamProtocolError
from triphase_server.core.events import OutputDelta, ReasoningDelta, Usage
from triphase_server.core.generation import Framing, Generation


def _data(*payloads: Any) -> bytes:
    texts = (payload if isinstance(payload, str) else json.dumps(payload) for payload in payloads)
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def _delta(finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}], "model": "m"}


_HI, _STOP, _DONE = _delta(content="Hi"), _delta("stop"), "[DONE]"


def test_what_is_ready_together_leaves_together() -> None:
    generation = Generation(Detection())
    block = _data(*(_delta(reasoning=word) for word in ("I", " add", ".")), *(_delta(content=word) for word in "85"))
    assert generation.feed(block) == [ReasoningDelta("I add."), OutputDelta("85")]


def test_each_payload_leaves_when_it_is_complete() -> None:
    generation = Generation(Detection())
    body = _data(_delta(content="a"), _delta(content="b"))
    left = [(at, delta) for at, byte in enumerate(body) for delta in generation.feed(bytes([byte]))]
    half = len(body) // 2
    assert left == [(half - 1, OutputDelta("a")), (2 * half - 1, OutputDelta("b"))]


def test_ended_is_known_before_the_body_ends() -> None:
    generation = Generation(Detection())
    generation.feed(_data(_HI, _STOP))
    assert not generation.ended
    generation.feed(_data(_DONE))
    assert generation.ended


def test_white_space_does_not_commit() -> None:
    generation = Generation(Detection())
    assert (
        generation.feed(_data(_delta(role="assistant", content=""), _delta(content="<think>"), _delta(content="\n")))
        == []
    )
    assert not generation.committed
    assert generation.feed(_data(_delta(content="I"))) == [ReasoningDelta("I")]
    assert generation.committed


def test_how_it_finished() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 4}}
    generation = Generation(Detection())
    generation.feed(
        _data({**_HI, "model": "n" * 1000}, _delta("x" * 100) | {"model": ""}, {"usage": usage}, {"usage": None}, _DONE)
    )
    generation.close()
    assert generation.finished is not None
    assert generation.finished.native_finish_reason == "x" * 64
    assert generation.finished.model == "n" * 256
    assert generation.finished.usage == Usage(input_tokens=5, output_tokens=9, reasoning_tokens=4)
    assert generation.finished.usage_has_reasoning


def test_usage_that_the_engine_did_not_count() -> None:
    generation = Generation(Detection())
    generation.feed(
        _data(_delta(reasoning="1"), _delta(reasoning="2"), _delta(content="3"), _delta(content="4"), _STOP)
    )
    generation.close()
    assert generation.finished is not None
    assert generation.finished.usage is None
    assert not generation.finished.usage_has_reasoning
    expected = Usage(input_tokens=7, output_tokens=4, reasoning_tokens=2, estimated=True, reasoning_estimated=True)
    assert generation.usage(input_tokens=7) == expected


def test_a_line_of_forty_megabytes_is_not_kept() -> None:
    generation = Generation(Detection())
    block, fed = b"data: " + b"x" * (1 << 20), 0
    while generation.failure is None:
        assert generation.feed(block) == []
        fed += len(block)
    assert fed <= 9 * len(block)
    assert isinstance(generation.failure, UpstreamProtocolError)
    assert not generation._decoder._line


def test_events_before_a_line_too_long_are_not_lost() -> None:
    generation = Generation(Detection(), max_body_bytes=400)
    assert generation.feed(_data(_HI) + b"data: " + b"x" * 400) == [OutputDelta("Hi")]
    assert isinstance(generation.failure, UpstreamProtocolError)
    assert generation.failure.stage is Stage.STREAM


def test_a_whole_body_too_long_is_not_kept() -> None:
    generation = Generation(Detection(), framing=Framing.JSON, max_body_bytes=10)
    assert generation.feed(b"{" + b" " * 9) == []
    assert generation.failure is None
    assert generation.feed(b" ") == []
    assert isinstance(generation.failure, UpstreamProtocolError)
    assert not generation._body


@given(body=st.binary(max_size=200), framing=st.sampled_from(Framing))
@settings(max_examples=300, deadline=None)
def test_no_bytes_raise(body: bytes, framing: Framing) -> None:
    generation = Generation(Detection(), framing=framing)
    generation.feed(body)
    generation.close()
    assert generation.failure is not None


_MEMBERS = st.sampled_from(["choices", "delta", "content", "index", "tool_calls", "function", "error", "usage", "code"])
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_PAYLOADS = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_MEMBERS, inner, max_size=4),
    max_leaves=12,
)


@given(payload=_PAYLOADS)
@settings(max_examples=400, deadline=None)
def test_no_payload_raises(payload: Any) -> None:
    generation = Generation(Detection())
    generation.feed(_data({"choices": [{"delta": payload}]}, payload, {"usage": payload}))
    generation.close()
    assert (generation.failure is None) == (generation.finished is not None)
    generation.usage(input_tokens=0)


def test_a_finish_reason_concludes_although_more_may_come() -> None:
    generation = Generation(Detection())
    generation.feed(b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n')
    assert not generation.concluded
    generation.feed(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n')
    assert generation.concluded
    assert not generation.ended


def test_what_a_body_goes_on_from_is_neither_told_nor_counted() -> None:
    generation = Generation(Detection(), prelude="<think>\n.")
    assert generation.feed(_data(_delta(content=" more</think>\n\nHi"))) == [ReasoningDelta(" more"), OutputDelta("Hi")]
    assert generation.came == {"reasoning_characters": 5, "output_characters": 2}
    closed = Generation(Detection(), prelude="<think>\n.\n</think>\n\n")
    assert closed.feed(_data(_delta(content="\n"), _delta(content="</think>\n\nHi"))) == [OutputDelta("Hi")]
