"""The supervisor with workers that are small programs: pauses, stops, and workers that do not obey."""

import asyncio
import sys

import pytest
from triphase_server.app.supervisor import Supervisor, pause_after
from triphase_server.telemetry.workers import WorkerMetrics

GUARD_S = 60.0
DIES = "raise SystemExit(3)"
# It says that it serves once nothing can end it but a kill.
DISOBEYS = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True:
    signal.pause()
"""
OBEYS = """
import signal
signal.signal(signal.SIGTERM, lambda *_: exit(0))
print("ready", flush=True)
signal.pause()
"""
# It tells a port each line that it reads, and serves from the first on.
TELLS = """
import socket, sys
port = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
for line in sys.stdin:
    port.sendall(line.encode())
    print("ready", flush=True)
"""


class Pauses:
    """A wait that ends at once and keeps for how long it would have been; after `most` of them it stops all."""

    def __init__(self, stop: asyncio.Event, *, most: int) -> None:
        self.seconds: list[float] = []
        self._stop = stop
        self._most = most

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) == self._most:
            self._stop.set()


def supervisor(program: str, *, stop: asyncio.Event, patience_s: float = GUARD_S, workers: int = 1) -> Supervisor:
    command = [sys.executable, "-c", program]
    return Supervisor(command, workers=workers, stop=stop, patience_s=patience_s, metrics=WorkerMetrics())


def test_pauses_double_up_to_half_a_minute() -> None:
    assert [pause_after(failures) for failures in (0, 1, 2, 3, 5, 6, 7, 10_000)] == [0, 1, 2, 4, 16, 30, 30, 30]


async def test_a_worker_that_never_served_is_started_again_after_ever_longer_pauses() -> None:
    # However long its start takes: what counts is for how long it served.
    stop = asyncio.Event()
    pauses = Pauses(stop, most=3)
    command = [sys.executable, "-c", DIES]
    failing = Supervisor(command, workers=1, stop=stop, patience_s=GUARD_S, metrics=WorkerMetrics(), wait=pauses)
    async with asyncio.timeout(GUARD_S):
        assert await failing.run(lambda: None) == 3
    assert pauses.seconds == [1, 2, 4]


async def test_workers_that_obey_end_well() -> None:
    stop = asyncio.Event()
    async with asyncio.timeout(GUARD_S):
        assert await supervisor(OBEYS, stop=stop, workers=2).run(stop.set) == 0


async def test_a_worker_that_does_not_end_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    stop = asyncio.Event()
    async with asyncio.timeout(GUARD_S):
        assert await supervisor(DISOBEYS, stop=stop, patience_s=0.05).run(stop.set) == 1
    assert "did not end in 0.05 s; killing it" in caplog.text


async def test_a_kill_does_not_wait_for_the_patience_to_end() -> None:
    stop = asyncio.Event()
    stubborn = supervisor(DISOBEYS, stop=stop, workers=2)

    def ready() -> None:
        stop.set()
        asyncio.get_running_loop().call_soon(stubborn.kill)

    async with asyncio.timeout(GUARD_S / 2):
        assert await stubborn.run(ready) == 1


async def test_workers_get_what_is_handed_over_and_later_ones_begin_with_the_latest() -> None:
    stop = asyncio.Event()
    told: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            told.put_nowait(line)
        writer.close()

    async with asyncio.timeout(GUARD_S), await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        command = [sys.executable, "-c", TELLS, str(server.sockets[0].getsockname()[1])]
        handing = Supervisor(
            command, workers=2, stop=stop, patience_s=GUARD_S, metrics=WorkerMetrics(), frame=b"first\n", wait=at_once
        )
        running = asyncio.create_task(handing.run(lambda: handing.hand(b"second\n")))
        assert sorted([await told.get() for _ in range(4)]) == [b"first\n"] * 2 + [b"second\n"] * 2
        handing.kill()  # others are started in their place
        assert [await told.get() for _ in range(2)] == [b"second\n"] * 2
        stop.set()
        await running


async def test_a_worker_that_does_not_read_holds_nobody_up() -> None:
    stop = asyncio.Event()
    deaf = supervisor(OBEYS, stop=stop)

    def ready() -> None:
        for _ in range(100):
            deaf.hand(b"x" * 1_000_000)
        asyncio.get_running_loop().call_soon(stop.set)

    async with asyncio.timeout(GUARD_S):
        assert await deaf.run(ready) == 0


async def at_once(_seconds: float) -> None:
    """A pause that ends at once."""
