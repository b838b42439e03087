"""A simulated engine on a real socket, with any settings, and its truth log."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from triphase_model.engine.simulated.serving.listening import serve_simulated
from triphase_model.engine.simulated.serving.profiles import settings_of
from triphase_model.engine.simulated.serving.settings import TimeMode
from triphase_model.engine.simulated.serving.truth import Truth, read_truth

CHAT = "/v1/chat/completions"
SAID = [{"role": "user", "content": "one two three"}]


@dataclass(frozen=True, kw_only=True)
class Events:
    """A stream: its events as they came, and the JSON of those that are JSON."""

    raw: list[str]
    status: int
    headers: dict[str, str]

    @property
    def chunks(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(event[6:]) for event in self.raw if event.startswith("data: {")]

    @property
    def deltas(self) -> list[dict[str, Any]]:
        return [chunk["choices"][0]["delta"] for chunk in self.chunks if chunk["choices"]]

    def text(self, name: str) -> str:
        return "".join(delta.get(name) or "" for delta in self.deltas)


class Engine:
    """An engine that runs, as a client sees it."""

    def __init__(self, url: str, http: aiohttp.ClientSession, truth: Path) -> None:
        self.url = url
        self.http = http
        self._truth = truth

    async def stream(self, path: str = CHAT, *, key: str | None = None, **body: object) -> Events:
        asked = {"messages": SAID, "stream": True, "max_tokens": 6, "ignore_eos": True, **body}
        headers = {} if key is None else {"x-request-id": key}
        async with self.http.post(path, json=asked, headers=headers) as response:
            text = (await response.read()).decode(errors="replace")
            events = [event for event in text.replace("\r\n", "\n").split("\n\n") if event]
            return Events(
                raw=events,
                status=response.status,
                headers={name.lower(): value for name, value in response.headers.items()},
            )

    async def ask(self, path: str = CHAT, **body: object) -> tuple[int, Any]:
        asked = {"messages": SAID, "max_tokens": 6, "ignore_eos": True, **body}
        async with self.http.post(path, json=asked) as response:
            return response.status, msgspec.json.decode(await response.read())

    async def metrics(self) -> dict[str, float]:
        """Every sample by its name and labels, without those that all have in common."""
        async with self.http.get("/metrics") as response:
            lines = (await response.text()).splitlines()
        samples = [line.rpartition(" ") for line in lines if not line.startswith("#")]
        return {_short(name): float(value) for name, _, value in samples}

    @property
    def truth(self) -> list[Truth]:
        return read_truth(self._truth)[1]


def _short(name: str) -> str:
    family, _, labels = name.partition("{")
    own = [label for label in labels.rstrip("}").split(",") if not label.startswith(("engine=", "model_name="))]
    return family + ("{" + ",".join(own) + "}" if own else "")


@pytest.fixture
async def engine_with(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Engine]]]:
    """Starts an engine: `KEY=VALUE` settings over a profile, in null time unless another is asked for."""
    async with AsyncExitStack() as stack:

        async def start(*given: str, profile: str = "paced", time: TimeMode = TimeMode.NULL) -> Engine:
            truth = tmp_path / "truth.jsonl"
            settings = settings_of(profile, given=("lengths.reasoning=2", "lengths.output=4", "lengths.cv=0", *given))
            running = await stack.enter_async_context(serve_simulated(settings, time_mode=time, truth=truth))
            timeout = aiohttp.ClientTimeout(total=30)  # a guard against hanging
            http = await stack.enter_async_context(aiohttp.ClientSession(running.url, timeout=timeout))
            return Engine(running.url, http, truth)

        yield start
