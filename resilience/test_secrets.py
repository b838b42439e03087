"""A full run of everything that can be said wrong, and then no word of it in any log, metric or error.

The upstream answers every request with all that it got, the operator's key among it, in each way there is to fail. What
is searched for is searched as it is, and as it would look encoded.
"""

import asyncio
import base64
import json
import urllib.parse
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

import pytest
from end_to_end.stage import Failure, Stage
from end_to_end.stage import request as plain_request
from triphase.gateway.v1 import StreamGenerateRequest, Tool
from upstream.raw_server import Call, Net

from resilience.gateways import ACCOUNT, KEY, GatewayProcess, beside
from resilience.replies import request

PROMPT, THOUGHT, OUTPUT, NAME = "geheimfrage", "geheimgedanke", "geheimantwort", "geheimname"
SECRETS = (KEY, ACCOUNT, PROMPT, THOUGHT, OUTPUT, NAME)
GUARD_S = 90.0  # only against hanging: no test waits for it
Answer = Callable[[Call], Awaitable[None]]


def everything(call: Call) -> str:
    """All that the upstream got, and what it made of it."""
    return f"{call.head} {call.body.decode()} {THOUGHT} {OUTPUT}"


def event(**payload: object) -> bytes:
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def delta(**texts: str) -> bytes:
    return event(choices=[{"index": 0, "delta": texts, "finish_reason": None}])


BEGUN = delta(reasoning=THOUGHT) + delta(content=OUTPUT)
END = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]) + b"data: [DONE]\n\n"


def status(number: int, *, headers: str = "") -> Answer:
    async def answer(call: Call) -> None:
        words = everything(call)
        body = json.dumps({"error": {"message": words, "type": words, "code": words, "param": words}}).encode()
        echoed = f"X-Echo: {KEY} {PROMPT}\r\nContent-Type: application/json\r\n{headers}"
        await call.whole(body, status=f"{number} {KEY} {PROMPT}", headers=echoed)

    return answer


def stream(make: Callable[[Call], bytes], *, content_type: str = "text/event-stream") -> Answer:
    async def answer(call: Call) -> None:
        await call.whole(make(call), headers=f"Content-Type: {content_type}\r\n")

    return answer


async def no_http(call: Call) -> None:
    await call.send(everything(call).encode())
    call.writer.close()


async def broken_framing(call: Call) -> None:
    await call.begin()
    await call.chunk(BEGUN)
    await call.send(everything(call).encode())
    call.writer.close()


async def reset(call: Call) -> None:
    await call.begin()
    await call.chunk(BEGUN)
    call.reset()


async def stall(call: Call) -> None:
    await call.begin()
    await call.chunk(BEGUN)
    await call.peer_closed()


# What the upstream does when this route is asked for; all but `whole` and `stalls` are errors.
WAYS: Mapping[str, Answer] = {
    **{f"s{number}": status(number) for number in (400, 401, 403, 404, 413, 422, 429, 500, 503)},
    "redirects": status(307, headers=f"Location: http://127.0.0.1:9/{KEY}/{PROMPT}\r\n"),
    "asks_to_wait": status(429, headers=f"Retry-After: {PROMPT} {KEY}\r\n"),
    "error_event": stream(lambda call: BEGUN + event(error={"message": everything(call), "code": everything(call)})),
    "no_json": stream(lambda call: BEGUN + b"data: {" + everything(call).encode().replace(b"\r\n", b" ") + b"\n\n"),
    "no_choices": stream(lambda call: event(object=everything(call), choices=everything(call))),
    "odd_type": stream(lambda call: everything(call).encode(), content_type=f"text/{PROMPT}"),
    "foreign": stream(lambda call: everything(call).encode()),
    "truncated": stream(lambda _: BEGUN),
    "no_http": no_http,
    "broken_framing": broken_framing,
    "reset": reset,
    "stalls": stall,
    "whole": stream(lambda _: BEGUN + END),
}


def forms(secret: str) -> Iterator[str]:
    """A secret as it is, and as it would look encoded; base64 at each of the three places it can begin."""
    yield from (secret, secret.encode().hex(), urllib.parse.quote(secret), json.dumps(secret)[1:-1])
    for before in range(3):
        encoded = base64.b64encode(b" " * before + secret.encode()).decode()
        yield encoded[4 if before else 0 : -4]


def found(text: str) -> list[str]:
    """The secrets that a text holds, in any form, whatever the case of its letters."""
    folded = text.casefold()
    return [secret for secret in SECRETS if any(form.casefold() in folded for form in forms(secret))]


async def answer(call: Call) -> None:
    model: str = json.loads(call.body)["model"]
    await WAYS[model](call)


async def failures(stage: Stage) -> list[Failure]:
    """Asks for everything that fails, in each way; returns how."""
    asked = [request(name, PROMPT) for name in WAYS if name not in {"whole", "stalls"}]
    bad = plain_request(PROMPT, tools=[Tool(name=f"{PROMPT} {NAME}", parameters_schema=THOUGHT)])
    unknown = StreamGenerateRequest(model=NAME, messages=plain_request(PROMPT).messages)
    failed = [await stage.failure(one) for one in (*asked, unknown, bad)]
    return [*failed, await stage.failure(request("stalls", PROMPT), timeout_s=0.3)]


async def a_full_run(gateway: GatewayProcess) -> tuple[list[Failure], str]:
    """Everything that fails, an answer, a caller that leaves, a stop; returns the errors and the metrics."""
    stage = Stage(gateway.client, gateway.address)
    failed = await failures(stage)
    events = await stage.events(request("whole", PROMPT))
    assert {event.output_delta.text for event in events} == {"", OUTPUT}  # who asks is told
    async for one in (leaving := gateway.client.stream(request("stalls", PROMPT))):
        if one.HasField("output_delta"):
            break
    await leaving.aclose()
    await asyncio.gather(*(gateway.client.models(), gateway.client.health()))
    metrics = await gateway.metrics()
    gateway.process.handle.terminate()
    assert await gateway.process.ended() == 0
    return failed, metrics


@pytest.mark.parametrize("form", [("--log-json",), ()], ids=["json", "text"])
async def test_no_log_metric_or_error_of_a_full_run_holds_a_secret(form: tuple[str, ...], tmp_path: Path) -> None:
    async with Net().serve(answer) as raw:
        base_url, options = f"http://127.0.0.1:{raw.port}/v1", ("--log-level", "debug", *form)
        async with beside(tmp_path, base_url, *options, guard_s=GUARD_S, routes=tuple(WAYS)) as gateway:
            failed, metrics = await a_full_run(gateway)
        received = "".join(call.head + call.body.decode() for call in raw.calls)
    log = "\n".join(gateway.process.log)
    assert {KEY, ACCOUNT, PROMPT} <= set(found(received))  # there was something to be found
    leaks = [(failure.error.reason, held) for failure in failed if (held := found(failure.all_words))]
    assert leaks == [("CALLER_UNKNOWN_MODEL", [NAME])]  # whoever asked for it may hear so, and nobody else
    assert found(metrics) == []
    assert found(log) == []
    assert len({failure.error.reason for failure in failed}) > 10
    assert all(failure.error.reason in log for failure in failed)
    assert all(f'"{name}"' in metrics for name in WAYS)


def test_a_secret_is_found_in_each_form() -> None:
    for form in forms(PROMPT):
        assert found(f"before {form} behind") == [PROMPT]
    assert found(base64.b64encode(f"Bearer {KEY} and more".encode()).decode()) == [KEY]
    assert found("nothing to see") == []
