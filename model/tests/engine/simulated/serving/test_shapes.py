"""What answers look like: each knob of the wire, as a client reads it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from triphase_model.engine.simulated.serving.settings import TimeMode

Start = Callable[..., Awaitable[Any]]
COUNTS = {"prompt_tokens": 7, "completion_tokens": 6, "total_tokens": 13}


@pytest.mark.parametrize(
    ("role", "first", "second"),
    [
        ("own", {"role": "assistant", "content": ""}, ["reasoning"]),
        ("early", {"role": "assistant", "content": ""}, ["reasoning"]),
        ("joined", None, ["reasoning"]),
        ("absent", None, ["reasoning"]),
    ],
)
async def test_the_role(engine_with: Start, role: str, first: dict[str, str] | None, second: list[str]) -> None:
    events = await (await engine_with(f"wire.role={role}")).stream()
    if first is not None:
        assert events.deltas[0] == first
        assert list(events.deltas[1]) == second
    else:
        assert list(events.deltas[0]) == (["role", "reasoning"] if role == "joined" else ["reasoning"])
    assert sum("role" in delta for delta in events.deltas) == (role != "absent")
    assert len(events.deltas) == 6 + 1 + (first is not None)


@pytest.mark.parametrize("given", ["wire.events_per_write=4", "wire.pieces=3", "wire.role=early"])
async def test_a_head_that_waits_for_the_first_token(engine_with: Start, given: str) -> None:
    given_times = ("timing.first_s=0.05", "timing.token_s=0.001")
    engine = await engine_with("wire.early_head=false", given, *given_times, time=TimeMode.REAL)
    events = await engine.stream()
    assert (events.status, len(events.deltas), events.raw[-1]) == (200, 8, "data: [DONE]")
    row = engine.truth[0]
    assert row.head is not None
    # A role that comes early takes the head with it, at once.
    assert (row.head >= row.due[0]) == (given != "wire.role=early")


async def test_an_empty_role_chunk_may_have_null_content(engine_with: Start) -> None:
    events = await (await engine_with("wire.empty_content=null")).stream()
    assert events.deltas[0] == {"role": "assistant", "content": None}


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
async def test_thoughts_in_a_field_of_their_own(engine_with: Start, field: str) -> None:
    engine = await engine_with(f"wire.reasoning={field}")
    events = await engine.stream()
    assert (len(events.text(field).split()), len(events.text("content").split())) == (2, 4)
    _, whole = await engine.ask()
    message = whole["choices"][0]["message"]
    assert (len(message[field].split()), len(message["content"].split())) == (2, 4)
    assert whole["usage"] == COUNTS


async def test_thoughts_inline_and_hidden(engine_with: Start) -> None:
    engine = await engine_with()
    inline = await engine.stream(parse_reasoning=False)
    assert inline.text("content").startswith("<think>\n")
    assert len(inline.text("content").replace("<think>", "").replace("</think>", "").split()) == 6
    _, whole = await engine.ask(parse_reasoning=False)
    assert whole["choices"][0]["message"]["content"].count("\n</think>\n\n") == 1
    hidden = await engine.stream(include_reasoning=False, stream_options={"include_usage": True})
    assert [delta for delta in hidden.deltas if "reasoning" in delta] == []
    assert len(hidden.text("content").split()) == 4
    assert hidden.chunks[-1]["usage"]["completion_tokens"] == 6
    _, whole = await engine.ask(include_reasoning=False)
    assert set(whole["choices"][0]["message"]) == {"content", "role"}


async def test_hidden_thoughts_leave_the_role_to_the_first_chunk_that_is_seen(engine_with: Start) -> None:
    events = await (await engine_with("wire.role=joined", "wire.reasoning=hidden")).stream()
    assert list(events.deltas[0]) == ["role", "content"]


async def test_usage_as_it_is_asked_for(engine_with: Start) -> None:
    engine = await engine_with()
    plain = await engine.stream()
    assert [chunk for chunk in plain.chunks if "usage" in chunk] == []
    final = await engine.stream(stream_options={"include_usage": True})
    assert [chunk["usage"] for chunk in final.chunks if "usage" in chunk] == [COUNTS]
    assert final.chunks[-1]["choices"] == []
    every = await engine.stream(stream_options={"include_usage": True, "continuous_usage_stats": True})
    made = [chunk["usage"]["completion_tokens"] for chunk in every.chunks]
    assert made == [0, 1, 2, 3, 4, 5, 6, 6, 6]


@pytest.mark.parametrize("place", ["none", "null", "every"])
async def test_usage_elsewhere(engine_with: Start, place: str) -> None:
    events = await (await engine_with(f"wire.usage={place}")).stream(stream_options={"include_usage": True})
    said = [chunk.get("usage", "absent") for chunk in events.chunks]
    if place == "none":
        assert set(said) == {"absent"}
    elif place == "null":
        assert said == [None] * 8 + [COUNTS]
    else:
        assert [usage["completion_tokens"] for usage in said] == [0, 1, 2, 3, 4, 5, 6, 6, 6]


async def test_details_of_usage(engine_with: Start) -> None:
    engine = await engine_with("wire.reasoning_details=true", "cache.block_tokens=1")
    await engine.ask()
    _, whole = await engine.ask()
    # Role and words are four tokens that can be kept; what the template adds beside the role cannot.
    assert whole["usage"]["prompt_tokens_details"] == {"cached_tokens": 4}
    assert whole["usage"]["completion_tokens_details"] == {"reasoning_tokens": 2}


@pytest.mark.parametrize(
    ("given", "tokens"),
    [
        (("chunking.tokens=3",), [2, 3, 1]),
        (("chunking.tokens=2", "chunking.first=1"), [1, 1, 2, 2]),
        (("chunking.first=2",), [2, 1, 1, 1, 1]),
    ],
)
async def test_several_tokens_in_a_chunk(engine_with: Start, given: tuple[str, ...], tokens: list[int]) -> None:
    engine = await engine_with(*given)
    events = await engine.stream(stream_options={"include_usage": True})
    texts = [delta.get("reasoning") or delta.get("content") or "" for delta in events.deltas]
    assert [len(text.split()) for text in texts if text] == tokens
    assert events.chunks[-1]["usage"] == COUNTS
    assert engine.truth[0].tokens == tokens


async def test_geometric_chunks_keep_usage_exact(engine_with: Start) -> None:
    engine = await engine_with("chunking.tokens=3", "chunking.spread=geometric")
    events = await engine.stream(max_tokens=200, stream_options={"include_usage": True})
    assert events.chunks[-1]["usage"]["completion_tokens"] == 200
    assert len((events.text("reasoning") + events.text("content")).split()) == 200
    assert len(set(engine.truth[0].tokens)) > 2


async def test_end_marks_comments_and_line_ends(engine_with: Start) -> None:
    engine = await engine_with("wire.done=false", "wire.comment_every=2", "wire.line_end=crlf")
    events = await engine.stream()
    assert [event for event in events.raw if event.startswith(":")] == [": simulated"] * 3
    assert not events.raw[-1].startswith("data: [DONE]")
    assert events.chunks[-1]["choices"][0]["finish_reason"] == "length"
    async with engine.http.post("/v1/chat/completions", json={"messages": [{"role": "user"}], "stream": True}) as raw:
        body = await raw.read()
    assert body.count(b"\n") == body.count(b"\r\n")


async def test_events_in_pieces_and_many_in_one_write_say_the_same(engine_with: Start) -> None:
    told = {"key": "same", "max_tokens": 20}
    whole = await (await engine_with("wire.unicode=true")).stream(**told)
    pieces = await (await engine_with("wire.unicode=true", "wire.pieces=7")).stream(**told)
    together = await (await engine_with("wire.unicode=true", "wire.events_per_write=8")).stream(**told)
    assert whole.deltas == pieces.deltas == together.deltas
    assert not whole.text("content").isascii()


async def test_chunks_that_share_a_write_share_its_time(engine_with: Start) -> None:
    engine = await engine_with("wire.events_per_write=4")
    await engine.stream()
    sent = engine.truth[0].sent
    assert len(sent) == 6
    assert len(set(sent)) == 2


async def test_lengths_follow_the_request(engine_with: Start) -> None:
    engine = await engine_with("lengths.cv=0.5", "lengths.output=40")

    async def ends(**body: object) -> tuple[int, str]:
        _, whole = await engine.ask(**{"ignore_eos": None, "max_tokens": None, **body})
        return whole["usage"]["completion_tokens"], whole["choices"][0]["finish_reason"]

    assert await ends(max_tokens=5) == (5, "length")
    assert await ends(max_tokens=900, min_tokens=900) == (900, "length")
    assert await ends(max_tokens=900, ignore_eos=True) == (900, "length")
    assert await ends(max_completion_tokens=3, max_tokens=900) == (3, "length")
    natural, why = await ends(max_tokens=900)
    assert 2 < natural < 900
    assert why == "stop"
    assert (await ends(min_tokens=700))[0] == 700


@pytest.mark.parametrize(
    "off",
    [
        {"reasoning_effort": "none"},
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"chat_template_kwargs": {"thinking": False}},
        {"thinking_token_budget": 0},
        {"reasoning_budget": 0},
        {"thinking_budget_tokens": 0},
        {"custom_logit_processor": "…", "custom_params": {"thinking_budget": 0}},
    ],
)
async def test_thinking_can_be_turned_off(engine_with: Start, off: dict[str, object]) -> None:
    events = await (await engine_with()).stream(**off)
    assert events.text("reasoning") == ""
    assert len(events.text("content").split()) == 6


async def test_arguments_without_their_processor_are_ignored(engine_with: Start) -> None:
    events = await (await engine_with()).stream(custom_params={"thinking_budget": 0})
    assert events.text("reasoning") != ""


async def test_completions(engine_with: Start) -> None:
    engine = await engine_with()
    status, whole = await engine.ask("/v1/completions", prompt="a b c", messages=None)
    assert (status, len(whole["choices"][0]["text"].split()), whole["object"]) == (200, 6, "text_completion")
    assert whole["usage"]["prompt_tokens"] == 3
    events = await engine.stream("/v1/completions", prompt=[1, 2, 3, 4], messages=None)
    assert "".join(chunk["choices"][0]["text"] for chunk in events.chunks).count(" ") == 6
    assert engine.truth[1].prompt_tokens == 4


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"model": "other"}, 404, "model"),
        ({"n": 2}, 400, "n"),
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "messages"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"max_tokens": 999_999}, 400, "max_tokens"),
        ({"min_tokens": 7}, 400, "min_tokens"),
        ({"max_tokens": "many"}, 400, None),
        ({"simulate": {"fault": {"kind": "unheard of"}}}, 400, None),
    ],
)
async def test_what_real_engines_refuse(
    engine_with: Start, body: dict[str, object], status: int, param: str | None
) -> None:
    engine = await engine_with()
    got, error = await engine.ask(**body)
    assert (got, error["error"]["param"]) == (status, param)
    assert (await engine.stream()).status == 200


async def test_text_parts_are_text(engine_with: Start) -> None:
    parts = [{"type": "text", "text": "one two"}, {"type": "text", "text": " three"}]
    _, whole = await (await engine_with()).ask(messages=[{"role": "user", "content": parts}])
    assert whole["usage"]["prompt_tokens"] == 7
