"""What sets off a reload, and what becomes of each result, on a fake clock and without files."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from server_fakes.clock import on_fake_clock
from server_fakes.rig import deployment
from triphase_server.app.reload import Reloader
from triphase_server.config import ConfigError, GatewayConfig, Problem
from triphase_server.core.route import Route, Target
from triphase_server.telemetry.reloads import ReloadResult
from triphase_server.upstream.settings import UpstreamSettings

ROUTE = Route(name="m", targets=(Target(deployment=deployment("a")),))
CONFIG = GatewayConfig(
    upstreams={"u-a": UpstreamSettings(name="u-a", base_url="http://127.0.0.1:8000/v1")}, routes={"m": ROUTE}
)
OTHER = replace(CONFIG, routes={"m": ROUTE, "n": replace(ROUTE, name="n")})
REFUSED = ConfigError([Problem(file="g.toml", line=line, key="listen", message="expected more") for line in (1, 2)])


@pytest.fixture(autouse=True)
def level_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    before = root.level
    yield
    root.setLevel(before)


@dataclass
class World:
    """Around a reloader: what the file says, what was put in force, which results were told."""

    says: GatewayConfig | Exception = CONFIG
    fails: Exception | None = None
    reads: int = 0
    change: asyncio.Event = field(default_factory=asyncio.Event)
    applied: list[GatewayConfig] = field(default_factory=list)
    results: list[ReloadResult] = field(default_factory=list)

    async def read(self) -> GatewayConfig:
        self.reads += 1
        await asyncio.sleep(0.1)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    async def changed(self) -> None:
        await self.change.wait()
        self.change.clear()

    def apply(self, config: GatewayConfig) -> None:
        if self.fails is not None:
            raise self.fails
        self.applied.append(config)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Reloader]:
        reloader = Reloader(
            CONFIG, read=self.read, changed=self.changed, apply=self.apply, reloaded=self.results.append
        )
        task = asyncio.create_task(reloader.run())
        yield reloader
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()


@on_fake_clock
async def test_a_signal_and_a_change_each_reload_once() -> None:
    world = World(OTHER)
    async with world.running() as reloader:
        await asyncio.sleep(100)
        assert world.reads == 0
        reloader.asked.set()
        await asyncio.sleep(1)
        assert (world.reads, world.results, reloader.config) == (1, [ReloadResult.APPLIED], OTHER)
        world.change.set()
        await asyncio.sleep(1)
        assert (world.reads, world.results[-1]) == (2, ReloadResult.UNCHANGED)


@on_fake_clock
async def test_a_signal_while_it_reads_is_not_lost_and_many_are_one() -> None:
    world = World(OTHER)
    async with world.running() as reloader:
        reloader.asked.set()
        await asyncio.sleep(0.05)
        for _ in range(10):
            reloader.asked.set()
        await asyncio.sleep(1)
        assert world.reads == 2


@on_fake_clock
async def test_a_refused_configuration_is_told_whole_and_the_old_one_stays(caplog: pytest.LogCaptureFixture) -> None:
    world = World(REFUSED)
    async with world.running() as reloader:
        reloader.asked.set()
        await asyncio.sleep(1)
        assert (world.applied, world.results, reloader.config) == ([], [ReloadResult.REFUSED], CONFIG)
        assert caplog.messages == [
            "configuration refused with 2 problems; the one in force stays",
            "configuration: g.toml:1: listen: expected more",
            "configuration: g.toml:2: listen: expected more",
        ]
        world.says = OTHER
        reloader.asked.set()
        await asyncio.sleep(1)
        assert (world.applied, reloader.config) == ([OTHER], OTHER)


@pytest.mark.parametrize("failure", [FileNotFoundError(2, "No such file or directory"), ValueError("a defect")])
def test_what_fails_on_the_way_is_refused_too(failure: Exception, caplog: pytest.LogCaptureFixture) -> None:
    @on_fake_clock
    async def play() -> None:
        world = World(OTHER, fails=failure)
        async with world.running() as reloader:
            reloader.asked.set()
            await asyncio.sleep(1)
            assert (world.results, reloader.config) == ([ReloadResult.REFUSED], CONFIG)
            world.fails = None
            reloader.asked.set()
            await asyncio.sleep(1)
            assert reloader.config == OTHER

    play()
    told = "read well and then was not: No such file" if isinstance(failure, OSError) else "defect in a reload"
    assert told in caplog.text


@on_fake_clock
async def test_what_needs_a_start_is_named_each_time_and_stays(caplog: pytest.LogCaptureFixture) -> None:
    world = World(replace(OTHER, listen="127.0.0.1:1"))
    async with world.running() as reloader:
        for _ in range(2):
            reloader.asked.set()
            await asyncio.sleep(1)
    assert (world.applied, world.results) == ([OTHER, OTHER], [ReloadResult.APPLIED, ReloadResult.UNCHANGED])
    assert len([message for message in caplog.messages if "listen takes effect at the next start" in message]) == 2


@on_fake_clock
async def test_one_line_tells_what_changed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    world = World(OTHER)
    async with world.running() as reloader:
        reloader.asked.set()
        await asyncio.sleep(1)
    (record,) = caplog.records
    assert (record.getMessage(), vars(record)["fields"]) == ("configuration reloaded", {"routes_added": "n"})


@on_fake_clock
async def test_the_log_level_follows() -> None:
    world = World(replace(CONFIG, log_level="error"))
    async with world.running() as reloader:
        reloader.asked.set()
        await asyncio.sleep(1)
    assert logging.getLogger().level == logging.ERROR
