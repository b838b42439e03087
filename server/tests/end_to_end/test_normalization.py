"""Normalization by a configuration file, on real sockets: what the engine gets, who gets it, and what the log says."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from end_to_end.stage import GUARD_S
from triphase.gateway.v1 import StreamGenerateRequest
from triphase_client import Client, TriphaseError
from triphase_server.app.gateway import running
from triphase_server.config import load
from upstream.raw_server import Call, Net, RawServer

ANSWER = (
    b'data: {"choices":[{"index":0,"delta":{"content":"85"}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
STRICT = """
[deployments.strict.messages]
developer = "system"
parts = "text"
null_content = "empty"
tool_arguments = "object"
system = "merge"
alternation = "merge"
"""
PICTURE = {"image": {"url": "https://h/i.png"}}
CONVERSATION: list[dict[str, Any]] = [
    {"role": "ROLE_DEVELOPER", "content": [{"text": "Be brief."}]},
    {"role": "ROLE_USER", "content": [{"text": "How warm is it"}, {"text": "in Rome?"}]},
    {"role": "ROLE_ASSISTANT", "tool_calls": [{"id": "c1", "name": "look", "arguments": '{"town": "Rome", "n": 1.0}'}]},
    {"role": "ROLE_TOOL", "tool_call_id": "c1", "content": [{"text": "31"}]},
    {"role": "ROLE_SYSTEM", "content": [{"text": "Degrees are Celsius."}]},
    {"role": "ROLE_USER", "content": [{"text": "Well?"}]},
    {"role": "ROLE_USER", "content": [{"text": "And tomorrow?"}]},
]


async def answers(call: Call) -> None:
    await call.begin()
    await call.chunk(ANSWER)
    await call.end()


@asynccontextmanager
async def serving(folder: Path, *, rules: str, seeing: bool = False) -> AsyncIterator[tuple[Client, RawServer]]:
    """Starts a gateway whose route `m` has the deployment `strict` and, if `seeing`, `sees` behind it."""
    async with asyncio.timeout(GUARD_S), Net().serve(answers) as engine:
        behind = ', { name = "sees", priority = 1 }' if seeing else ""
        path = folder / "gateway.toml"
        path.write_text(
            'listen = "127.0.0.1:0"\nmetrics_listen = ""\n'
            f'[upstreams.engine]\nbase_url = "http://127.0.0.1:{engine.port}/v1"\n'
            '[deployments.strict]\nupstream = "engine"\nmodel = "strict"\n'
            '[deployments.sees]\nupstream = "engine"\nmodel = "sees"\n'
            f'[routes.m]\ndeployments = ["strict"{behind}]\n{rules}',
            encoding="utf-8",
        )
        async with running(load(path, environ={})) as gateway, Client(gateway.address, retry=None) as client:
            yield client, engine


async def ask(client: Client, messages: list[dict[str, Any]]) -> None:
    request: Any = {"model": "m", "messages": messages}
    async for _ in client.stream(StreamGenerateRequest(**request)):
        pass


async def test_the_engine_gets_what_its_template_can_take(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="triphase.requests"):
        async with serving(tmp_path, rules=STRICT) as (client, engine):
            await ask(client, CONVERSATION)
    assert json.loads(engine.calls[0].body)["messages"] == [
        {"role": "system", "content": "Be brief.\n\nDegrees are Celsius."},
        {"role": "user", "content": "How warm is it\nin Rome?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "look", "arguments": {"town": "Rome", "n": 1.0}},
                }
            ],
        },
        {"role": "tool", "content": "31", "tool_call_id": "c1"},
        {"role": "user", "content": "Well?\n\nAnd tomorrow?"},
    ]
    (line,) = [record.__dict__["fields"] for record in caplog.records if record.name == "triphase.requests"]
    assert line["normalized"] == "parts,developer,system,alternation,null_content,tool_arguments"
    assert "Rome" not in str(line)


async def test_without_rules_the_engine_gets_what_the_caller_wrote(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="triphase.requests"):
        async with serving(tmp_path, rules="") as (client, engine):
            await ask(client, CONVERSATION)
    sent = json.loads(engine.calls[0].body)["messages"]
    assert [turn["role"] for turn in sent] == ["developer", "user", "assistant", "tool", "system", "user", "user"]
    assert sent[1]["content"] == [{"type": "text", "text": "How warm is it"}, {"type": "text", "text": "in Rome?"}]
    assert sent[2]["content"] is None
    assert sent[2]["tool_calls"][0]["function"]["arguments"] == '{"town": "Rome", "n": 1.0}'
    (line,) = [record.__dict__["fields"] for record in caplog.records if record.name == "triphase.requests"]
    assert "normalized" not in line


async def test_a_picture_goes_to_the_deployment_that_takes_it(tmp_path: Path) -> None:
    async with serving(tmp_path, rules=STRICT, seeing=True) as (client, engine):
        await ask(client, [{"role": "ROLE_USER", "content": [{"text": "See"}, PICTURE]}])
    (call,) = engine.calls
    body = json.loads(call.body)
    assert body["model"] == "sees"
    assert body["messages"][0]["content"][1] == {"type": "image_url", "image_url": {"url": "https://h/i.png"}}


async def test_a_picture_that_no_deployment_takes_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    async with serving(tmp_path, rules=STRICT) as (client, engine):
        with pytest.raises(TriphaseError) as refused:
            await ask(client, [{"role": "ROLE_USER", "content": [{"text": "See"}, PICTURE]}])
    assert refused.value.reason == "CALLER_INVALID_REQUEST"
    assert "messages[0].content[1].image" in str(refused.value)
    assert engine.calls == []


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ('system = "drop"', "expected one of keep, merge, user"),
        ("parts = true", "expected keep or text"),
        ('developers = "system"', 'did you mean "developer"?'),
    ],
)
def test_a_wrong_rule_is_told_with_what_was_expected(tmp_path: Path, key: str, words: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(
        '[upstreams.e]\nbase_url = "http://127.0.0.1:1/v1"\n[deployments.d]\nupstream = "e"\nmodel = "m"\n'
        f'[deployments.d.messages]\n{key}\n[routes.m]\ndeployments = ["d"]\n',
        encoding="utf-8",
    )
    with pytest.raises(Exception, match=r"deployments\.d\.messages") as refused:
        load(path, environ={})
    assert words in str(refused.value)
