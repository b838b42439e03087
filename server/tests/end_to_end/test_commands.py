"""`triphase-server` as a user runs it: exit codes, and what it prints."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from end_to_end.conftest import Configure
from end_to_end.processes import GUARD_S, run
from triphase_server.app.commands import app
from triphase_server.core.request import Effort
from typer.testing import CliRunner

KEY = {"ENGINE_KEY": "sk-secret-4711"}
# A port of discard: whoever is sent there by a proxy setting is lost.
DEAD = "http://127.0.0.1:9"
PROXIES = {
    name: DEAD for kind in ("http", "https", "all", "grpc") for name in (f"{kind}_proxy", f"{kind.upper()}_PROXY")
}
SLOW = {"grpc", "aiohttp", "rich", "triphase_client", "numpy"}
# Both run the entry of the command line as `python -m triphase_server` does.
LOADS = """
import sys
from triphase_server.app import cli, loop

loop.run = lambda main: main.close()
try:
    cli.main()
except SystemExit:
    pass
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
INTERRUPTED = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == importing:
            os.kill(os.getpid(), signal.SIGINT)

importing = sys.argv.pop(1)
sys.meta_path.insert(0, Finder())
from triphase_server.app.cli import main
main()
"""


async def test_the_demo_shows_the_models_answer_whatever_proxies_there_are() -> None:
    code, out, err = await run("demo", "--pace", "0", environ={**PROXIES, "no_proxy": "", "NO_PROXY": ""})
    assert (code, err) == (0, "")
    assert "47 + 38 = 85" in out
    assert out.index("Prompt summary") < out.index("Reasoning summary") < out.index("Final output")


async def test_a_port_in_use_is_one_line(configure: Configure) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        path = configure("http://127.0.0.1:9/v1")
        for workers in ("1", "2"):
            arguments = ("serve", "--config", path, "--listen", address, "--workers", workers)
            code, out, err = await run(*arguments, environ=KEY)
            assert (code, out) == (1, "")
            assert err == f"triphase-server: cannot listen on {address}: the port is in use\n"


async def test_without_a_configuration_the_port_is_asked_for_before_the_engine_is_started() -> None:
    for workers in ("1", "2"):
        code, out, err = await run("serve", "--listen", "192.0.2.1:50051", "--workers", workers)
        assert (code, out) == (1, "")
        assert err == "triphase-server: cannot listen on 192.0.2.1:50051: it is not an address of this machine\n"


@pytest.mark.parametrize("words", [("serve",), ("check", "{file}"), ("serve", "--workers", "2")])
def test_a_command_loads_only_what_it_needs(words: tuple[str, ...], configure: Configure) -> None:
    # `serve` is stopped where the loop would begin; the names are those of what is slow to load.
    arguments = [word.format(file=configure("http://127.0.0.1:9/v1")) for word in words]
    done = subprocess.run(
        [sys.executable, "-c", LOADS, *arguments], env={**os.environ, **KEY}, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert loaded & SLOW <= ({"grpc", "aiohttp"} if words == ("serve",) else set())
    assert "triphase_server" in loaded


def test_the_entry_itself_loads_nothing() -> None:
    code = "import sys; import triphase_server.app.cli; print(*sorted(m.partition('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & (SLOW | {"asyncio", "pydantic", "typer"}) == set()


@pytest.mark.parametrize("importing", ["typer", "pydantic", "triphase_server.config", "grpc"])
async def test_an_interrupt_while_it_starts_leaves_no_trace(importing: str) -> None:
    # A finder that stands first sends the signal in the middle of the import.
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", INTERRUPTED, importing, "serve"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(GUARD_S):
        assert await process.communicate() == (b"", b"")
    assert process.returncode == 130


@pytest.mark.parametrize("effort", ["silly", "LOW", ""])
def test_an_effort_that_does_not_exist_is_a_wrong_command_line(effort: str) -> None:
    result = CliRunner().invoke(app, ["demo", "--effort", effort])
    assert result.exit_code == 2
    assert "--effort" in result.stderr


@pytest.mark.parametrize(("prompt", "complaint"), [(" \n", "it is empty"), ("\udcff", "not UTF-8 text")])
def test_a_prompt_that_asks_nothing_starts_no_demo(prompt: str, complaint: str) -> None:
    result = CliRunner().invoke(app, ["demo", "--pace", "0", prompt])
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr


def test_every_effort_is_offered() -> None:
    help_text = CliRunner().invoke(app, ["demo", "--help"]).stdout
    assert [effort for effort in Effort if effort.value not in help_text] == []


@pytest.mark.parametrize("arguments", [["--version"], ["-h"], ["serve", "-h"], ["demo", "-h"], ["check", "-h"]])
def test_version_and_the_short_form_of_help(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    expected = f"triphase-server {version('triphase-server')}\n" if arguments == ["--version"] else "--help"
    assert expected in result.stdout


# What ends before anything is started needs no process of its own.


@pytest.mark.parametrize("listen", ["127.0.0.1:99999", "[::1]:99999", "127.0.0.1", "nonsense", ""])
def test_a_wrong_address_is_a_wrong_command_line(listen: str) -> None:
    result = CliRunner().invoke(app, ["serve", "--listen", listen])
    assert result.exit_code == 2
    assert "--listen" in result.stderr
    assert ("the port must be 0 to 65535" in result.stderr) is listen.endswith("99999")


def test_the_form_of_an_address_is_told_in_full() -> None:
    # What stands in brackets is a mark-up of its own to the writer of the help.
    for arguments in (["serve", "--help"], ["serve", "--listen", "nonsense"]):
        assert "[v6]:port" in CliRunner().invoke(app, arguments).output


def test_check_says_fine(configure: Configure) -> None:
    result = CliRunner().invoke(app, ["check", configure("http://127.0.0.1:9/v1")], env=KEY)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "fine; 1 route: m\n" in result.stdout


async def test_check_tells_every_problem_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    await asyncio.to_thread(path.write_text, 'listen = 7\nlisten_on = "x"\nheartbeat_s = "soon"\n')
    code, out, err = await run("check", str(path))
    assert (code, out) == (1, "")
    for line in (1, 2, 3):
        assert f"{path}:{line}" in err
    assert "Traceback" not in err


def test_serve_tells_them_too(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text("listen = 7")
    result = CliRunner().invoke(app, ["serve", "--config", str(path)])
    assert result.exit_code == 1
    assert f"{path}:1: listen" in result.stderr


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(tmp_path / "none.toml")])
    assert result.exit_code == 1
    assert "none.toml" in result.stderr


@pytest.mark.parametrize("arguments", [["check"], ["check", "gateway.toml", "--schema"]])
def test_check_takes_a_file_or_asks_for_the_schema(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "--schema" in result.stderr


def test_check_prints_a_schema() -> None:
    result = CliRunner().invoke(app, ["check", "--schema"])
    assert result.exit_code == 0
    assert "upstreams" in json.loads(result.stdout)["properties"]


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["demo", "--help"], ["check", "--help"]])
def test_help_tells_every_option_but_those_between_processes(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert "worker-of" not in result.stdout
