"""Bad requests get an error in the shape of the OpenAI API, and never a traceback."""

import asyncio
import logging
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest
from aiohttp import web
from triphase_model.engine.ports import Call
from triphase_model.engine.server import Running, serve

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]


async def error_of(http: aiohttp.ClientSession, body: bytes, path: str = CHAT) -> tuple[int, str, str | None]:
    async with http.post(path, data=body) as response:
        assert response.content_type == "application/json"
        error = msgspec.json.decode(await response.read(), type=dict[str, dict[str, object]])["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == response.status
    return response.status, str(error["message"]), msgspec.convert(error["param"], str | None)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "", "content": "x"}]}, "messages[0].role"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"top_k": -2}, "top_k"),
        ({"min_p": 2}, "min_p"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"frequency_penalty": -3}, "frequency_penalty"),
        ({"repetition_penalty": 0}, "repetition_penalty"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1025}, "max_tokens"),
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"stop": ""}, "stop"),
        ({"stop": ["a"] * 17}, "stop"),
        ({"stop": [""]}, "stop[0]"),
        ({"reasoning_effort": "banana"}, "reasoning_effort"),
        ({"logit_bias": {"2": 101}}, "logit_bias[...]"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
        ({"model": 3}, "model"),
    ],
)
async def test_a_wrong_member_is_named(http: aiohttp.ClientSession, members: dict[str, object], param: str) -> None:
    body = {"model": "triphase-reference", "messages": HELLO, **members}
    status, _, named = await error_of(http, msgspec.json.encode(body))
    assert (status, named) == (400, param)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"model": "\xff"}', b"[" * 100_000, b'{"messages": []}'])
@pytest.mark.parametrize("path", [CHAT, "/v1/completions"])
async def test_a_body_that_is_no_request(http: aiohttp.ClientSession, path: str, body: bytes) -> None:
    status, message, _ = await error_of(http, body, path)
    assert status == 400
    assert "Traceback" not in message


@pytest.mark.parametrize("model", ["triphase-reference", "triphase-simulated"])
@pytest.mark.parametrize("rest", [b'"messages": [{"role": "user", "content": "\xff"}]', b'"stream": 3'])
async def test_a_known_model_with_a_body_that_is_none(http: aiohttp.ClientSession, model: str, rest: bytes) -> None:
    if model == "triphase-simulated":  # it does not read messages
        rest = rest.replace(b"messages", b"simulate")
    status, _, _ = await error_of(http, b'{"model": "%s", %s}' % (model.encode(), rest))
    assert status == 400


async def test_an_unknown_model_is_told_the_known_ones(http: aiohttp.ClientSession) -> None:
    status, message, param = await error_of(http, b'{"model": "nope", "messages": []}')
    assert (status, param) == (404, "model")
    assert message == "The model `nope` does not exist. Valid names: triphase-reference, triphase-simulated."


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nope", 404), ("GET", CHAT, 405)])
async def test_an_unknown_path_or_method(http: aiohttp.ClientSession, method: str, path: str, status: int) -> None:
    async with http.request(method, path) as response:
        body = msgspec.json.decode(await response.read(), type=dict[str, dict[str, object]])
    assert response.status == body["error"]["code"] == status


async def test_a_body_over_the_limit(http: aiohttp.ClientSession) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(33):
            yield b"x" * (1 << 20)

    async with http.post(CHAT, data=body()) as response:
        error = msgspec.json.decode(await response.read(), type=dict[str, dict[str, object]])["error"]
    assert response.status == error["code"] == 413


async def test_a_prompt_over_the_context(http: aiohttp.ClientSession) -> None:
    said = [{"role": "user", "content": "1 + " * 1000}]
    body = msgspec.json.encode({"model": "triphase-reference", "messages": said, "stream": True})
    status, message, _ = await error_of(http, body)
    assert status == 400
    assert "1024 tokens" in message


class Broken:
    """A model that fails before or after the head of its answer."""

    name, context_length = "broken", 1

    def __init__(self, *, after_head: bool) -> None:
        self._after_head = after_head

    def routes(self) -> tuple[web.RouteDef, ...]:
        return ()

    async def answer(self, call: Call) -> web.StreamResponse:
        if self._after_head:
            response = web.StreamResponse()
            await response.prepare(call.http)
            await response.write(b"data: half")
        raise ZeroDivisionError("secret")


async def test_a_defect_before_the_head_is_a_500_without_details(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        serve(models=[Broken(after_head=False)]) as running,
        aiohttp.ClientSession(running.url) as http,
    ):
        status, message, _ = await error_of(http, b'{"model": "broken"}')
    assert (status, message) == (500, "the engine failed")
    assert [r.levelno for r in caplog.records if r.name == "triphase_model.engine.server"] == [logging.ERROR]


async def test_a_defect_in_the_middle_breaks_the_connection() -> None:
    async with (
        serve(models=[Broken(after_head=True)]) as running,
        aiohttp.ClientSession(running.url) as http,
        http.post(CHAT, data=b'{"model": "broken"}') as response,
    ):
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


class Abandoned(Broken):
    """A model whose client has gone before the head of its answer."""

    async def answer(self, call: Call) -> web.StreamResponse:
        assert call.http.transport is not None
        call.http.transport.close()
        response = web.StreamResponse()
        await response.prepare(call.http)
        raise AssertionError("it was written to nobody")


async def test_a_client_that_has_gone_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        serve(models=[Abandoned(after_head=False)]) as running,
        aiohttp.ClientSession(running.url) as http,
    ):
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await http.post(CHAT, data=b'{"model": "broken"}')
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_requests_that_are_not_http(running: Running) -> None:
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(running.host, running.port)
        writer.write(b"\x16\x03\x01nonsense\r\n\r\n")
        assert (await reader.read(12)).startswith(b"HTTP/1.0 400")
        writer.close()
        await writer.wait_closed()
