"""HTTP as it is on a socket: framings, limits, and how each way of breaking is named."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from client_fakes.scripted import (
    CLOSE,
    DONE,
    HANG,
    RESET,
    STREAM,
    ScriptedServer,
    Step,
    ask,
    chunk,
    closed,
    counted,
    framed,
    json_answer,
)
from triphase_benchmark.client.exchange import Exchange, Limits, Question
from triphase_benchmark.client.http_target import HttpTarget, KeyMissing
from triphase_benchmark.engines.engine import Engine

LIMITS = Limits(timeout_s=20.0, connect_s=5.0, head_bytes=4096, body_bytes=50_000)
QUESTION = Question(turns=(("user", "Hello?"),))
TLS = Path(__file__).parents[3] / "clients/python/tests/tls"


async def answered(script: Sequence[Step], limits: Limits = LIMITS) -> tuple[str | None, str, Exchange]:
    """Asks a server that plays a script; returns kind and detail of the failure."""
    async with ScriptedServer(script) as server:
        target = HttpTarget(server.engine, model="m", limits=limits)
        try:
            exchange = await ask(target)
        finally:
            await target.close()
    failure = target.read(exchange, asked_tokens=None).failure
    return (failure[0].value, failure[1], exchange) if failure else (None, "", exchange)


@pytest.mark.parametrize(
    "script",
    [framed(STREAM), framed(*[STREAM[n : n + 1] for n in range(len(STREAM))]), counted(STREAM), closed(STREAM)],
    ids=["chunked", "byte by byte", "counted", "to the end of the connection"],
)
async def test_a_body_is_whole_however_it_is_framed(script: Sequence[Step]) -> None:
    kind, _, exchange = await answered(script)
    assert kind is None
    assert b"".join(data for _, data in exchange.reads) == STREAM
    assert 0 < exchange.sent < exchange.responded <= exchange.ended
    assert exchange.status == 200


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
FIRST = b"%x\r\n%b\r\n" % (len(chunk("a")), chunk("a"))
ALL = b"%x\r\n%b\r\n" % (len(STREAM), STREAM)


@pytest.mark.parametrize(
    ("script", "kind", "detail"),
    [
        ([RESET], "reset", "before an answer"),
        ([CLOSE], "reset", "was closed before an answer"),
        ([HEAD, FIRST, RESET], "reset", "broke"),
        ([HEAD, FIRST, CLOSE], "reset", "was closed amid the answer"),
        ([HEAD, ALL, RESET], None, ""),  # all was said: the end mark had come
        (framed(chunk("a")), "truncated", ""),
        (closed(chunk("a")), "truncated", ""),
        (framed(DONE), "empty", ""),
        ([b"hello\r\n\r\n"], "protocol", "not HTTP"),
        ([HEAD + b"xyz\r\n"], "protocol", "not HTTP"),
        ([b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 5000, HANG], "protocol", "head of more than 4096 bytes"),
        (counted(b": " + b"x" * 60_000), "protocol", "body of more than 50000 bytes"),
        (counted(b"<html>Sign in</html>", kind=b"Content-Type: text/html\r\n"), "protocol", "HTML"),
        (counted(b"<!doctype html>", kind=b""), "protocol", "HTML"),
        (framed(STREAM, kind=b"Content-Encoding: gzip\r\n"), "protocol", "encoded as gzip"),
        ([b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"], "protocol", "not HTTP"),
        (json_answer({"choices": [{"message": {"content": "Hi"}}]}), "protocol", "answered whole"),
        (json_answer({"error": {"message": "boom"}}), "in_band", "boom"),
        (json_answer({"error": {"message": "no\nmodel"}}, b"404 Not Found"), "status", "status 404: no model"),
        (counted(b"", status=b"503 Service Unavailable"), "status", "status 503: no body"),
        (counted(STREAM, status=b"500 Oops"), "status", "status 500"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], "truncated", ""),
    ],
)
async def test_each_way_of_failing_has_its_kind(script: Sequence[Step], kind: str | None, detail: str) -> None:
    found, told, exchange = await answered(script)
    assert found == kind
    assert detail in told
    assert exchange.ended >= exchange.sent > 0


@pytest.mark.parametrize("script", [[HANG], [HEAD, HANG], [HEAD, FIRST, HANG]])
async def test_what_is_not_whole_in_time_is_given_up(script: Sequence[Step]) -> None:
    kind, detail, _ = await answered(script, replace(LIMITS, timeout_s=0.2))
    assert (kind, detail) == ("timeout", "not whole after 0.2 s")


async def test_interim_answers_are_none() -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    kind, _, exchange = await answered([b"HTTP/1.1 100 Continue\r\n\r\n", interim, *counted(STREAM)])
    assert (kind, exchange.status) == (None, 200)


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    target = HttpTarget(Engine(name="gone", url=f"http://127.0.0.1:{port}"), model="m", limits=LIMITS)
    exchange = await ask(target)
    await target.close()
    failure = target.read(exchange, asked_tokens=None).failure
    assert failure is not None
    assert failure[0].value == "connect"
    assert f"127.0.0.1:{port}" in failure[1]
    assert exchange.sent == 0


async def test_a_connection_serves_one_request_after_another() -> None:
    async with ScriptedServer(framed(STREAM)) as server:
        target = HttpTarget(server.engine, model="m", limits=LIMITS)
        for _ in range(5):
            assert target.read(await ask(target), asked_tokens=2).failure is None
        await target.close()
        assert server.connections == 1
        assert len(server.requests) == 5


@pytest.mark.parametrize("script", [closed(STREAM), [*counted(STREAM), CLOSE], [HEAD, FIRST, RESET]])
async def test_a_connection_that_ended_is_not_used_again(script: Sequence[Step]) -> None:
    async with ScriptedServer(script, framed(STREAM)) as server:
        target = HttpTarget(server.engine, model="m", limits=LIMITS)
        await ask(target)
        for _ in range(3):  # the loop hears of the close
            await asyncio.sleep(0.01)
        assert target.read(await ask(target), asked_tokens=None).failure is None
        await target.close()
        assert server.connections == 2


async def test_connections_that_were_opened_beforehand_are_used() -> None:
    async with ScriptedServer(framed(STREAM)) as server:
        target = HttpTarget(server.engine, model="m", limits=LIMITS)
        await target.open(3)
        await asyncio.gather(*(ask(target) for _ in range(3)))
        await target.close()
        assert server.connections == 3


async def test_spare_connections_are_kept_where_nobody_knows_how_many_are_needed() -> None:
    async with ScriptedServer([HANG]) as server:
        target = HttpTarget(server.engine, model="m", limits=LIMITS)
        await target.open(None)
        assert server.connections == 8
        drop = target.send(target.prepare(QUESTION), Exchange(lambda _: None))
        while server.connections < 9:  # noqa: ASYNC110 - of a test that waits for little else
            await asyncio.sleep(0.001)
        drop()
        await target.close()


async def test_what_is_dropped_ends_at_once() -> None:
    async with ScriptedServer([HEAD, HANG]) as server:
        target = HttpTarget(server.engine, model="m", limits=LIMITS)
        ended: list[Exchange] = []
        exchanges = [Exchange(ended.append) for _ in range(2)]
        await target.open(1)
        drops = [target.send(target.prepare(QUESTION), exchange) for exchange in exchanges]
        for drop in drops:  # one has a connection, the other waits for its own
            drop()
            drop()
        assert ended == exchanges
        assert [exchange.failure and exchange.failure[0].value for exchange in ended] == ["dropped", "dropped"]
        await target.close()


async def test_the_request_is_what_engines_expect() -> None:
    async with ScriptedServer(framed(STREAM)) as server:
        engine = replace(server.engine, profile="vllm", headers={"X-Team": "a"}, url=server.url + "/v1/")
        target = HttpTarget(engine, model="m", limits=LIMITS)
        await ask(target, Question(turns=(("system", "Be brief."), ("user", "Hé?")), output_tokens=7, cache_salt="s"))
        await target.close()
        [head], [body] = server.requests, server.bodies
    assert head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}\r\n".encode() in head
    assert b"X-Team: a\r\n" in head
    assert b"Authorization" not in head
    assert body == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hé?"}],
        "max_tokens": 7,
        "min_tokens": 7,
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        "cache_salt": "s",
    }


async def test_a_key_comes_from_its_variable_and_goes_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-" + "secret" * 50
    refusal = {"error": {"message": f"the key {key} is not known"}}
    async with ScriptedServer(json_answer(refusal, b"401 Unauthorized")) as server:
        engine = replace(server.engine, key_variable="BENCHMARK_KEY")
        monkeypatch.delenv("BENCHMARK_KEY", raising=False)
        with pytest.raises(KeyMissing, match="BENCHMARK_KEY is not set"):
            HttpTarget(engine, model="m", limits=LIMITS)
        monkeypatch.setenv("BENCHMARK_KEY", key)
        target = HttpTarget(engine, model="m", limits=LIMITS)
        exchange = await ask(target)
        await target.close()
        assert f"Authorization: Bearer {key}\r\n".encode() in server.requests[0]
    failure = target.read(exchange, asked_tokens=None).failure
    assert failure is not None
    assert failure[1] == "status 401: the key [key] is not known"


async def test_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
    async with ScriptedServer(framed(STREAM), tls=context) as server:
        target = HttpTarget(server.engine, model="m", limits=LIMITS)
        failure = target.read(await ask(target), asked_tokens=None).failure
        await target.close()
        assert failure is not None  # nobody vouches for the certificate
        assert failure[0].value == "connect"
        assert "certificate verify failed" in failure[1]
        monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "certificate.pem"))
        target = HttpTarget(server.engine, model="m", limits=LIMITS)
        assert target.read(await ask(target), asked_tokens=2).failure is None
        await target.close()
