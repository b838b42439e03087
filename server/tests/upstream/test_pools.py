"""Upstreams that are replaced while exchanges run: whose connections stay, and when the others end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from triphase_server.core.errors import ShuttingDown
from triphase_server.upstream.client import HttpUpstream
from triphase_server.upstream.settings import Secret, UpstreamSettings
from upstream.raw_server import GUARD_S, Call, Net, RawServer
from upstream.test_client import read_all


async def done(call: Call) -> None:
    await call.whole(b"data: [DONE]\n\n")


def settings(server: RawServer, **changes: object) -> UpstreamSettings:
    plain = UpstreamSettings(name="engine", base_url=f"http://127.0.0.1:{server.port}/v1", api_key=Secret("old"))
    return replace(plain, **changes)  # type: ignore[arg-type]


@asynccontextmanager
async def asking(*upstreams: UpstreamSettings) -> AsyncIterator[HttpUpstream]:
    """Gives an adapter; in the end no pool may be open any more."""
    upstream = HttpUpstream(upstreams)
    async with asyncio.timeout(GUARD_S):
        try:
            yield upstream
        finally:
            await upstream.close()
    assert upstream.open_pools() == 0


def swap(upstream: HttpUpstream, *upstreams: UpstreamSettings) -> None:
    upstream.replace(upstream.prepared(upstreams))


def key_of(call: Call) -> str:
    return call.head.split("Bearer ")[1].split("\r\n")[0]


async def test_an_upstream_that_stays_keeps_its_connections(net: Net) -> None:
    async with net.serve(done) as server, asking(settings(server)) as upstream:
        await read_all(await net.open(upstream))
        swap(upstream, settings(server), settings(server, name="another"))
        await read_all(await net.open(upstream))
        assert (server.connections, len(server.calls)) == (1, 2)


async def test_a_running_exchange_outlives_its_upstream(net: Net) -> None:
    gate = asyncio.Event()

    async def answer(call: Call) -> None:
        await call.begin()
        await call.chunk(b"data: 1\n\n")
        await gate.wait()
        await call.chunk(b"data: [DONE]\n\n")
        await call.end()
        await call.peer_closed()

    async with net.serve(answer) as server, asking(settings(server)) as upstream:
        response = await net.open(upstream)
        swap(upstream)
        assert upstream.open_pools() == 1
        gate.set()
        assert await read_all(response) == b"data: 1\n\ndata: [DONE]\n\n"
        assert upstream.open_pools() == 0


async def test_who_began_before_asks_with_the_old_key_and_who_begins_after_with_the_new_one(net: Net) -> None:
    async with net.serve(done) as server, asking(settings(server)) as upstream:
        before = upstream.pinned()
        await read_all(await net.open(before))
        swap(upstream, settings(server, api_key=Secret("new")))
        await read_all(await net.open(upstream.pinned()))
        for _ in range(2):  # each over a connection of its own, since a retired pool keeps none
            await read_all(await net.open(before))
            assert upstream.open_pools() == 1
        assert [key_of(call) for call in server.calls] == ["old", "new", "old", "old"]


async def test_idle_connections_of_a_removed_upstream_end_at_once(net: Net) -> None:
    closed = asyncio.Event()

    async def answer(call: Call) -> None:
        await done(call)
        await call.peer_closed()
        closed.set()

    async with net.serve(answer) as server, asking(settings(server)) as upstream:
        await read_all(await net.open(upstream))
        swap(upstream)
        await closed.wait()


async def test_an_upstream_that_is_refused_changes_nothing(net: Net, tmp_path: Path) -> None:
    async with net.serve(done) as server, asking(settings(server)) as upstream:
        gone = settings(server, ca_file=str(tmp_path / "gone.pem"))
        with pytest.raises(OSError, match="No such file"):
            swap(upstream, settings(server, name="another"), gone)
        await read_all(await net.open(upstream))
        assert key_of(server.calls[0]) == "old"


async def test_an_exchange_that_never_ends_is_closed_with_the_process(net: Net) -> None:
    closed = asyncio.Event()

    async def answer(call: Call) -> None:
        await call.begin()
        await call.peer_closed()
        closed.set()

    async with net.serve(answer) as server:
        async with asking(settings(server)) as upstream:
            before = upstream.pinned()
            response = await net.open(before)
            swap(upstream)
        await closed.wait()
        with pytest.raises(ShuttingDown):
            await net.open(before)
        await response.close()


async def test_a_hundred_replacements_under_load_leave_one_pool(net: Net) -> None:
    async with net.serve(done) as server, asking(settings(server)) as upstream:
        async with asyncio.TaskGroup() as group:
            for number in range(100):
                group.create_task(_ask(net, upstream.pinned()))
                swap(upstream, settings(server, api_key=Secret(str(number))))
                await asyncio.sleep(0)
        await _ask(net, upstream)
        assert upstream.open_pools() == 1
        assert len(server.calls) == 101


async def _ask(net: Net, upstream: HttpUpstream) -> None:
    assert await read_all(await net.open(upstream)) == b"data: [DONE]\n\n"


def test_the_same_server_is_told_by_where_it_is() -> None:
    plain = UpstreamSettings(name="engine", base_url="http://a/v1")
    assert plain.is_same_server(replace(plain, api_key=Secret("new"), max_connections=3))
    assert not plain.is_same_server(replace(plain, base_url="http://b/v1"))
    assert not plain.is_same_server(replace(plain, proxy=True))
