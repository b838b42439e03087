"""The shim beside a gateway, here a program that says what the shim says; the real one is tested where Go is."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from triphase_server.app.rest import RestFailed, beside, built
from triphase_server.app.stopping import stop_on_signals

LISTENS = "echo 'triphase-rest is listening on http://127.0.0.1:1' >&2"


def program(folder: Path, name: str, script: str) -> str:
    """Puts a program into a folder of its own; returns that folder, for PATH."""
    folder.mkdir()
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return str(folder)


class Gateway:
    """Serves until a signal, as a gateway does, and notes that it ended in order."""

    ended = False

    async def serve(self, ready: Callable[[str], None]) -> int:
        stop = asyncio.Event()
        stop_on_signals(stop)
        ready("127.0.0.1:50051 with 2 workers")
        await stop.wait()
        self.ended = True
        return 7


async def test_without_the_program_and_go_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(RestFailed, match="from clients/rest of a clone"):
        await built(str(tmp_path), source=tmp_path, path=str(tmp_path))
    (tmp_path / "go.mod").touch()
    with pytest.raises(RestFailed, match="--rest needs Go"):
        await built(str(tmp_path), source=tmp_path, path=str(tmp_path))


async def test_what_go_says_of_a_build_that_fails_is_told(tmp_path: Path) -> None:
    (tmp_path / "go.mod").touch()
    path = program(tmp_path / "bin", "go", "echo 'no such package' >&2; exit 1")
    with pytest.raises(RestFailed, match="no such package"):
        await built(str(tmp_path), source=tmp_path, path=path)


async def test_a_program_on_path_is_taken_as_it_is(tmp_path: Path) -> None:
    path = program(tmp_path / "bin", "triphase-rest", LISTENS)
    assert await built(str(tmp_path), source=tmp_path, path=path) == f"{path}/triphase-rest"


async def test_it_is_told_where_both_listen_and_both_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = tmp_path / "given"
    script = f'echo "$@" > {given}; {LISTENS}; exec cat > /dev/null'
    monkeypatch.setenv("PATH", program(tmp_path / "bin", "triphase-rest", script), prepend=":")
    gateway, told = Gateway(), list[str]()

    def tell(line: str) -> None:
        told.append(line)
        signal.raise_signal(signal.SIGTERM)

    code = await beside(gateway.serve, listen="127.0.0.1:0", ready=told.append, tell=tell)
    assert code == 7
    assert gateway.ended
    assert told == ["127.0.0.1:50051 with 2 workers", "triphase-rest is listening on http://127.0.0.1:1"]
    assert given.read_text() == "--gateway 127.0.0.1:50051 --listen 127.0.0.1:0 --exit-with-stdin\n"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'triphase-rest: the port is taken' >&2; exit 1", "the port is taken"),
        (f"{LISTENS}; exit 0", "ended by itself"),
    ],
    ids=["at the start", "afterwards"],
)
async def test_a_shim_that_ends_stops_the_gateway(
    script: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", program(tmp_path / "bin", "triphase-rest", script), prepend=":")
    gateway = Gateway()
    with pytest.raises(RestFailed, match=message):
        await beside(gateway.serve, listen="127.0.0.1:0", ready=lambda _: None, tell=lambda _: None)
    assert gateway.ended


async def test_a_gateway_that_does_not_start_is_told_and_no_shim_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", program(tmp_path / "bin", "triphase-rest", "exit 1"), prepend=":")

    async def fails(_: Callable[[str], None]) -> int:
        raise OSError("the port is taken")

    with pytest.raises(OSError, match="the port is taken"):
        await beside(fails, listen="127.0.0.1:0", ready=lambda _: None, tell=lambda _: None)
