"""Another configuration in a process that serves: streams that run, requests that begin, files that are wrong."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from end_to_end.processes import Process, command, run
from end_to_end.stage import request
from repositories.reasoning import of_family
from telemetry.test_exposition import get
from triphase.gateway.v1 import ReasoningEffort
from triphase_client import Client, TriphaseError
from upstream.raw_server import Call, Net

EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
RELOADED = r"configuration reloaded (.*)"
REFUSED = r"configuration refused with (\d+ problems?); the one in force stays"

UNSET = "expected the name of an environment variable that is set; this one is not"
WEIGHTLESS = "expected a weight more than 0 where priority is 0; weights of zero take nothing"
UNREADABLE = "expected the path of a readable file that holds the key; No such file or directory"


class Engine:
    """An engine that answers `8`, and `5` once the gate is open; it keeps the keys that it was asked with."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.keys: list[str] = []

    async def answer(self, call: Call) -> None:
        self.keys.append(call.head.partition("Bearer ")[2].partition("\r\n")[0])
        await call.begin()
        await call.chunk(EVENT % b"8")
        await self.gate.wait()
        await call.chunk(EVENT % b"5" + DONE)
        await call.end()


class Configuration:
    """A file, beside one with a key, that is replaced as editors do: by a new file that is renamed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "gateway.toml"
        self.key = folder / "key"
        self.key.write_text("key-1")
        self.base_url = ""

    def write(self, *routes: str, **top: object) -> None:
        lines = {"listen": '"127.0.0.1:0"', "metrics_listen": '""', "grace_s": 30.0, **top}
        self.replace(
            "".join(f"{key} = {value}\n" for key, value in lines.items())
            + f'[upstreams.engine]\nbase_url = "{self.base_url}"\napi_key_file = "key"\n'
            + '[deployments."engine/model"]\nupstream = "engine"\nmodel = "m"\n'
            + "".join(f'[routes.{route}]\ndeployments = ["engine/model"]\n' for route in routes)
        )

    def replace(self, text: str) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(text)
        new.rename(self.path)


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return Configuration(tmp_path)


@asynccontextmanager
async def serving(configuration: Configuration, engine: Engine, *options: str, **top: object) -> AsyncIterator[Process]:
    """Serves the route `m` by a process until it is told to stop, which must then end well."""
    async with Net().serve(engine.answer) as raw:
        configuration.base_url = f"http://127.0.0.1:{raw.port}/v1"
        configuration.write("m", **top)
        async with command("serve", "--config", str(configuration.path), *options) as process:
            yield process
            if process.handle.returncode is None:
                process.handle.terminate()
            assert await process.ended() == 0
    assert [line for line in process.log if "Traceback" in line or "Unclosed" in line] == []


async def output(address: str, model: str = "m") -> str:
    """Asks over a connection of its own."""
    async with Client(address, retry=None) as client:
        return (await client.generate(prompt="What is 47 + 38?", model=model)).output


async def refusal(address: str, model: str) -> grpc.StatusCode:
    with pytest.raises(TriphaseError) as failed:
        await output(address, model)
    assert failed.value.code is not None
    return failed.value.code


async def efforts(address: str) -> list[int]:
    async with Client(address, retry=None) as client:
        (model,) = await client.models()
        return list(model.efforts)


async def models(address: str) -> list[str]:
    async with Client(address, retry=None) as client:
        return [model.name for model in await client.models()]


async def test_a_stream_ends_whole_through_a_reload_and_new_requests_see_it(configuration: Configuration) -> None:
    engine = Engine()
    async with serving(configuration, engine) as process:
        address = await process.address()
        engine.gate.clear()
        streamed = ""
        async with Client(address, retry=None) as client:
            async for event in client.stream(request()):
                streamed += event.output_delta.text
                if event.HasField("output_delta") and not engine.gate.is_set():
                    # Everything goes that the stream rests on: its route, its deployment, its upstream.
                    text = f'[upstreams.u]\nbase_url = "{configuration.base_url}"\n[deployments.d]\nupstream = "u"\n'
                    configuration.replace(text + 'model = "m"\n[routes.new]\ndeployments = ["d"]\n')
                    process.handle.send_signal(signal.SIGHUP)
                    told = (await process.line(RELOADED))[1]
                    engine.gate.set()
                    assert await output(address, "new") == "85"
        assert streamed == "85"
        assert "routes_added=new routes_removed=m deployments_added=d deployments_removed=engine/model" in told
        assert await refusal(address, "m") is grpc.StatusCode.NOT_FOUND
        assert await models(address) == ["new"]


def with_every_mistake(good: str) -> str:
    """Makes the mistakes of `PROBLEMS` in a good file."""
    wrong = good.replace('deployments = ["engine/model"]', 'deployments = [{ name = "engine/model", weight = 0 }]')
    wrong = wrong.replace('api_key_file = "key"', 'api_key_env = "NO_SUCH"')
    more = 'fallbacks = ["o"]\n[routes.o]\ndeployments = ["gone"]\nfallbacks = ["m"]\n'
    return f'heartbeats = 1\n{wrong}{more}[upstreams.v]\nbase_url = "http://x/v1"\napi_key_file = "none"\n'


PROBLEMS = [
    "gateway.toml:1: heartbeats: expected a known key",
    f"gateway.toml:7: upstreams.engine.api_key_env: {UNSET}",
    f"gateway.toml:12: routes.m.deployments: {WEIGHTLESS}",
    'gateway.toml:15: routes.o.deployments[0]: expected the name of a deployment (engine/model), got "gone"',
    "gateway.toml:16: routes.o.fallbacks[0]: expected fallbacks that do not lead back; these go m → o → m",
    f"gateway.toml:19: upstreams.v.api_key_file: {UNREADABLE}",
]


def shortened(line: str) -> str:
    """Returns a problem without the folder and the list of known keys."""
    return re.sub(r" \(listen.*", "", line[line.index("gateway.toml:") :]).rstrip()


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_wrong_file_is_refused_whole_and_changes_nothing(configuration: Configuration, workers: str) -> None:
    async with serving(configuration, Engine(), "--workers", workers) as process:
        address = await process.address()
        configuration.replace(with_every_mistake(configuration.path.read_text()))
        process.handle.send_signal(signal.SIGHUP)
        assert (await process.line(REFUSED))[1] == f"{len(PROBLEMS)} problems"
        told = [(await process.line(r"configuration: (.*)"))[1] for _ in PROBLEMS]
        assert [shortened(line) for line in told] == PROBLEMS
        assert await output(address) == "85"
        assert await models(address) == ["m"]
        configuration.write("m", "o")
        process.handle.send_signal(signal.SIGHUP)
        await process.line(RELOADED)


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_wrong_file_is_refused_at_the_start_with_the_same_problems(
    configuration: Configuration, workers: str
) -> None:
    configuration.base_url = "http://127.0.0.1:9/v1"
    configuration.write("m")
    configuration.replace(with_every_mistake(configuration.path.read_text()))
    code, out, err = await run("serve", "--config", str(configuration.path), "--workers", workers)
    assert (code, out) == (1, "")
    assert [shortened(line) for line in err.splitlines()] == PROBLEMS


async def test_a_changed_file_is_read_without_a_signal(configuration: Configuration) -> None:
    engine = Engine()
    async with serving(configuration, engine) as process:
        address = await process.address()
        configuration.write("m", "renamed")
        assert (await process.line(RELOADED))[1] == "routes_added=renamed"
        configuration.path.write_text(configuration.path.read_text().replace("renamed", "written"))
        assert (await process.line(RELOADED))[1] == "routes_added=written routes_removed=renamed"
        await output(address)
        configuration.key.write_text("key-2")
        assert (await process.line(RELOADED))[1] == "upstreams_changed=engine"
        await output(address)
        assert engine.keys == ["key-1", "key-2"]
        assert not [line for line in process.log if "key-" in line]


async def test_a_folder_that_kubernetes_swaps_is_followed(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        other = Configuration(tmp_path / version)
        other.base_url = "http://127.0.0.1:9/v1"
        other.write("m", f"v{version}")
    (tmp_path / "..data").symlink_to("1")
    for name in ("gateway.toml", "key"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    async with command("serve", "--config", str(tmp_path / "gateway.toml")) as process:
        await process.address()
        (tmp_path / "..data.new").symlink_to("2")
        (tmp_path / "..data.new").rename(tmp_path / "..data")
        assert (await process.line(RELOADED))[1] == "routes_added=v2 routes_removed=v1"


async def test_a_key_that_comes_after_the_file_that_names_it_is_waited_for(configuration: Configuration) -> None:
    async with serving(configuration, Engine()) as process:
        await process.address()
        configuration.replace(configuration.path.read_text().replace('"key"', '"other"') + "fallbacks = []\n")
        assert (await process.line(REFUSED))[1] == "1 problem"
        configuration.key.with_name("other").write_text("key-2")
        assert (await process.line(RELOADED))[1] == "upstreams_changed=engine"


async def test_a_reload_that_is_asked_for_while_it_stops_cuts_no_stream(configuration: Configuration) -> None:
    engine = Engine()
    async with serving(configuration, engine) as process:
        engine.gate.clear()
        streamed = ""
        async with Client(await process.address(), retry=None) as client:
            async for event in client.stream(request()):
                streamed += event.output_delta.text
                if event.HasField("output_delta") and not engine.gate.is_set():
                    process.handle.terminate()
                    await process.line("stopping; running requests have 30 s")
                    process.handle.send_signal(signal.SIGHUP)
                    engine.gate.set()
        assert streamed == "85"
        assert await process.ended() == 0


async def test_what_needs_a_start_is_named_and_stays(configuration: Configuration) -> None:
    async with serving(configuration, Engine()) as process:
        address = await process.address()
        configuration.write("m", listen='"127.0.0.1:1"', max_request_bytes=4096, heartbeat_s=3.0, log_level='"debug"')
        process.handle.send_signal(signal.SIGHUP)
        await process.line("configuration: listen takes effect at the next start")
        await process.line("configuration: max_request_bytes takes effect at the next start")
        assert (await process.line(RELOADED))[1] == 'keys_changed="heartbeat_s, log_level"'
        assert await output(address) == "85"


async def test_a_command_line_wins_over_the_file_at_a_reload_too(configuration: Configuration) -> None:
    async with serving(configuration, Engine(), "--log-level", "info", "--listen", "127.0.0.1:0") as process:
        await process.address()
        configuration.write("m", listen='"127.0.0.1:1"', log_level='"error"')
        process.handle.send_signal(signal.SIGHUP)
        await process.line("nothing that can change while the gateway runs is different")


async def test_workers_reload_together_and_a_new_one_begins_with_what_was_accepted(
    configuration: Configuration,
) -> None:
    async with serving(configuration, Engine(), "--workers", "2") as process:
        pids = [int((await process.line(rf"worker {place} is process (\d+)"))[1]) for place in range(2)]
        address = await process.address()
        configuration.write("new")
        for pid in pids:
            os.kill(pid, signal.SIGHUP)  # theirs is not the file, and it does not end them
        process.handle.send_signal(signal.SIGHUP)
        await process.line(RELOADED)
        # A connection is one worker's: this many reach both, but for one run in a million.
        await told_to_all(address, ["new"], times=20)
        configuration.replace("wrong")
        process.handle.send_signal(signal.SIGHUP)
        await process.line(REFUSED)
        for place, pid in enumerate(pids):
            os.kill(pid, signal.SIGKILL)
            await process.line(rf"worker {place} is process \d+")
        await told_to_all(address, ["new"], times=20)
    ends = [line for line in process.log if "ended with code" in line]
    assert [re.sub(r".*(code \S+);.*", r"\1", line) for line in ends] == ["code -9"] * 2


async def told_to_all(address: str, names: list[str], *, times: int) -> None:
    """Asks until `times` connections in a row are told these models."""
    found = 0
    while found < times:
        try:
            found = found + 1 if await models(address) == names else 0
        except TriphaseError:
            found = 0  # nobody listens for a moment, while workers start


@pytest.mark.parametrize("options", [(), ("--workers", "2")])
async def test_reloads_are_counted_once(configuration: Configuration, options: tuple[str, ...]) -> None:
    async with serving(configuration, Engine(), *options, metrics_listen='"127.0.0.1:0"') as process:
        page = (await process.line(r"metrics .*are at http://(\S+)/metrics"))[1]
        await process.address()
        configuration.write("m", "o", metrics_listen='"127.0.0.1:0"')
        process.handle.send_signal(signal.SIGHUP)
        await process.line(RELOADED)
        configuration.replace("wrong")
        process.handle.send_signal(signal.SIGHUP)
        await process.line(r"configuration: .*expected valid TOML")
        process.handle.send_signal(signal.SIGHUP)
        await process.line(r"configuration: .*expected valid TOML")
        _, text = await asyncio.to_thread(get, page, "/metrics")
        counts = re.findall(r'^triphase_config_reloads_total\{result="(\w+)"\} (\S+)$', text, re.MULTILINE)
        assert sorted(counts) == [("applied", "1.0"), ("refused", "2.0"), ("unchanged", "0.0")]
        last = re.findall(r'^triphase_config_last_reload_timestamp_seconds\{result="(\w+)"\}', text, re.MULTILINE)
        assert sorted(last) == ["applied", "refused"]


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_fifty_reloads_under_load_drop_nothing(configuration: Configuration, workers: str) -> None:
    engine = Engine()
    async with serving(configuration, engine, "--workers", workers) as process:
        address = await process.address()
        ended, answered = asyncio.Event(), asyncio.Event()
        answers: list[str] = []

        async def load() -> None:
            async with Client(address, retry=None) as client:
                while not ended.is_set():
                    answers.append((await client.generate(request())).output)
                    answered.set()

        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(load())
            for number in range(50):
                configuration.key.write_text(f"key-{number}")
                configuration.write("m", f"r{number}", grace_s=30.0 + number)
                process.handle.send_signal(signal.SIGHUP)
                await process.line(RELOADED)
                answered.clear()
                await answered.wait()
            ended.set()
        assert set(answers) == {"85"}
        while engine.keys[-1] != "key-49":  # a worker gets the last one when the supervisor has told of it
            assert await output(address) == "85"
        assert len(set(engine.keys)) > 5


async def test_a_template_that_changes_changes_the_efforts_of_its_route(configuration: Configuration) -> None:
    repository = configuration.path.parent / "model"
    repository.mkdir()
    for name, data in of_family("qwen3").items():
        (repository / name).write_bytes(data)
    async with serving(configuration, Engine()) as process:
        address = await process.address()
        assert len(await efforts(address)) == 7  # of a model of which nothing is known
        named = 'model = "m"\nrepository = "model"\n'
        configuration.replace(configuration.path.read_text().replace('model = "m"\n', named))
        await process.line(RELOADED)
        assert await efforts(address) == [
            ReasoningEffort.REASONING_EFFORT_NONE,
            ReasoningEffort.REASONING_EFFORT_MEDIUM,
        ]
        (repository / "chat_template.jinja").write_bytes(of_family("gpt-oss")["chat_template.jinja"])
        await process.line(RELOADED)
        graded = await efforts(address)
        assert ReasoningEffort.REASONING_EFFORT_LOW in graded
        (repository / "chat_template.jinja").unlink()
        assert (await process.line(REFUSED))[1] == "1 problem"
        assert await efforts(address) == graded
