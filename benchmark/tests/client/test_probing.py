"""What a probe finds out, and that it never raises for what an engine does."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from client_fakes.events import STARTED, WHOLE
from client_fakes.scripted import (
    DONE,
    HANG,
    RESET,
    ScriptedServer,
    Step,
    chunk,
    counted,
    framed,
    json_answer,
    usage_chunk,
)
from triphase_benchmark.client.exchange import Limits
from triphase_benchmark.client.probing import probe
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.engines.probe import Probe
from triphase_benchmark.engines.profiles import PROFILES
from triphase_client.testing import FakeGateway

LIMITS = Limits(timeout_s=5.0, connect_s=2.0)
MODELS = json_answer({"data": [{"id": "m"}, {"id": "other"}]})
VERSION = json_answer({"version": "0.11.2"})
STREAM = framed(
    chunk("", role="assistant"), *[chunk("one two three ")] * 4, chunk(finish="length"), usage_chunk(12), DONE
)
WHOLE_ANSWER = json_answer(
    {
        "choices": [{"message": {"content": "one two"}, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 12},
    }
)


async def probed(
    *,
    models: Sequence[Step] = MODELS,
    stream: Sequence[Step] = STREAM,
    whole: Sequence[Sequence[Step]] = (WHOLE_ANSWER,) * 2,
    **engine: Any,
) -> Probe:
    told = [VERSION] if engine.get("profile", "vllm") == "vllm" else []
    async with ScriptedServer(*[models] * 6, *told, stream, *whole) as server:
        known = {"name": "e", "url": server.url, "profile": "vllm", **engine}
        return await probe(Engine(**known), limits=LIMITS)


def codes(found: Probe) -> list[str]:
    return [f"{one.severity.value} {one.code}" for one in found.findings]


async def test_a_good_engine_has_no_findings() -> None:
    found = await probed()
    assert codes(found) == []
    assert found.can_run
    assert (found.model, found.models, found.version) == ("m", ("m", "other"), "0.11.2")
    assert found.stream is not None
    assert (found.stream.role_first, found.stream.usage, found.stream.tokens_per_chunk) == (True, "at the end", 3.0)
    assert (found.stream.output_tokens, found.stream.end_mark, found.seed_honoured) == (12, True, True)
    assert found.round_trip_s is not None
    assert found.round_trip_s > 0
    told = found.as_json()
    assert told["findings"] == []
    assert "text" not in str(told["stream"])


async def test_usage_in_every_chunk_tells_tokens_of_chunks() -> None:
    chunks = [chunk("t", usage={"prompt_tokens": 1, "completion_tokens": n}) for n in range(1, 13)]
    found = await probed(stream=framed(*chunks, DONE))
    assert found.stream is not None
    assert (found.stream.usage, found.stream.tokens_per_chunk, codes(found)) == ("in every chunk", 1.0, [])


# Where each engine tells its version, and what it says there: its newest way, and ways of older ones.
VERSIONS: dict[str, list[tuple[str, dict[str, object]]]] = {
    "generic": [],
    "openai": [],
    "vllm": [("/version", {"version": "0.11.2"})],
    "friendli-container": [],
    "friendli-dedicated": [],
    "friendli-serverless": [],
    "sglang": [
        ("/server_info", {"version": "0.5.3", "model_path": "m"}),
        ("/get_server_info", {"version": "0.4.9", "model_path": "m"}),
    ],
    "llama.cpp": [("/props", {"build_info": "b6124-2d1ab7c", "total_slots": 4})],
}


@pytest.mark.parametrize(
    ("profile", "newer"), [(name, newer) for name in PROFILES for newer in range(max(len(VERSIONS[name]), 1))]
)
async def test_the_version_is_asked_for_where_the_engine_tells_it(profile: str, newer: int) -> None:
    missing = json_answer({"detail": "Not Found"}, b"404 Not Found")
    ways = VERSIONS[profile][: newer + 1]
    told = [*[missing] * newer, json_answer(ways[-1][1])] if ways else []
    async with ScriptedServer(*[MODELS] * 6, *told, STREAM, WHOLE_ANSWER) as server:
        found = await probe(Engine(name="e", url=f"{server.url}/v1", profile=profile), limits=LIMITS)
        asked = [request.split()[1].decode() for request in server.requests if request.startswith(b"GET")]
    assert asked[6:] == [path for path, _ in ways]
    assert found.version == (next(iter(ways[-1][1].values())) if ways else None)
    assert found.stream is not None


REFUSAL = json_answer({"error": {"message": "The model `mm` does not exist"}}, b"404 Not Found")


@pytest.mark.parametrize(
    ("more", "expected", "words"),
    [
        (
            {"model": "mm", "stream": REFUSAL, "whole": [REFUSAL]},
            "error unknown-model",
            "did you mean m? it has m, other",
        ),
        ({"model": "adapter"}, "warning unlisted-model", "it answers all the same"),
        ({"models": json_answer({"detail": "Not Found"}, b"404 Not Found")}, "error no-model", "lists no models"),
        ({"models": json_answer({"data": []})}, "error no-model", "name one"),
        ({"stream": counted(b"<html>", kind=b"Content-Type: text/html\r\n")}, "error html", "the address of its API?"),
        ({"stream": WHOLE_ANSWER}, "error no-streaming", "answers whole, but not as a stream"),
        ({"stream": [RESET], "whole": [[RESET]]}, "error no-answer", "reset"),
        ({"stream": framed(chunk("one"), chunk(finish="stop"), DONE)}, "warning no-usage", "tokens are unknown"),
        (
            {"stream": framed(chunk("one"), usage_chunk(12), chunk(finish="stop"))},
            "warning no-end-mark",
            "without [DONE]",
        ),
        ({"stream": framed(chunk("one"), usage_chunk(5), DONE)}, "error length", "gave 5 tokens where 12"),
        (
            {"stream": framed(chunk("one"), usage_chunk(5), DONE), "profile": "openai"},
            "warning free-length",
            "only limit it",
        ),
        (
            {"whole": [WHOLE_ANSWER, json_answer({"choices": [{"message": {"content": "two"}}]})]},
            "warning seed",
            "one seed",
        ),
    ],
)
async def test_what_is_wrong_is_told_in_a_line(more: dict[str, Any], expected: str, words: str) -> None:
    found = await probed(**more)
    [finding] = [one for one in found.findings if f"{one.severity.value} {one.code}" == expected]
    assert words in finding.message
    assert "\n" not in finding.message
    assert found.can_run is not any(code.startswith("error") for code in codes(found))


async def test_an_engine_that_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = await probe(Engine(name="e", url=f"http://127.0.0.1:{port}"), limits=LIMITS)
    assert (codes(found), found.stream, found.waited_s) == (["error down"], None, None)
    assert f"no connection to 127.0.0.1:{port}" in found.findings[0].message


async def test_an_engine_that_is_slow_to_start_is_waited_for() -> None:
    loading = json_answer({"error": {"message": "Loading model"}}, b"503 Service Unavailable")
    async with ScriptedServer(loading, *[MODELS] * 6, STREAM, WHOLE_ANSWER) as server:
        found = await probe(Engine(name="e", url=server.url), wait_s=30, limits=LIMITS)
    assert found.can_run
    assert found.waited_s is not None
    async with ScriptedServer(loading) as server:
        found = await probe(Engine(name="e", url=server.url), wait_s=0.1, limits=LIMITS)
    assert codes(found) == ["error down"]
    assert "status 503: Loading model (waited 0." in found.down


async def test_an_engine_that_says_nothing() -> None:
    async with ScriptedServer([HANG]) as server:
        found = await probe(Engine(name="e", url=server.url), limits=replace(LIMITS, timeout_s=0.2))
    assert "not whole after 0.2 s" in found.down


async def test_a_gateway() -> None:
    async with FakeGateway() as gateway:
        gateway.script(WHOLE)
        found = await probe(Engine(name="g", url=f"grpc://{gateway.target}"), limits=LIMITS)
    assert (found.models, found.model, found.version) == (("reference",), "reference", None)
    assert found.stream is not None
    assert (found.stream.thoughts, found.stream.token_chunks, found.stream.output_tokens) == (True, 3, 3)
    assert codes(found) == ["error length"]
    async with FakeGateway() as gateway:
        gateway.script([STARTED])
        found = await probe(Engine(name="g", url=f"grpc://{gateway.target}", model="nothing"), limits=LIMITS)
    assert codes(found) == ["error unknown-model", "error no-answer"]


async def test_a_gateway_that_is_down() -> None:
    async with asyncio.timeout(20):
        found = await probe(Engine(name="g", url="grpc://127.0.0.1:9"), limits=LIMITS)
    assert codes(found) == ["error down"]
    assert "UNAVAILABLE" in found.down
