"""Upstreams that fail, over real sockets: the right code, reason and retry hint, never a hang, none of their words."""

import gzip
import json
import socket
from collections.abc import Awaitable, Callable

import grpc
import pytest
from end_to_end.stage import KEY, MARK, assert_discreet, gateway, request, simulation
from triphase.gateway.v1 import generation_pb2
from triphase_model.engine.simulated import ErrorFrame, Garble, Garbling, Place, Reset, Script, Stall, Status, Step
from triphase_server.core.route import Timeouts
from upstream.raw_server import Call, Net

Code = grpc.StatusCode
# The one limit that a stall is to reach; all others stay far away.
SOON = {
    Place.HEAD: Timeouts(first_byte_s=0.3),
    Place.FIRST_TOKEN: Timeouts(between_reasoning_s=0.3, between_output_s=0.3),
    Place.STREAM: Timeouts(between_reasoning_s=0.3, between_output_s=0.3),
}
OUTPUT = (Step(content="8"), Step(content="5"))


def failing(status: int, *, retry_after: str | None = None) -> Script:
    body = json.dumps({"error": {"message": MARK, "type": MARK, "param": MARK, "code": MARK}})
    return Script(fault=Status(status=status, retry_after=retry_after, body=body))


def broken(what: Garbling, **options: int) -> Script:
    return Script(steps=OUTPUT, fault=Garble(what=what, **options))


# What the upstream does; the code and reason that the caller gets; the output that came before.
FAULTS: dict[str, tuple[Script, Code, str, str | None]] = {
    "resets before the head": (Script(fault=Reset()), Code.UNAVAILABLE, "UPSTREAM_CONNECTION_LOST", ""),
    "resets after the head": (
        Script(fault=Reset(at=Place.FIRST_TOKEN)),
        Code.UNAVAILABLE,
        "UPSTREAM_CONNECTION_LOST",
        "",
    ),
    "resets midway": (
        Script(steps=OUTPUT, fault=Reset(at=Place.STREAM)),
        Code.UNAVAILABLE,
        "UPSTREAM_CONNECTION_LOST",
        None,  # a reset overtakes what was sent before it
    ),
    "stalls before the head": (Script(fault=Stall()), Code.UNAVAILABLE, "UPSTREAM_TIMEOUT_FIRST_BYTE", ""),
    "stalls before the first token": (
        Script(fault=Stall(at=Place.FIRST_TOKEN)),
        Code.UNAVAILABLE,
        "UPSTREAM_TIMEOUT_REASONING",
        "",
    ),
    "stalls midway": (
        Script(steps=OUTPUT, fault=Stall(at=Place.STREAM)),
        Code.UNAVAILABLE,
        "UPSTREAM_TIMEOUT_OUTPUT",
        "8",
    ),
    "sends HTML": (broken(Garbling.HTML), Code.INTERNAL, "UPSTREAM_PROTOCOL_ERROR", ""),
    "sends invalid UTF-8": (broken(Garbling.INVALID_UTF8), Code.INTERNAL, "UPSTREAM_PROTOCOL_ERROR", "8"),
    "sends invalid JSON": (broken(Garbling.INVALID_JSON), Code.INTERNAL, "UPSTREAM_PROTOCOL_ERROR", "8"),
    "sends an endless line": (broken(Garbling.LONG_LINE), Code.INTERNAL, "UPSTREAM_PROTOCOL_ERROR", "8"),
    "sends a bomb": (broken(Garbling.GZIP_BOMB), Code.INTERNAL, "UPSTREAM_PROTOCOL_ERROR", ""),
    "sends nothing": (broken(Garbling.EMPTY_BODY), Code.UNAVAILABLE, "UPSTREAM_TRUNCATED", ""),
    "ends midway": (broken(Garbling.CUT), Code.UNAVAILABLE, "UPSTREAM_TRUNCATED", "8"),
    "sends an error inside a 200": (
        Script(steps=OUTPUT, fault=ErrorFrame(message=MARK, type=MARK)),
        Code.UNAVAILABLE,
        "UPSTREAM_SERVER_ERROR",
        "8",
    ),
    "sends a rate limit inside a 200": (
        Script(fault=ErrorFrame(after_chunks=0, message=MARK, type=MARK, code=429)),
        Code.RESOURCE_EXHAUSTED,
        "UPSTREAM_RATE_LIMITED",
        "",
    ),
    "answers 400": (failing(400), Code.INVALID_ARGUMENT, "UPSTREAM_REJECTED", ""),
    "answers 401": (failing(401), Code.INTERNAL, "UPSTREAM_AUTH_FAILED", ""),
    "answers 404": (failing(404), Code.INTERNAL, "UPSTREAM_MODEL_MISSING", ""),
    "answers 429": (failing(429), Code.RESOURCE_EXHAUSTED, "UPSTREAM_RATE_LIMITED", ""),
    "answers 500": (failing(500), Code.UNAVAILABLE, "UPSTREAM_SERVER_ERROR", ""),
    "answers 503": (failing(503), Code.UNAVAILABLE, "UPSTREAM_OVERLOADED", ""),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_told_as_what_it_is(fault: str) -> None:
    script, code, reason, output = FAULTS[fault]
    timeouts = SOON[script.fault.at] if isinstance(script.fault, Stall) else Timeouts()
    async with simulation(timeouts=timeouts) as simulated:
        failure = await simulated.failure(script)
        assert (failure.error.code, failure.error.reason) == (code, reason)
        assert output is None or failure.output == output
        assert failure.events[0].HasField("started")
        assert failure.error.metadata["deployment"] == "engine/model"
        assert failure.error.metadata["response_id"] == failure.events[0].started.response_id
        assert failure.error.retry_after_s is None
        assert_discreet(failure)
        # And the next request is served.
        assert (await simulated.events(Script(output_tokens=1)))[-1].HasField("completed")


@pytest.mark.parametrize(
    ("at", "stage"), [(Place.HEAD, "first_byte"), (Place.FIRST_TOKEN, "first_token"), (Place.STREAM, "stream")]
)
async def test_a_stall_tells_its_stage_and_closes_the_upstream(at: Place, stage: str) -> None:
    async with simulation(timeouts=SOON[at]) as simulated:
        failure = await simulated.failure(Script(steps=OUTPUT, fault=Stall(at=at)))
        assert failure.error.metadata["stage"] == stage
        await simulated.model.journal.wait_for(lambda journal: journal.records[0].outcome == "client_closed")


@pytest.mark.parametrize(
    ("status", "retry_after", "seconds"), [(429, "7", 7.0), (429, "0", 0.0), (503, "2", 2.0), (429, MARK, None)]
)
async def test_retry_after_is_a_hint_for_the_caller(status: int, retry_after: str, seconds: float | None) -> None:
    async with simulation() as simulated:
        failure = await simulated.failure(failing(status, retry_after=retry_after))
        assert failure.error.retry_after_s == seconds
        assert_discreet(failure)


async def test_no_upstream_at_all() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: whoever connects is refused
        async with gateway(f"http://127.0.0.1:{unused.getsockname()[1]}/v1") as stage:
            failure = await stage.failure(request())
    assert (failure.error.code, failure.error.reason) == (Code.UNAVAILABLE, "UPSTREAM_UNREACHABLE")
    assert failure.error.metadata["stage"] == "connect"
    assert_discreet(failure)


@pytest.mark.parametrize("what", [Garbling.NO_DONE, Garbling.NO_FINISH_REASON])
async def test_one_of_two_end_marks_is_enough(what: Garbling) -> None:
    async with simulation() as simulated:
        events = await simulated.events(broken(what))
        assert "".join(event.output_delta.text for event in events) == "85"
        stopped = generation_pb2.FINISH_REASON_STOP if what is Garbling.NO_DONE else generation_pb2.FINISH_REASON_OTHER
        assert events[-1].completed.finish_reason == stopped


Answer = Callable[[Call], Awaitable[None]]
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"8"}}]}\n\n'


def body(data: bytes, *, content_type: str = "text/event-stream", more: str = "", status: str = "200 OK") -> Answer:
    async def answer(call: Call) -> None:
        await call.whole(data, status=status, headers=f"Content-Type: {content_type}\r\n{more}")

    return answer


async def cut_inside_a_chunk(call: Call) -> None:
    await call.begin()
    await call.send(b"ff\r\n" + EVENT)
    call.writer.close()


async def garbled_chunks(call: Call) -> None:
    await call.begin()
    await call.chunk(EVENT)
    await call.send(b"zz\r\n")
    await call.peer_closed()


async def no_http(call: Call) -> None:
    await call.send(f"{MARK}\r\n\r\n".encode())
    call.writer.close()


async def closes_at_once(call: Call) -> None:
    call.writer.close()


async def resets_midway(call: Call) -> None:
    await call.begin()
    await call.chunk(EVENT)
    call.reset()


RAW: dict[str, tuple[Answer, Code, str]] = {
    "no HTTP at all": (no_http, Code.INTERNAL, "UPSTREAM_PROTOCOL_ERROR"),
    "closes without a word": (closes_at_once, Code.UNAVAILABLE, "UPSTREAM_CONNECTION_LOST"),
    "cuts the connection inside a chunk": (cut_inside_a_chunk, Code.UNAVAILABLE, "UPSTREAM_CONNECTION_LOST"),
    "garbles the chunked framing": (garbled_chunks, Code.INTERNAL, "UPSTREAM_PROTOCOL_ERROR"),
    "resets after an event": (resets_midway, Code.UNAVAILABLE, "UPSTREAM_CONNECTION_LOST"),
    "neither finish reason nor [DONE]": (body(EVENT), Code.UNAVAILABLE, "UPSTREAM_TRUNCATED"),
    "[DONE] alone": (body(b"data: [DONE]\n\n"), Code.UNAVAILABLE, "UPSTREAM_TRUNCATED"),
    "a page with status 200": (
        body(f"<html>{MARK}</html>".encode(), content_type="text/html"),
        Code.INTERNAL,
        "UPSTREAM_PROTOCOL_ERROR",
    ),
    "a page that calls itself an event stream": (
        body(f"<html>\n<p>{MARK}\n</html>\n".encode()),
        Code.INTERNAL,
        "UPSTREAM_PROTOCOL_ERROR",
    ),
    "a whole answer that is not JSON": (
        body(MARK.encode(), content_type="application/json"),
        Code.INTERNAL,
        "UPSTREAM_PROTOCOL_ERROR",
    ),
    "an error body with status 200": (
        body(json.dumps({"error": {"message": MARK, "code": 503}}).encode(), content_type="application/json"),
        Code.UNAVAILABLE,
        "UPSTREAM_OVERLOADED",
    ),
    "a compressed body that explodes": (
        body(gzip.compress(bytes(50_000_000)), more="Content-Encoding: gzip\r\n"),
        Code.INTERNAL,
        "UPSTREAM_PROTOCOL_ERROR",
    ),
    "a redirect": (
        body(b"", status="307 Temporary Redirect", more=f"Location: http://127.0.0.1:9/{MARK}\r\n"),
        Code.INTERNAL,
        "UPSTREAM_PROTOCOL_ERROR",
    ),
    "a status line of its own": (body(b"", status=f"500 {MARK}"), Code.UNAVAILABLE, "UPSTREAM_SERVER_ERROR"),
}


@pytest.mark.parametrize("case", RAW)
async def test_bytes_that_no_library_would_send(case: str) -> None:
    answer, code, reason = RAW[case]
    async with Net().serve(answer) as raw, gateway(f"http://127.0.0.1:{raw.port}/v1") as stage:
        failure = await stage.failure(request())
        assert (failure.error.code, failure.error.reason) == (code, reason)
        assert_discreet(failure)
        assert f"authorization: bearer {KEY}" in raw.calls[0].head.lower()


async def test_an_endless_line_is_given_up_early() -> None:
    accepted = 0

    async def endless(call: Call) -> None:
        nonlocal accepted
        await call.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + EVENT + b"data: ")
        block = b"x" * 65_536
        while accepted < 1_000_000_000:
            await call.send(block)
            accepted += len(block)

    async with Net().serve(endless) as raw, gateway(f"http://127.0.0.1:{raw.port}/v1") as stage:
        failure = await stage.failure(request())
        assert failure.error.reason == "UPSTREAM_PROTOCOL_ERROR"
        assert failure.output == "8"
    # 8 MiB of a line are held, the rest is in the buffers of two sockets: not the 40 MB that others send in a line.
    assert accepted < 24_000_000
