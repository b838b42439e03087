"""The engine over HTTP: faults, the truth log, counters that agree, the other paths; and nothing comes too early."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from triphase_model.engine.simulated.serving.settings import TimeMode
from triphase_model.engine.simulated.serving.truth import read_truth

Start = Callable[..., Awaitable[Any]]
CHAT = "/v1/chat/completions"
ASKED = {"messages": [{"role": "user", "content": "x"}], "stream": True, "max_tokens": 6, "ignore_eos": True}


def fault(kind: str, **members: object) -> dict[str, object]:
    return {"simulate": {"fault": {"kind": kind, **members}}}


async def settled(engine: Any, rows: int) -> Any:
    """The truth log once it has so many rows: a client may see the end of its answer first."""
    while len(engine.truth) < rows:  # noqa: ASYNC110 - it is a file
        await asyncio.sleep(0.001)
    return engine.truth


async def test_a_status(engine_with: Start) -> None:
    engine = await engine_with()
    async with engine.http.post(CHAT, json=ASKED | fault("status", status=429, retry_after="3")) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "3")
        assert (await response.json())["error"]["code"] == 429
    assert [(row.status, row.fault, row.outcome) for row in engine.truth] == [(429, "status", "refused")]


@pytest.mark.parametrize(("what", "said"), [("html", b"<!DOCTYPE html>"), ("empty_body", b"")])
async def test_something_else_than_an_answer(engine_with: Start, what: str, said: bytes) -> None:
    engine = await engine_with()
    async with engine.http.post(CHAT, json=ASKED | fault("garble", what=what)) as response:
        assert response.status == 200
        assert (await response.read()).startswith(said)
    assert engine.truth[0].fault == f"garble:{what}"


@pytest.mark.parametrize(("at", "chunks"), [("head", 0), ("first_token", 0), ("stream", 3)])
async def test_a_reset(engine_with: Start, at: str, chunks: int) -> None:
    engine = await engine_with("wire.early_head=true")
    with pytest.raises(aiohttp.ClientError):
        await engine.stream(**fault("reset", at=at, after_chunks=3))
    (row,) = await settled(engine, 1)
    assert (len(row.sent), row.outcome, row.fault, row.finish_reason) == (chunks, "reset", "reset", None)
    assert (row.head is None) == (at == "head")


async def test_a_stall_lasts_until_the_client_leaves(engine_with: Start) -> None:
    engine = await engine_with()
    response = await engine.http.post(CHAT, json=ASKED | fault("stall", at="stream", after_chunks=2))
    got = b""
    while got.count(b"data: ") < 3:
        got += await response.content.readany()
    response.close()
    (row,) = await settled(engine, 1)
    assert (len(row.sent), row.outcome, row.output_tokens) == (2, "client_closed", 2)


async def test_an_error_inside_the_stream(engine_with: Start) -> None:
    engine = await engine_with()
    events = await engine.stream(**fault("error_frame", after_chunks=2, message="out of memory"))
    assert (events.status, events.raw[-1]) == (200, "data: [DONE]")
    assert events.chunks[-1]["error"]["message"] == "out of memory"
    assert (engine.truth[0].output_tokens, engine.truth[0].finish_reason) == (2, None)


async def test_faults_before_any_token(engine_with: Start) -> None:
    engine = await engine_with("wire.early_head=false")
    cut = await engine.stream(**fault("garble", what="cut", after_chunks=0))
    broken = await engine.stream(**fault("garble", what="invalid_json", after_chunks=0))
    frame = await engine.stream(**fault("error_frame", after_chunks=0))
    assert (cut.status, cut.raw) == (200, [])
    assert (broken.raw[0], broken.raw[-1]) == ('data: {"choices":[{"delta":{"content":', "data: [DONE]")
    assert list(frame.chunks[0]) == ["error"]


@pytest.mark.parametrize("what", ["invalid_json", "invalid_utf8", "long_line", "cut", "no_done", "no_finish_reason"])
async def test_garbled_streams(engine_with: Start, what: str) -> None:
    engine = await engine_with()
    async with engine.http.post(
        CHAT, json=ASKED | fault("garble", what=what, after_chunks=3, size=200_000)
    ) as response:
        body = await response.read()
    marks = {
        "invalid_json": b'"content":\n\n' in body,
        "invalid_utf8": b"\xff\xfe" in body,
        "long_line": b"x" * 200_000 in body,
        "cut": b'finish_reason":"' not in body and b"[DONE]" not in body and body.count(b"data: ") == 4,
        "no_done": b"[DONE]" not in body and b'"length"' in body,
        "no_finish_reason": b"[DONE]" in body and b'"length"' not in body,
    }
    assert [name for name, true in marks.items() if true and name == what] == [what]
    assert engine.truth[0].fault == f"garble:{what}"


async def test_faults_of_unstreamed_answers(engine_with: Start) -> None:
    engine = await engine_with()
    assert (await engine.ask(**fault("error_frame")))[1]["error"]["code"] == 500
    async with engine.http.post(CHAT, json=ASKED | {"stream": False} | fault("garble", what="cut")) as response:
        assert not (await response.read()).endswith(b"}")
    with pytest.raises(aiohttp.ClientError):
        await engine.ask(**fault("reset", at="stream"))


async def test_a_share_of_requests_fails_the_same_ones_each_time(engine_with: Start, tmp_path: Path) -> None:
    async def failed() -> list[str]:
        engine = await engine_with('faults=[{share = 0.3, fault = {kind = "status", status = 503}}]')
        statuses = {str(key): (await engine.stream(key=str(key))).status for key in range(100)}
        return [key for key, status in statuses.items() if status == 503]

    first = await failed()
    assert 15 <= len(first) <= 45
    assert await failed() == first


async def test_a_slow_start(engine_with: Start) -> None:
    engine = await engine_with("startup_s=3600")
    async with engine.http.get("/health") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "1")


async def test_the_truth_log_is_what_the_client_got(engine_with: Start) -> None:
    engine = await engine_with("wire.reasoning_details=true", profile="vllm")
    events = await engine.stream(key="mine", stream_options={"include_usage": True})
    (row,) = engine.truth
    usage = events.chunks[-1]["usage"]
    assert (row.request, row.answer) == ("mine", events.chunks[0]["id"])
    assert events.headers["x-request-id"] == row.answer
    assert (row.prompt_tokens, row.output_tokens) == (usage["prompt_tokens"], usage["completion_tokens"])
    assert row.reasoning_tokens == usage["completion_tokens_details"]["reasoning_tokens"] == 2
    assert row.output == [False] * 2 + [True] * 4
    assert (row.status, row.outcome, row.finish_reason, row.fault) == (200, "completed", "length", None)
    assert row.admitted is not None
    assert 0 <= row.admitted <= row.due[0] <= row.sent[0]
    assert row.sent == sorted(row.sent)
    assert row.sent[-1] <= row.ended


async def test_nothing_is_sent_before_it_is_due(engine_with: Start) -> None:
    timing = ("timing.first_s=0.01", "timing.token_s=0.002", "jitter.kind=gamma", "jitter.cv=0.5")
    engine = await engine_with(*timing, time=TimeMode.REAL)
    await asyncio.gather(*[engine.stream(key=str(key), max_tokens=30) for key in range(20)])
    rows = engine.truth
    assert [(len(row.due), len(row.sent)) for row in rows] == [(30, 30)] * 20
    assert min(sent - due for row in rows for due, sent in zip(row.due, row.sent, strict=True)) >= 0
    # What was due is what chance had drawn for the request, whichever came first.
    again = await engine_with(*timing, time=TimeMode.REAL)
    await again.stream(key="7", max_tokens=30)
    assert again.truth[0].due == next(row.due for row in rows if row.request == "7")


async def test_what_was_due_and_never_sent_is_not_told_as_sent(engine_with: Start) -> None:
    slow = ("wire.events_per_write=4", "timing.first_s=0", "timing.token_s=60")
    engine = await engine_with(*slow, time=TimeMode.REAL)
    response = await engine.http.post(CHAT, json=ASKED)
    while not (await engine.metrics())["vllm:generation_tokens_total"]:
        pass
    response.close()
    (row,) = await settled(engine, 1)
    assert (row.due, row.sent, row.tokens, row.output, row.outcome) == ([], [], [], [], "client_closed")


async def test_counters_agree_with_what_clients_got(engine_with: Start) -> None:
    engine = await engine_with("cache.block_tokens=1", "timing.kind=steps", "timing.step_s=0.001", time=TimeMode.REAL)
    answers = [await engine.ask(max_tokens=count) for count in (1, 5, 9)]
    streams = await asyncio.gather(*[engine.stream(stream_options={"include_usage": True}) for _ in range(8)])
    usages = [whole["usage"] for _, whole in answers] + [stream.chunks[-1]["usage"] for stream in streams]
    with pytest.raises(aiohttp.ClientError):
        await engine.stream(**fault("reset", at="stream", after_chunks=4))
    rows = await settled(engine, 12)
    metrics = await engine.metrics()
    assert metrics["vllm:prompt_tokens_total"] == sum(usage["prompt_tokens"] for usage in usages) + 7
    assert metrics["vllm:generation_tokens_total"] == sum(usage["completion_tokens"] for usage in usages) + 4
    assert metrics["vllm:generation_tokens_total"] == sum(row.output_tokens for row in rows)
    assert metrics["vllm:prompt_tokens_cached_total"] == sum(row.cached_tokens for row in rows) > 0
    assert metrics['vllm:request_success_total{finished_reason="length"}'] == 11
    assert metrics['vllm:request_success_total{finished_reason="abort"}'] == 1
    assert metrics["vllm:time_to_first_token_seconds_count"] == 12
    assert metrics["vllm:e2e_request_latency_seconds_count"] == 12
    assert metrics["vllm:inter_token_latency_seconds_count"] == 8 * 5 + 3
    assert metrics['vllm:request_prompt_tokens_bucket{le="10.0"}'] == 12
    assert metrics["vllm:num_requests_running"] == metrics["vllm:kv_cache_usage_perc"] == 0


async def test_the_prefix_cache_and_its_end(engine_with: Start) -> None:
    engine = await engine_with("cache.block_tokens=1")

    async def cached(**body: object) -> int:
        _, whole = await engine.ask(**body)
        details: dict[str, int] = whole["usage"].get("prompt_tokens_details", {})
        return details.get("cached_tokens", 0)

    assert [await cached(), await cached(), await cached(cache_salt="other")] == [0, 4, 0]
    async with engine.http.post("/reset_prefix_cache") as response:
        assert response.status == 200
    assert await cached() == 0
    metrics = await engine.metrics()
    assert (metrics["vllm:prefix_cache_queries_total"], metrics["vllm:prefix_cache_hits_total"]) == (28, 4)


async def test_the_other_paths(engine_with: Start) -> None:
    engine = await engine_with(profile="friendli")
    async with engine.http.get("/v1/models") as response:
        assert [card["id"] for card in (await response.json())["data"]] == ["simulated-friendli"]
        assert response.headers["Server"] == "simulated-friendli"
    async with engine.http.get("/version") as response:
        assert "simulated" in (await response.json())["version"]
    async with engine.http.get("/health?x=1") as response:
        assert response.status == 200
    assert (await engine.ask("/tokenize", prompt="a b a"))[1]["count"] == 3
    assert (await engine.ask("/tokenize", prompt=None))[0] == 400
    assert (await engine.ask("/nowhere"))[0] == 404
    assert (await engine.ask("/health"))[0] == 405


async def test_a_full_line_is_503_and_recorded(engine_with: Start) -> None:
    few = ("timing.kind=steps", "timing.max_sequences=1", "timing.max_waiting=1", "timing.step_s=60")
    engine = await engine_with(*few, time=TimeMode.REAL)
    open_ones = [await engine.http.post(CHAT, json=ASKED) for _ in range(2)]
    assert (await engine.ask())[0] == 503
    metrics = await engine.metrics()
    assert (metrics["vllm:num_requests_running"], metrics["vllm:num_requests_waiting"]) == (1, 1)
    for response in open_ones:
        response.close()
    assert [row.outcome for row in await settled(engine, 3)] == ["refused", "client_closed", "client_closed"]
    assert (await engine.ask(max_tokens=500_000, messages=[{"role": "user", "content": "a " * 9}]))[0] == 400


async def test_heartbeats_while_nothing_else_comes(engine_with: Start) -> None:
    engine = await engine_with("wire.heartbeat_s=0.01", "timing.first_s=60", time=TimeMode.REAL)
    async with engine.http.post(CHAT, json=ASKED) as response:
        got = b""
        while got.count(b": simulated\n\n") < 3:
            got += await response.content.readany()
    assert b"data:" not in got


async def test_a_client_that_does_not_read_holds_no_other(engine_with: Start) -> None:
    engine = await engine_with()
    host, _, port = engine.url.removeprefix("http://").rpartition(":")
    body = b'{"messages":[{"role":"user"}],"stream":true,"max_tokens":60000,"ignore_eos":true}'
    async with asyncio.timeout(25):
        reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 16)
        writer.write(b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (CHAT.encode(), len(body)) + body)
        await reader.readexactly(1000)
        assert (await engine.stream()).raw[-1] == "data: [DONE]"
        rest = b""
        while not rest.endswith(b"0\r\n\r\n"):
            rest += await reader.read(1 << 20)
        writer.close()
        await writer.wait_closed()
    assert rest.count(b"data: {") >= 59_990
    assert [row.output_tokens for row in await settled(engine, 2)] == [6, 60_000]


async def test_a_log_that_is_none(tmp_path: Path) -> None:
    for text, message in (
        ("", "not a truth log"),
        ('{"version":99,"model":"","server":"","seed":0,"started_ns":0}\n', "99"),
    ):
        (tmp_path / "log").write_text(text)
        with pytest.raises(ValueError, match=message):
            read_truth(tmp_path / "log")
