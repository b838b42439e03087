"""The REST shim in front of the gateway, beside the gateway alone: what HTTP adds to each event, and to throughput.

Its rule: both ask the same gateway, in turns. How late each character of an answer came is measured from the
request, at a pace that leaves the machine idle: medians over requests, of which the difference is what is added.
Without Go there is nothing to measure, which is told.
"""

import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import orjson

from perf import answer, measures
from perf.measures import Contender, Plan, Round
from perf.processes import ROOT, Cores, gateway_config, running
from perf.replies import GrpcTarget, Reply, Target, whole
from perf.report import Verdict

GATEWAY, NDJSON, EVENTS, CHAT = "gateway", "shim, NDJSON", "shim, SSE", "shim, chat completions"
MOST_ADDED_S = 2e-3
_SOURCE = ROOT / "clients/rest"
_PROMPT = "What is 47 + 38? Show each step, then check the result by subtraction."
_REQUESTS = 24
_WARM_UP = Plan(pace="blast", streams=4, answers=16, rounds=1)
_BLASTS = (
    Plan(pace="blast", streams=1, answers=40, rounds=4),
    Plan(pace="blast", streams=16, answers=160, rounds=4),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The rounds of each plan by target, and how late each character of an answer was, in seconds, by target."""

    rounds: Sequence[tuple[Plan, Mapping[str, Sequence[Round]]]]
    late_s: Mapping[str, Sequence[float]]


class RestTarget:
    """The shim, asked by HTTP: `/triphase/v1/stream` as lines or events, or chat completions."""

    expected = answer.THOUGHTS + answer.OUTPUT

    def __init__(self, name: str, url: str, session: aiohttp.ClientSession) -> None:
        self.name = name
        self._url = url + ("/v1/chat/completions" if name == CHAT else "/triphase/v1/stream")
        self._accept = "application/x-ndjson" if name == NDJSON else "text/event-stream"
        self._end = b"\n" if name == NDJSON else b"\n\n"
        self._session = session

    def _body(self, pace: str) -> bytes:
        if self.name == CHAT:
            return orjson.dumps({"model": pace, "stream": True, "messages": [{"role": "user", "content": _PROMPT}]})
        messages = [{"role": "ROLE_USER", "content": [{"text": _PROMPT}]}]
        return orjson.dumps({"model": pace, "messages": messages, "reasoning": {"includeRaw": True}})

    async def ask(self, pace: str, reply: Reply) -> AsyncGenerator[None, None]:
        """Asks by HTTP; each line or event is a message."""
        headers = {"Content-Type": "application/json", "Accept": self._accept}
        rest = b""
        async with self._session.post(self._url, data=self._body(pace), headers=headers) as response:
            response.raise_for_status()
            async for block in response.content.iter_any():
                now = time.perf_counter()
                *messages, rest = (rest + block).split(self._end)
                reply.arrivals.extend((now, message) for message in messages)
                yield

    def text(self, message: bytes) -> str:
        """Returns what a message adds to the thoughts or the output."""
        data = message[message.find(b"{") :]
        if not data.startswith(b"{"):  # [DONE]
            return ""
        told = orjson.loads(data)
        if self.name == CHAT:
            return "".join(
                (one["delta"].get("reasoning") or "") + (one["delta"].get("content") or "") for one in told["choices"]
            )
        event = told["result"]
        return str((event.get("outputDelta") or event.get("reasoningDelta") or {}).get("text", ""))


@asynccontextmanager
async def _contenders(program: Path, where: Cores) -> AsyncIterator[list[Contender]]:
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(running("perf.upstream", on=where.others))
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "gateway.toml"
            config.write_text(gateway_config(upstream.address))
            serve = ("triphase_server", "serve", "--config", str(config), "--listen", "127.0.0.1:0")
            gateway = await stack.enter_async_context(running(*serve, on=where.servers))
        options = ("--gateway", gateway.address, "--listen", "127.0.0.1:0")
        shim = await stack.enter_async_context(running(*options, on=where.others, program=(str(program),)))
        session = await stack.enter_async_context(aiohttp.ClientSession(auto_decompress=False))
        channel = await stack.enter_async_context(
            grpc.aio.insecure_channel(gateway.address, [("grpc.enable_http_proxy", 0)])
        )
        targets = [RestTarget(name, shim.address, session) for name in (NDJSON, EVENTS, CHAT)]
        yield [
            Contender(target=GrpcTarget(GATEWAY, channel, thoughts=True), server=gateway),
            *(Contender(target=target, server=shim) for target in targets),
        ]


async def _late_s(target: Target) -> list[float]:
    """How long after the request each character of an answer at an even pace came.

    By character, since deltas that are ready together leave the gateway as one event.
    """
    reply = await whole(target, "paced")
    return [at - reply.sent_at for at, message in reply.arrivals for _ in target.text(message)]


async def measure(program: Path, where: Cores) -> Found:
    """Measures the shim that `program` is."""
    async with _contenders(program, where) as everyone:
        await measures.rounds(everyone, _WARM_UP)
        late: dict[str, list[list[float]]] = {one.target.name: [] for one in everyone}
        for number in range(_REQUESTS):
            for one in everyone if number % 2 else reversed(everyone):
                late[one.target.name].append(await _late_s(one.target))
        found = [(plan, await measures.rounds(everyone, plan)) for plan in _BLASTS]
        medians = {name: [statistics.median(times) for times in zip(*ones, strict=True)] for name, ones in late.items()}
        return Found(rounds=found, late_s=medians)


def build(folder: str) -> Path:
    """Has Go build the shim into a folder; raises CalledProcessError."""
    program = Path(folder) / "triphase-rest"
    subprocess.run(["go", "build", "-o", program, "./cmd/triphase-rest"], cwd=_SOURCE, check=True)
    return program


def added_s(found: Found, name: str) -> tuple[float, float]:
    """What a target adds, beside the gateway alone: the median over an answer's characters, and the most."""
    pairs = zip(found.late_s[name], found.late_s[GATEWAY], strict=True)
    added = [ours - alone for ours, alone in pairs]
    return statistics.median(added), max(added)


def _tokens_per_s(rounds: Sequence[Round]) -> float:
    return sum(one.tokens for one in rounds) / sum(one.wall_s for one in rounds)


def table(found: Found) -> Iterator[str]:
    """Yields the lines of a table for people."""
    plans = [plan for plan, _ in found.rounds]
    speeds = " | ".join(f"tokens/s, streams: {plan.streams}" for plan in plans)
    yield f"| asked | added per event, p50 ms | most ms | {speeds} |"
    yield f"|---|--:|--:|{'--:|' * len(plans)}"
    for name in found.late_s:
        median, most = added_s(found, name)
        speeds = " | ".join(f"{_tokens_per_s(rounds[name]):,.0f}".replace(",", " ") for _, rounds in found.rounds)
        yield f"| {name} | {median * 1e3:.2f} | {most * 1e3:.2f} | {speeds} |"


def verdicts(found: Found) -> list[Verdict]:
    """Compares the figures with the target."""
    return [
        Verdict(
            target=f"at most {MOST_ADDED_S * 1e3:g} ms added to an event, p50, {name}",
            found=f"{added_s(found, name)[0] * 1e3:.2f} ms",
            met=added_s(found, name)[0] <= MOST_ADDED_S,
        )
        for name in (NDJSON, EVENTS, CHAT)
    ]


def as_json(found: Found) -> dict[str, Any]:
    """Returns everything that was measured; times in seconds."""
    rounds = [
        {"plan": asdict(plan), "target": name, **asdict(one)}
        for plan, by_name in found.rounds
        for name, ones in by_name.items()
        for one in ones
    ]
    return {"late_s": {name: list(times) for name, times in found.late_s.items()}, "rounds": rounds}
