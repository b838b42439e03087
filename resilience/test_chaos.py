"""An upstream that refuses, resets, stalls, closes or garbles at any byte of a recorded stream.

Every request ends typed and tells exactly what had arrived, and nothing of it is left over. The small cut takes each
37th offset of a few recordings; `tox -e chaos` takes every one, of more.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from triphase_client import Client
from triphase_server.app.gateway import running
from triphase_server.config import GatewayConfig
from triphase_server.core.retry import RetryPolicy
from triphase_server.core.route import Deployment, Route, Target, Timeouts
from triphase_server.upstream.settings import UpstreamSettings
from upstream.raw_server import Call, Net

from resilience.expectations import expectation, place
from resilience.faults import Case, Way, case_asked_for, cases, play
from resilience.meter import Baseline
from resilience.recordings import NAMES, Place, Recording
from resilience.replies import COMPLETED, Reply, ask, ask_whole
from resilience.scale import Scale

WHOLE = Recording(NAMES[0])
STALL_S = 1.0
BOUND_S = 10.0  # one limit's time, and what a hundred requests at once cost in one process on a busy machine
TIMEOUTS = Timeouts(first_byte_s=STALL_S, between_reasoning_s=STALL_S, between_output_s=STALL_S)
AT_ONCE = 100
# Fewer than the retries that one upstream may cause in a burst: what holds retries back is not proven here.
FEW = 20
GUARD_S = 60.0  # only against hanging: no test waits for it


async def answer(call: Call, known: Mapping[str, Case]) -> None:
    """Plays the case that is asked for; whoever is asked in its place answers whole."""
    case = case_asked_for(call, known)
    if case is not None:
        await play(call, case)
    else:
        await call.send(WHOLE.data)
        call.writer.close()


def route(name: str, *, backed: bool) -> Route:
    """A route whose first deployment plays the case of its name; `backed` by a second one that is well."""
    broken = Deployment(name=name, upstream="engine", model=name, timeouts=TIMEOUTS)
    targets = [Target(deployment=broken)]
    if backed:
        well = Deployment(name=f"{name}, backed", upstream="engine", model="well", timeouts=TIMEOUTS)
        targets.append(Target(deployment=well, priority=1))
    return Route(name=name, targets=tuple(targets), retry=RetryPolicy(max_attempts=len(targets)))


@asynccontextmanager
async def gateway(port: int, names: Iterable[str], *, backed: bool = False) -> AsyncIterator[Client]:
    """A gateway, as the application wires it, with a route of each name."""
    routes = {name: route(name, backed=backed) for name in names}
    engine = UpstreamSettings(name="engine", base_url=f"http://127.0.0.1:{port}/v1")
    config = GatewayConfig(listen="127.0.0.1:0", grace_s=0.05, upstreams={"engine": engine}, routes=routes)
    async with asyncio.timeout(GUARD_S), running(config) as started, Client(started.address, retry=None) as client:
        yield client


async def replies(some: Sequence[Case], *, backed: bool = False) -> list[tuple[Case, Reply]]:
    """Asks for all cases at once, of one gateway; returns once nothing of them is left."""
    known = {case.name: case for case in some}
    before = Baseline.now()
    async with Net().serve(lambda call: answer(call, known)) as raw, gateway(raw.port, known, backed=backed) as client:
        found = await asyncio.gather(*(ask(client, case.name) for case in some))
        await before.idle()
    await before.restored()
    return list(zip(some, found, strict=True))


def batches(some: Sequence[Case], size: int) -> Iterable[Sequence[Case]]:
    return (some[start : start + size] for start in range(0, len(some), size))


@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("name", NAMES)
async def test_a_fault_at_any_byte_ends_typed_after_exactly_what_had_arrived(name: str, way: Way, scale: Scale) -> None:
    ended: Counter[tuple[str, str]] = Counter()
    wrong = {}
    longest_s = 0.0
    for some in batches(cases(Recording(name), way, every=scale.every), AT_ONCE):
        for case, reply in await replies(some):
            ended[place(case).name, reply.outcome] += 1
            longest_s = max(longest_s, reply.took_s)
            if mistakes := expectation(case).mistakes(reply):
                wrong[case.name] = mistakes
    print(f"\n{name} {way}, {ended.total()} cases, {longest_s:.2f} s at most:")
    print(*(f"  {where.lower()}: {how} {count}" for (where, how), count in sorted(ended.items())), sep="\n")
    assert ended
    assert wrong == {}
    assert longest_s < BOUND_S or not scale.measures


@pytest.mark.parametrize("way", [Way.RESET, Way.STALL, Way.CLOSE])
async def test_before_the_first_token_somebody_else_answers(way: Way, scale: Scale) -> None:
    committed = next(case.offset for case in cases(WHOLE, way, every=1) if place(case) is Place.COMMITTED)
    some = cases(WHOLE, way, every=scale.every, before=committed)
    assert {place(case) for case in some} == {Place.HEAD, Place.OPEN}
    for few in batches(some, FEW):
        for case, reply in await replies(few, backed=True):
            assert (case.name, reply) == (case.name, Reply(outcome=COMPLETED, told=WHOLE.truth, attempts=2))


@pytest.mark.parametrize("way", [Way.RESET, Way.STALL, Way.CLOSE])
async def test_after_the_first_token_nobody_else_is_asked(way: Way, scale: Scale) -> None:
    some = [case for case in cases(WHOLE, way, every=scale.every) if place(case) is Place.COMMITTED]
    for many in batches(some, AT_ONCE):
        for case, reply in await replies(many, backed=True):
            assert expectation(case).mistakes(reply) == [], case.name
            assert reply.attempts == 1


@pytest.mark.parametrize("way", [Way.RESET, Way.STALL, Way.CLOSE])
async def test_who_asks_for_a_whole_response_gets_the_same_end(way: Way, scale: Scale) -> None:
    some = cases(WHOLE, way, every=7 if scale.measures else scale.every)
    known = {case.name: case for case in some}
    before = Baseline.now()
    async with Net().serve(lambda call: answer(call, known)) as raw, gateway(raw.port, known) as client:
        found = await asyncio.gather(*(ask_whole(client.target, case.name) for case in some))
        await before.idle()
    for case, reply in zip(some, found, strict=True):
        assert reply.outcome in expectation(case).outcomes, case.name
        assert reply.told == (WHOLE.truth if reply.outcome == COMPLETED else "")


async def test_an_upstream_that_refuses_connections_ends_typed() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: whoever connects is refused
        before = Baseline.now()
        async with gateway(unused.getsockname()[1], ["alone"]) as client:
            found = await asyncio.gather(*(ask(client, "alone") for _ in range(4)))
            await before.idle()
        await before.restored()
    assert {(reply.outcome, reply.told, *reply.mistakes) for reply in found} == {("UPSTREAM_UNREACHABLE", "")}
