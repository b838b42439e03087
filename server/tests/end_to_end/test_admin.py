"""`status`, `isolate`, `restore` and `configuration` against gateways that run as processes, alone and as workers."""

import json
import os
import re
import signal
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from end_to_end.conftest import Configure
from end_to_end.processes import Process, command, run
from end_to_end.stage import request
from triphase_client import Client, TriphaseError
from triphase_model.engine.server import serve
from triphase_model.engine.simulated import Script, SimulatedModel, Step
from triphase_server.app.commands import app
from typer.testing import CliRunner

KEY = "sk-secret-4711"
ENVIRON = {"ENGINE_KEY": KEY}
NAME = "engine/model"
ANSWER = Script(steps=(Step(content="85"),))


@pytest.fixture
def admin() -> Iterator[str]:
    """An address whose socket's name is short, as the folders of tests may not be."""
    with tempfile.TemporaryDirectory(prefix="triphase-") as folder:
        yield f"unix:{folder}/admin.sock"


@asynccontextmanager
async def gateway(path: str, *arguments: str) -> AsyncIterator[tuple[Process, str]]:
    """Runs a gateway until it serves; gives the process and its address."""
    async with command("serve", "--config", path, *arguments, environ=ENVIRON) as process:
        yield process, await process.address()


def with_admin(path: str, admin: str) -> str:
    text = Path(path).read_text()
    Path(path).write_text(f'admin_listen = "{admin}"\n{text}')
    return path


def with_breaker(path: str) -> None:
    """Makes a circuit that is open stay so for longer than any test."""
    with Path(path).open("a") as file:
        file.write(f'[deployments."{NAME}".breaker]\nopen_s = 3600.0\nopen_max_s = 3600.0\n')


async def told(*arguments: str) -> Any:
    code, out, err = await run(*arguments)
    assert (code, err) == (0, "")
    return json.loads(out)


async def states(admin: str) -> list[tuple[int, str]]:
    """Returns the state of the one deployment in each worker that answers."""
    code, out, _ = await run("status", "--json", "--admin", admin)
    assert code in {0, 1}
    workers = json.loads(out)["workers"]
    return [
        (worker["place"], deployment["circuit"]["state"]) for worker in workers for deployment in worker["deployments"]
    ]


def has_grpc(pid: int) -> bool:
    return "cygrpc" in Path(f"/proc/{pid}/maps").read_text()


async def failure(address: str) -> TriphaseError:
    async with Client(address, retry=None) as client:
        with pytest.raises(TriphaseError) as failed:
            await client.generate(request())
        return failed.value


@pytest.mark.parametrize("workers", [1, 2])
async def test_isolate_shuts_off_in_every_worker_and_restore_takes_back(
    workers: int, admin: str, configure: Configure
) -> None:
    model = SimulatedModel()
    async with serve(models=[model]) as engine:
        path = with_admin(configure(f"{engine.url}/v1"), admin)
        count = f"{workers} of {workers} {'worker' if workers == 1 else 'workers'}"
        async with gateway(path, "--workers", str(workers)) as (process, address):
            assert await states(admin) == [(place, "closed") for place in range(workers)]
            assert await run("isolate", NAME, "--config", path) == (0, f"{NAME} is isolated in {count}\n", "")
            assert await states(admin) == [(place, "isolated") for place in range(workers)]
            for _ in range(4):  # each on a connection of its own, which the kernel deals to either
                error = await failure(address)
                assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "UPSTREAM_CIRCUIT_OPEN")
            assert await run("restore", NAME, "--config", path) == (0, f"{NAME} is restored in {count}\n", "")
            model.enqueue(ANSWER)
            async with Client(address, retry=None) as client:
                assert (await client.generate(request())).output == "85"
            process.handle.terminate()
            assert await process.ended() == 0
        assert [line for line in process.log if f"the operator isolated deployment {NAME}" in line][workers - 1 :]


async def test_sockets_are_their_owners_alone_and_go_with_the_workers(admin: str, configure: Configure) -> None:
    path = with_admin(configure("http://127.0.0.1:9/v1"), admin)
    folder = admin.removeprefix("unix:").rpartition("/")[0]
    async with gateway(path, "--workers", "2") as (process, _):
        modes = {name: stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode) for name in sorted(os.listdir(folder))}  # noqa: PTH116, PTH208
        assert modes == {"admin.sock": 0o600, "admin.sock.1": 0o600}
        process.handle.terminate()
        assert await process.ended() == 0
    assert os.listdir(folder) == []  # noqa: PTH208


async def test_a_worker_that_takes_anothers_place_begins_anew(admin: str, configure: Configure) -> None:
    path = with_admin(configure("http://127.0.0.1:9/v1"), admin)
    async with gateway(path, "--workers", "2") as (process, _):
        await run("isolate", NAME, "--admin", admin)
        (first, _) = (await told("status", "--json", "--admin", admin))["workers"]
        os.kill(first["process_id"], signal.SIGKILL)
        await process.line(r"worker 0 is process (\d+)")
        await process.line("the admin service is at")
        assert await states(admin) == [(0, "closed"), (1, "isolated")]


async def test_a_worker_that_does_not_answer_is_told_and_the_others_obey(admin: str, configure: Configure) -> None:
    path = with_admin(configure("http://127.0.0.1:9/v1"), admin)
    async with gateway(path, "--workers", "2"):
        (first, _) = (await told("status", "--json", "--admin", admin))["workers"]
        os.kill(first["process_id"], signal.SIGSTOP)
        try:
            complaint = f"triphase-server: the worker at {admin} did not answer: no answer within 0.5 s\n"
            code, out, err = await run("status", "--admin", admin, "--timeout", "0.5")
            assert (code, err) == (1, complaint)
            assert [line.split()[:3] for line in out.splitlines()[1:]] == [[NAME, "1", "closed"]]
            code, out, err = await run("isolate", NAME, "--admin", admin, "--timeout", "0.5")
            assert (code, out, err) == (1, f"{NAME} is isolated in 1 of 2 workers\n", complaint)
        finally:
            os.kill(first["process_id"], signal.SIGCONT)


async def test_status_tells_why_a_circuit_is_open_and_when_it_is_tried_again(admin: str, configure: Configure) -> None:
    path = configure("http://127.0.0.1:9/v1")  # where nobody is
    with_breaker(path)
    async with gateway(path, "--admin", admin) as (_, address):
        while "open" not in {state for _, state in await states(admin)}:
            await failure(address)
        code, out, err = await run("status", "--admin", admin)
    assert (code, err) == (0, "")
    head, row = out.splitlines()
    assert head.split() == ["DEPLOYMENT", "WORKER", "CIRCUIT", "WHY", "RETRY", "IN", "FLIGHT", "LATENCY", "UP"]
    assert row.startswith(f"{NAME}  0       ")
    assert re.search(r"  consecutive_failures, \d[0-9.]* \w+ ago  in \d+ min  0 ", row)
    assert "\x1b" not in out


async def test_no_answer_holds_a_secret_and_the_source_of_the_key_is_told(admin: str, configure: Configure) -> None:
    path = configure("http://127.0.0.1:9/v1")
    async with gateway(path, "--admin", admin) as (process, address):
        outputs = [
            await run(*words, "--admin", admin) for words in (("configuration",), ("status", "--json"), ("status",))
        ]
        process.handle.terminate()
        await process.ended()
    assert [code for code, _, _ in outputs] == [0, 0, 0]
    assert KEY not in repr(outputs) + repr(process.log)
    configuration = json.loads(outputs[0][1])
    assert configuration["upstreams"]["engine"]["api_key"] == {"set": True, "source": "environment variable ENGINE_KEY"}
    assert (configuration["listen"], configuration["admin_listen"]) == ("127.0.0.1:0", admin)
    assert address != "127.0.0.1:0"


async def test_a_port_of_loopback_serves_the_embedded_model_too() -> None:
    async with command("serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0") as process:
        admin = (await process.line(r"the admin service is at (\S+)"))[1]
        assert await run("isolate", "embedded/reference", "--admin", admin) == (
            0,
            "embedded/reference is isolated in 1 of 1 worker\n",
            "",
        )
        async with Client(await process.address(), retry=None) as client:
            with pytest.raises(TriphaseError) as failed:
                await client.generate(prompt="What is 47 + 38?", model="reference")
        assert failed.value.reason == "UPSTREAM_CIRCUIT_OPEN"


async def test_an_unknown_name_lists_the_known_ones(admin: str, configure: Configure) -> None:
    hint = f'did you mean "{NAME}"?'
    async with gateway(configure("http://127.0.0.1:9/v1"), "--admin", admin):
        for steer in ("isolate", "restore"):
            assert await run(steer, "engine/modle", "--admin", admin) == (
                1,
                "",
                f"triphase-server: no deployment is named 'engine/modle'; known deployments: {NAME}; {hint}\n",
            )


@pytest.mark.parametrize("words", [("status",), ("isolate", "a"), ("configuration",)])
async def test_where_nobody_listens_it_is_told_what_to_do(words: tuple[str, ...], admin: str) -> None:
    code, out, err = await run(*words, "--admin", admin)
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == f"triphase-server: no admin service answers at {admin}: No such file or directory"
    assert "admin_listen" in err


def test_a_file_without_an_admin_service_is_told_at_once(configure: Configure) -> None:
    path = configure("http://127.0.0.1:9/v1")
    result = CliRunner().invoke(app, ["status", "--config", path])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"triphase-server: {path} sets no admin_listen; ")


def test_a_file_that_is_none_is_told_as_check_does() -> None:
    result = CliRunner().invoke(app, ["status", "--config", "/nowhere/gateway.toml"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "/nowhere/gateway.toml: expected a configuration file; there is none\n"


@pytest.mark.parametrize("words", [("status",), ("serve",)])
def test_an_address_that_others_reach_is_a_wrong_command_line(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*words, "--admin", "0.0.0.0:50052"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--admin" in result.stderr
    assert "this machine alone" in result.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_an_admin_port_in_use_is_one_line_and_nothing_was_started(workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        arguments = ("serve", "--listen", "127.0.0.1:0", "--admin", address, "--workers", workers)
        assert await run(*arguments) == (1, "", f"triphase-server: cannot listen on {address}: the port is in use\n")


async def test_the_supervisor_stays_without_grpc(admin: str, configure: Configure) -> None:
    path = with_admin(configure("http://127.0.0.1:9/v1"), admin)
    async with gateway(path, "--workers", "2") as (process, _):
        workers = (await told("status", "--json", "--admin", admin))["workers"]
        pids = [process.handle.pid, *(worker["process_id"] for worker in workers)]
        assert [has_grpc(pid) for pid in pids] == [False, True, True]
