"""A leg in this process: what is sent when, and that each planned request becomes one row."""

import asyncio
from collections.abc import Sequence
from time import monotonic_ns
from typing import Any

import pyarrow as pa
import pytest
from client_fakes.scripted import DONE, HANG, STREAM, ScriptedServer, Step, chunk, counted, framed, json_answer
from triphase_benchmark.client import sending
from triphase_benchmark.client.exchange import Limits
from triphase_benchmark.client.http_target import HttpTarget
from triphase_benchmark.client.leg import Leg, Place
from triphase_benchmark.client.progress import Counters
from triphase_benchmark.client.sending import Sending
from triphase_benchmark.plan.values import Load, Message, PlannedRequest, Prompt
from triphase_benchmark.records.schema import REQUESTS

LIMITS = Limits(timeout_s=20.0)


def planned(
    number: int, scheduled_ns: int | None = None, *, after: int | None = None, tokens: int | None = 2
) -> PlannedRequest:
    prompt = Prompt(
        id=f"prompt-{number}", messages=(Message(role="user", content=f"question {number}"),), output_tokens=tokens
    )
    return PlannedRequest(number=number, prompt=prompt, scheduled_ns=scheduled_ns, after=after, warm_up=number == 0)


async def sent(
    server: ScriptedServer,
    requests: Sequence[PlannedRequest],
    *,
    load: Load = Load.CLOSED,
    places: int | None = 2,
    stop: asyncio.Event | None = None,
    limit_s: float | None = None,
    counters: Counters | None = None,
) -> list[dict[str, Any]]:
    target = HttpTarget(server.engine, model="m", limits=LIMITS)
    leg = Leg(
        round=3,
        place_in_round=1,
        engine=server.engine,
        model="m",
        load=load,
        places=places,
        requests=tuple(requests),
        limits=LIMITS,
        limit_s=limit_s,
    )
    epoch = monotonic_ns()
    leg_sending = Sending(
        leg, target, place=Place(host="here", worker=4, epoch_ns=epoch), counters=counters or Counters()
    )
    running = asyncio.create_task(leg_sending.run(epoch))
    if stop is not None:
        await stop.wait()
        leg_sending.stop()
    await running
    await target.close()
    rows = list(leg_sending.rows())
    batch = pa.RecordBatch.from_pylist(rows, schema=REQUESTS)
    batch.validate(full=True)
    found: list[dict[str, Any]] = batch.to_pylist()
    return sorted(found, key=lambda row: row["request"])


async def test_every_request_becomes_one_row() -> None:
    gate = asyncio.Event()
    held: list[Step] = [gate, *framed(STREAM)]
    async with ScriptedServer(held) as server:
        running = asyncio.create_task(sent(server, [planned(n) for n in range(7)]))
        await server.until(2)
        gate.set()
        rows = await running
        assert server.most_at_once == 2
    assert [row["request"] for row in rows] == list(range(7))
    assert [row["warm_up"] for row in rows] == [True] + 6 * [False]
    first = rows[0]
    known = {name: first[name] for name in ("round", "place_in_round", "engine", "host", "worker", "prompt", "status")}
    assert known == {
        "round": 3,
        "place_in_round": 1,
        "engine": "scripted",
        "host": "here",
        "worker": 4,
        "prompt": "prompt-0",
        "status": 200,
    }
    for row in rows:
        assert row["error"] is None
        assert 0 <= row["scheduled"] <= row["sent"] < row["responded"] <= row["chunk_times"][0] <= row["ended"]
        assert (row["output_tokens"], row["asked_tokens"], len(row["chunk_times"])) == (2, 2, 2)
        assert (row["reasoning_tokens"], row["cached_tokens"], row["chunk_tokens"]) == (None, None, None)


async def test_in_a_closed_loop_a_request_is_due_when_a_place_became_free() -> None:
    async with ScriptedServer(framed(STREAM)) as server:
        rows = await sent(server, [planned(n) for n in range(6)], places=1)
    assert rows[0]["scheduled"] == 0
    assert [row["scheduled"] for row in rows[1:]] == [row["ended"] for row in rows[:-1]]


async def test_in_an_open_loop_none_is_sent_before_its_time_and_none_waits_for_another() -> None:
    times = [30_000_000, 0, 15_000_000, 31_000_000, 15_100_000]
    never: list[Step] = [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", HANG]
    async with ScriptedServer(never, framed(STREAM)) as server:
        rows = await sent(
            server, [planned(n, at) for n, at in enumerate(times)], load=Load.OPEN, places=None, limit_s=2
        )
    assert [row["scheduled"] for row in rows] == times
    assert all(row["sent"] >= row["scheduled"] for row in rows)
    assert [row["error"] for row in rows] == [None, "dropped", None, None, None]
    assert rows[1]["error_detail"] == "not over after 2 s"


async def test_a_conversation_goes_on_from_its_answer() -> None:
    async with ScriptedServer(framed(STREAM)) as server:
        turns = [planned(0), planned(1, after=0), planned(2, after=1)]
        rows = await sent(server, turns, places=2)
        asked = [[(turn["role"], turn["content"]) for turn in body["messages"]] for body in server.bodies]
    first = [("user", "question 0")]
    second = [*first, ("assistant", "Hello you"), ("user", "question 1")]
    assert asked == [first, second, [*second, ("assistant", "Hello you"), ("user", "question 2")]]
    assert [row["error"] for row in rows] == [None, None, None]
    assert [row["scheduled"] for row in rows[1:]] == [row["ended"] for row in rows[:-1]]


async def test_a_turn_does_not_wait_for_a_request_that_is_due_later() -> None:
    told = asyncio.Event()
    hour = 3_600_000_000_000
    async with ScriptedServer(framed(STREAM)) as server:
        turns = [planned(0, 0), planned(1, 20_000_000, after=0), planned(2, hour)]
        running = asyncio.create_task(sent(server, turns, load=Load.OPEN, places=None, stop=told))
        while len(server.requests) < 2:  # noqa: ASYNC110 - of a test that waits for little else
            await asyncio.sleep(0.001)
        told.set()
        rows = await running
    assert rows[1]["scheduled"] == max(20_000_000, rows[0]["ended"])
    assert (rows[2]["error"], rows[2]["scheduled"]) == ("unsent", hour)


async def test_a_conversation_ends_where_an_answer_failed() -> None:
    async with ScriptedServer(json_answer({"error": "no"}, b"500 Oops")) as server:
        rows = await sent(server, [planned(0), planned(1, after=0), planned(2, after=1)])
        assert len(server.requests) == 1
    assert [row["error"] for row in rows] == ["status", "unsent", "unsent"]
    assert rows[2]["error_detail"] == "its conversation ended with request 0"


async def test_what_was_stopped_is_told_and_nothing_of_it_is_lost() -> None:
    begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(chunk("a")), chunk("a"))
    told, reads = asyncio.Event(), Counters()
    async with ScriptedServer(framed(STREAM), framed(STREAM), [begun, HANG]) as server:
        running = asyncio.create_task(sent(server, [planned(n) for n in range(9)], stop=told, counters=reads))
        await server.until(2)
        await asyncio.sleep(0.05)  # for what was sent to arrive
        told.set()
        rows = await running
    assert [row["error"] for row in rows] == [None, None, "dropped", "dropped"] + 5 * ["unsent"]
    assert {row["error_detail"] for row in rows[2:]} == {"the run was stopped"}
    assert all(row["sent"] is not None and row["ended"] is not None for row in rows[:4])
    assert all(row["sent"] is None for row in rows[4:])


async def test_chunks_of_what_was_dropped_are_kept() -> None:
    begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(chunk("a")), chunk("a"))
    async with ScriptedServer([begun, HANG]) as server:
        [row] = await sent(server, [planned(0)], places=1, limit_s=0.5)
    assert (row["error"], len(row["chunk_times"]), row["output_characters"]) == ("dropped", 1, 1)


async def test_the_failure_of_one_does_not_touch_the_others() -> None:
    failing = json_answer({"error": "busy"}, b"429 Too Many Requests")
    async with ScriptedServer(framed(STREAM), failing, counted(STREAM), framed(chunk("a")), framed(STREAM)) as server:
        rows = await sent(server, [planned(n) for n in range(6)], places=1)
    assert [row["error"] for row in rows] == [None, "status", None, "truncated", None, None]
    assert (rows[1]["status"], rows[1]["error_detail"]) == (429, "status 429: busy")


async def test_another_length_than_was_asked_for_is_a_failure() -> None:
    async with ScriptedServer(framed(STREAM)) as server:
        rows = await sent(server, [planned(0), planned(1, tokens=3), planned(2, tokens=None)], places=1)
    assert [row["error"] for row in rows] == [None, "length", None]


async def test_counters_tell_what_happens() -> None:
    counters = Counters()
    async with ScriptedServer(framed(STREAM), json_answer({}, b"500 Oops"), framed(STREAM, DONE)) as server:
        await sent(server, [planned(n) for n in range(4)], places=1, counters=counters)
    progress = counters.read()
    assert (progress.begun, progress.ended, progress.failed, progress.in_flight) == (4, 4, 1, 0)
    assert progress.first_waits == 4
    assert progress.first_waits_ns > 0


async def test_answers_are_read_early_where_they_take_too_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_MOST_WAITING", 2 * len(STREAM))
    async with ScriptedServer(framed(STREAM)) as server:
        rows = await sent(server, [planned(n) for n in range(8)])
    assert [(row["request"], row["error"]) for row in rows] == [(n, None) for n in range(8)]
