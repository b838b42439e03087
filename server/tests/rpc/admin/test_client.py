"""Asking all workers: how many there are, and what is told of those that do not answer."""

import socket
from contextlib import AsyncExitStack

import pytest
from rpc.admin.live_admin import short_folder, worker
from rpc.live import serving as gateway
from server_fakes.upstream import FakeUpstream
from triphase_server.core.transitions import CircuitState
from triphase_server.rpc.admin.addresses import of_worker
from triphase_server.rpc.admin.client import Silence, Workers
from triphase_server.service.administration import WorkerStatus

PATIENCE_S = 20.0  # only against hanging, but where a test is about it


def places(found: dict[int, object]) -> dict[int, bool]:
    return {place: isinstance(answer, WorkerStatus) for place, answer in found.items()}


async def test_all_workers_are_found_by_the_first() -> None:
    with short_folder() as folder:
        address = f"unix:{folder}/s"
        async with AsyncExitStack() as stack:
            for place in range(3):
                await stack.enter_async_context(worker(of_worker(address, place), place=place, workers=3))
            found = await Workers(address, patience_s=PATIENCE_S).status()
    assert places(dict(found)) == {0: True, 1: True, 2: True}


@pytest.mark.parametrize("dead", [0, 1, 2])
async def test_one_that_is_gone_is_told_whichever_it_is(dead: int) -> None:
    with short_folder() as folder:
        address = f"unix:{folder}/s"
        async with AsyncExitStack() as stack:
            for place in {0, 1, 2} - {dead}:
                await stack.enter_async_context(worker(of_worker(address, place), place=place, workers=3))
            found = await Workers(address, patience_s=PATIENCE_S).status()
    assert places(dict(found)) == {place: place != dead for place in range(3)}
    silence = found[dead]
    assert isinstance(silence, Silence)
    assert (silence.address, silence.reason) == (of_worker(address, dead), "No such file or directory")


async def test_one_that_is_frozen_is_given_up_after_the_patience() -> None:
    with short_folder() as folder, socket.socket(socket.AF_UNIX) as frozen:
        address = f"unix:{folder}/s"
        frozen.bind(f"{folder}/s.1")
        frozen.listen()
        async with worker(address, workers=2):
            found = await Workers(address, patience_s=0.2).status()
    assert found[1] == Silence(address=f"{address}.1", reason="no answer within 0.2 s")


async def test_where_nobody_is_the_first_one_is_told_alone() -> None:
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets it
        address = f"127.0.0.1:{kept.getsockname()[1]}"
        found = await Workers(address, patience_s=PATIENCE_S).status()
    assert found == {0: Silence(address=address, reason="Connection refused")}


async def test_a_worker_of_another_gateway_is_not_taken_for_one_of_this() -> None:
    with short_folder() as folder:
        address = f"unix:{folder}/s"
        async with worker(f"{address}.1") as other:
            workers = Workers(address, patience_s=PATIENCE_S)
            found = await workers.status()
            assert places(dict(found)) == {0: False}
            async with worker(address, workers=2):
                found = await workers.status()
            assert found[1] == Silence(address=f"{address}.1", reason="worker 0 of another gateway answers there")
            assert other.status().deployments[0].circuit.state is CircuitState.CLOSED


async def test_the_address_of_another_than_the_first_is_told_as_that() -> None:
    with short_folder() as folder:
        address = f"unix:{folder}/s"
        async with worker(address, workers=2), worker(f"{address}.1", place=1, workers=2):
            found = await Workers(f"{address}.1", patience_s=PATIENCE_S).status()
    assert found == {0: Silence(address=f"{address}.1", reason="worker 1 answers there; use the address of worker 0")}


async def test_a_server_that_is_no_admin_service_is_told_as_that() -> None:
    async with gateway(FakeUpstream()) as live:
        found = await Workers(live.address, patience_s=PATIENCE_S).status()
    assert found == {0: Silence(address=live.address, reason="what answers there is no admin service")}


async def test_isolating_reaches_the_places_that_are_named_and_no_others() -> None:
    with short_folder() as folder:
        address = f"unix:{folder}/s"
        async with worker(address, workers=2) as first, worker(f"{address}.1", place=1, workers=2) as second:
            workers = Workers(address, patience_s=PATIENCE_S)
            told = await workers.isolate("a", (0, 1))
            assert [[d.circuit.state for d in ds] for ds in told.values() if not isinstance(ds, Silence)] == [
                [CircuitState.ISOLATED],
                [CircuitState.ISOLATED],
            ]
            await workers.restore("a", (1,))
            states = [told.status().deployments[0].circuit.state for told in (first, second)]
            assert states == [CircuitState.ISOLATED, CircuitState.CLOSED]


async def test_a_refusal_is_told_in_the_servers_words() -> None:
    with short_folder() as folder:
        address = f"unix:{folder}/s"
        async with worker(address):
            told = await Workers(address, patience_s=PATIENCE_S).isolate("c", (0,))
    reason = "no deployment is named 'c'; known deployments: a, b"
    assert told == {0: Silence(address=address, reason=reason)}
