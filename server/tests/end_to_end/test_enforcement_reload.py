"""A bound that the gateway keeps while its configuration is replaced: both halves are of the one that it began with."""

import asyncio
import json
import signal
from pathlib import Path

from end_to_end.processes import command
from end_to_end.stage import request
from triphase.gateway.v1 import Reasoning
from triphase_client import Client
from upstream.raw_server import Call, Net

RELOADED = r"configuration reloaded (.*)"
ANSWER = {"choices": [{"index": 0, "text": "Four.", "finish_reason": "stop"}]}


class Engine:
    """Thinks one word, and more once the gate is open; goes on with an answer where it is asked to."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.paths: list[str] = []
        self.keys: list[str] = []

    async def answer(self, call: Call) -> None:
        self.paths.append(call.head.split()[1])
        self.keys.append(call.head.partition("Bearer ")[2].partition("\r\n")[0])
        await call.begin()
        if "/chat/" not in self.paths[-1]:
            await call.chunk(_event(ANSWER) + b"data: [DONE]\n\n")
            await call.end()
            return
        await call.chunk(_event({"choices": [{"index": 0, "delta": {"reasoning": "zero "}}]}))
        await self.gate.wait()
        await call.chunk(_event({"choices": [{"index": 0, "delta": {"reasoning": "one " * 400}}]}))
        await call.peer_closed()


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def configured(url: str, *, name: str, key: str) -> str:
    return (
        f'listen = "127.0.0.1:0"\nmetrics_listen = ""\n[upstreams.{name}]\nbase_url = "{url}"\napi_key_file = "{key}"\n'
        f'[deployments.{name}]\nupstream = "{name}"\nmodel = "m"\n[deployments.{name}.effort]\nsupported = []\n'
        f'[deployments.{name}.enforcement]\ntemplate = "{name}.jinja"\ncontrol_tokens = ["<|user|>"]\n'
        f'[routes.{name}]\ndeployments = ["{name}"]\n'
    )


async def test_an_answer_that_is_cut_goes_on_through_a_reload_that_removes_all_it_rests_on(tmp_path: Path) -> None:
    path, engine = tmp_path / "gateway.toml", Engine()
    for name in ("m", "other"):
        (tmp_path / f"{name}.jinja").write_text(f"{{{{ messages[0].content }}}} {name}:")
        (tmp_path / f"{name}.key").write_text(f"key-of-{name}")
    async with Net().serve(engine.answer) as raw:
        url = f"http://127.0.0.1:{raw.port}/v1"
        path.write_text(configured(url, name="m", key="m.key"))
        async with command("serve", "--config", str(path)) as process:
            output = ""
            async with Client(await process.address(), retry=None) as client:
                async for event in client.stream(request(reasoning=Reasoning(max_tokens=300, include_raw=True))):
                    output += event.output_delta.text
                    if event.HasField("reasoning_delta") and not engine.gate.is_set():
                        path.write_text(configured(url, name="other", key="other.key"))
                        process.handle.send_signal(signal.SIGHUP)
                        assert "routes_removed=m" in (await process.line(RELOADED))[1]
                        engine.gate.set()
            process.handle.terminate()
            assert await process.ended() == 0
        prompt = json.loads(raw.calls[1].body)["prompt"]
    assert (output, event.completed.reasoning.stopped) == ("Four.", True)
    assert engine.paths == ["/v1/chat/completions", "/v1/completions"]
    assert engine.keys == ["key-of-m"] * 2
    assert prompt.startswith("What is 47 + 38? m:<think>\nzero one ")
    assert prompt.endswith("\n</think>\n\n")
