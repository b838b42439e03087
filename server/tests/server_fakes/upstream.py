"""An upstream in memory: scripted blocks at scripted times, and a record of what was asked and closed."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from triphase_server.core.enforcement import Continuation
from triphase_server.core.errors import UpstreamError
from triphase_server.core.generation import Framing
from triphase_server.core.request import GenerationRequest
from triphase_server.core.route import Deployment
from triphase_server.core.watch import Count

Step = bytes | float | UpstreamError


def chunk(**delta: object) -> bytes:
    """One SSE event with a chat completion chunk."""
    return _event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})


def finish(reason: str = "stop", **usage: int) -> bytes:
    """The end of a stream: finish reason, usage if given, end marker."""
    end = _event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    counted = _event({"choices": [], "usage": usage}) if usage else b""
    return end + counted + b"data: [DONE]\n\n"


def _event(payload: object) -> bytes:
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


@dataclass
class FakeResponse:
    """Plays `steps`: bytes are read at once, numbers are seconds of silence, errors are raised; then the end."""

    steps: list[Step]
    closed: bool = False
    reads: int = 0
    framing: Framing = Framing.SSE
    _silent_until: float | None = field(default=None, repr=False)

    async def read(self) -> bytes:
        loop = asyncio.get_running_loop()
        while self.steps and isinstance(self.steps[0], float):
            if self._silent_until is None:
                self._silent_until = loop.time() + self.steps[0]
            await asyncio.sleep(self._silent_until - loop.time())
            self._silent_until = None
            self.steps.pop(0)
        self.reads += 1
        if not self.steps:
            return b""
        step = self.steps.pop(0)
        if isinstance(step, UpstreamError):
            raise step
        assert isinstance(step, bytes)
        return step

    async def close(self) -> None:
        self.closed = True


@dataclass(frozen=True)
class Asked:
    """One call of `open`."""

    deployment: Deployment
    request: GenerationRequest
    reasoning_body: Mapping[str, object]
    continuation: Continuation | None = None


class FakeRendering:
    """Renders every conversation as the same text, takes each word for a token, and keeps what it was taught."""

    def __init__(self) -> None:
        self.text = "<|user|>What?<|assistant|>"
        self.refusal: Exception | None = None
        self.is_exact = True
        self.learned: list[tuple[int, int]] = []

    async def prompt(
        self, deployment: Deployment, *, request: GenerationRequest, reasoning_body: Mapping[str, object]
    ) -> str:
        await asyncio.sleep(0)
        if self.refusal is not None:
            raise self.refusal
        return self.text

    async def prefill(
        self, deployment: Deployment, *, request: GenerationRequest, reasoning_body: Mapping[str, object], written: str
    ) -> str:
        await asyncio.sleep(0)
        return self.text + written if self.is_exact else self.text

    def counter(self, deployment: Deployment) -> Count:
        return lambda text: len(text.split())

    def learn(self, deployment: Deployment, *, characters: int, tokens: int) -> None:
        self.learned.append((characters, tokens))


class FakeUpstream:
    """Answers each `open` after `opens_after_s` with the next script; the last one repeats."""

    def __init__(self, *scripts: Sequence[Step], opens_after_s: float = 0.0) -> None:
        self._scripts = [list(script) for script in scripts]
        self._opens_after_s = opens_after_s
        self.asked: list[Asked] = []
        self.responses: list[FakeResponse] = []
        self.cancelled = 0
        self.rendering = FakeRendering()

    def pinned(self) -> "FakeUpstream":
        return self

    async def open(
        self, deployment: Deployment, *, request: GenerationRequest, reasoning_body: Mapping[str, object]
    ) -> FakeResponse:
        return await self._play(Asked(deployment, request, reasoning_body))

    async def resume(
        self,
        deployment: Deployment,
        *,
        request: GenerationRequest,
        reasoning_body: Mapping[str, object],
        continuation: Continuation,
    ) -> FakeResponse:
        return await self._play(Asked(deployment, request, reasoning_body, continuation))

    async def _play(self, asked: Asked) -> FakeResponse:
        self.asked.append(asked)
        script = self._scripts[min(len(self.asked), len(self._scripts)) - 1]
        try:
            await asyncio.sleep(self._opens_after_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if script and isinstance(script[0], UpstreamError):
            raise script[0]
        response = FakeResponse(list(script))
        self.responses.append(response)
        return response
