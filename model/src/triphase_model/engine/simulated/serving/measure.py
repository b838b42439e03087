"""`python -m triphase_model.engine.simulated.serving.measure`: how exactly the simulated engine sends, and how much.

Its rule: the figures come from the truth log and from the processor time of the engine's process; the client here only
reads what comes. What is printed is the lateness of chunks (sent - due), and chunks per second of processor time.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from triphase_model.engine.process import SimulatedProcess
from triphase_model.engine.simulated.serving.truth import Truth, read_truth

_SHARES = (0.5, 0.9, 0.99, 0.999, 1.0)


class _Reader(asyncio.Protocol):
    """Asks once, and reads until the answer's end."""

    def __init__(self, request: bytes, ended: asyncio.Future[None]) -> None:
        self._request = request
        self._ended = ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - it ended, how ever
        if not self._ended.done():
            self._ended.set_result(None)


async def _drive(url: str, *, streams: int, tokens: int, spread_s: float) -> None:
    """Opens streams one after the other within `spread_s` seconds, and waits for the end of all."""
    body = b'{"stream":true,"ignore_eos":true,"max_tokens":%d,"messages":[{"role":"user","content":"hi"}]}' % tokens
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    host, _, port = url.removeprefix("http://").rpartition(":")
    loop = asyncio.get_running_loop()
    ends = [loop.create_future() for _ in range(streams)]
    begin_s = loop.time()
    for number, end in enumerate(ends):
        await asyncio.sleep(max(0.0, begin_s + number * spread_s / streams - loop.time()))
        await loop.create_connection(partial(_Reader, head % len(body) + body, end), host, int(port))
    await asyncio.gather(*ends)


def _cpu_s(pid: int) -> float:
    """Processor time of another process; nan where the system does not tell (it is Linux's /proc)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / 100


async def _measured(arguments: argparse.Namespace, settings: list[str], mode: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        truth = Path(folder) / "truth.jsonl"
        async with SimulatedProcess(profile="paced", settings=settings, time=mode, truth=truth) as engine:
            begin_s, used_s = time.monotonic(), _cpu_s(engine.pid)
            await _drive(
                engine.url, streams=arguments.streams, tokens=arguments.tokens, spread_s=0.5 if mode == "real" else 0
            )
            took_s, used_s = time.monotonic() - begin_s, _cpu_s(engine.pid) - used_s
        _print(f"{mode} {' '.join(settings)}", read_truth(truth)[1], took_s, used_s)


def _print(name: str, rows: list[Truth], took_s: float, used_s: float) -> None:
    late = sorted((sent - due) / 1e6 for row in rows for due, sent in zip(row.due, row.sent, strict=True))
    shown = "  ".join(f"p{share * 100:g} {late[min(len(late) - 1, int(share * len(late)))]:.3f}" for share in _SHARES)
    sys.stdout.write(
        f"{name}: {len(rows)} streams, {len(late)} chunks in {took_s:.2f} s, {len(late) / used_s:.0f} chunks per "
        f"second of processor time, {used_s / took_s:.0%} of a core\n  late, ms: {shown}\n"
    )


def main() -> None:
    """Measures a paced, a batched and a null engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=250)
    arguments = parser.parse_args()
    steps = ["timing.kind=steps", "timing.step_s=0.02", "timing.sequence_s=0", "timing.context_token_s=0"]
    for settings, mode in ((["timing.token_s=0.02"], "real"), (steps, "real"), ([], "null")):
        asyncio.run(_measured(arguments, settings, mode))


if __name__ == "__main__":
    main()
