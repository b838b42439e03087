"""`python -m perf`: runs all measurements, prints the tables, writes `perf/results/latest.json`.

Its rule: everything is bounded in count, all of it runs on loopback, and the exit code is 1 where a target is missed.
What is measured is `measures.py`, by which processes `processes.py`, what it says `report.py`. The validator of model
repositories is `validator.py`, the benchmark `benchmark.py`, the REST shim `rest.py`; `--only NAME` runs one alone.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import uvloop
from toolchains import missing, verdict

from perf import benchmark, measures, rest, validator
from perf.measures import Contender, Plan
from perf.processes import Cores, bound_to, cores, gateway_config, running
from perf.replies import DirectTarget, GrpcTarget
from perf.report import RAW, Results, Verdict, as_json, markdown, told, verdicts

_RESULTS = Path(__file__).parent / "results" / "latest.json"
_OPEN_STREAMS = 200
_FIRST_EVENTS = 200
_FIRST_TOKENS = 300
_WARM_UP = Plan(pace="blast", streams=4, answers=64, rounds=1)
_BLASTS = (
    Plan(pace="blast", streams=1, answers=100, rounds=10),
    Plan(pace="blast", streams=16, answers=160, rounds=10),
    Plan(pace="blast", streams=64, answers=192, rounds=10),
)
_FLOOD = Plan(pace="flood", streams=16, answers=160, rounds=6)
_PACED = Plan(pace="paced", streams=16, answers=32, rounds=4)


@asynccontextmanager
async def _contenders(where: Cores) -> AsyncIterator[tuple[Contender, Contender, Contender, Contender]]:
    """Starts the upstream and both servers; gives the upstream, the control, the gateway without and with thoughts."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(running("perf.upstream", on=where.others))
        control = await stack.enter_async_context(running("perf.control", upstream.address, on=where.servers))
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "gateway.toml"
            config.write_text(gateway_config(upstream.address))
            serve = ("triphase_server", "serve", "--config", str(config), "--listen", "127.0.0.1:0")
            gateway = await stack.enter_async_context(running(*serve, on=where.servers))
        session = await stack.enter_async_context(aiohttp.ClientSession(auto_decompress=False))
        options = [("grpc.enable_http_proxy", 0)]
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(server.address, options))
            for server in (control, gateway)
        ]
        yield (
            Contender(target=DirectTarget(upstream.address, session)),
            Contender(target=GrpcTarget("control", channels[0], thoughts=True), server=control),
            Contender(target=GrpcTarget("gateway", channels[1], thoughts=False), server=gateway),
            Contender(target=GrpcTarget(RAW, channels[1], thoughts=True), server=gateway),
        )


async def _measure(where: Cores) -> Results:
    async with _contenders(where) as everyone:
        direct, control, gateway, raw = everyone
        memory = {one.target.name: await measures.memory(one, streams=_OPEN_STREAMS) for one in (control, gateway)}
        await measures.rounds(everyone, _WARM_UP)
        first_event = await measures.first_event(gateway.target, ("blast", "silent"), requests=_FIRST_EVENTS)
        first_token = await measures.first_token([direct.target, control.target, raw.target], requests=_FIRST_TOKENS)
        found = {plan: await measures.rounds(everyone, plan) for plan in (_BLASTS[0], _PACED)}
        servers = (control, gateway)
        found |= {plan: await measures.rounds(servers, plan) for plan in (*_BLASTS[1:], _FLOOD)}
        return Results(
            cores=where,
            memory=memory,
            open_streams=_OPEN_STREAMS,
            first_event=first_event,
            first_token=first_token,
            blasts=[(plan, found[plan]) for plan in _BLASTS],
            others=[(plan, found[plan]) for plan in (_FLOOD, _PACED)],
        )


def _validator(written: dict[str, Any]) -> list[Verdict]:
    found = validator.validations()
    written["validator"] = validator.as_json(found)
    goals = validator.verdicts(found)
    print("\n".join(["", *validator.table(found), "", *told(goals)]))
    return goals


def _benchmark(written: dict[str, Any]) -> list[Verdict]:
    found = benchmark.found()
    written["benchmark"] = benchmark.as_json(found)
    goals = benchmark.verdicts(found)
    print("\n".join(["", *benchmark.table(found), "", *told(goals)]))
    return goals


def _gateway(written: dict[str, Any]) -> list[Verdict]:
    where = cores()
    with bound_to(where.others):
        results = uvloop.run(_measure(where))
    written |= as_json(results)
    print(markdown(results))
    return verdicts(results)


def _rest(written: dict[str, Any]) -> list[Verdict]:
    if lacking := missing(["go"]):
        return [Verdict(target="the shim is measured", found="Go is missing", met=not verdict("the shim", lacking))]
    where = cores()
    with tempfile.TemporaryDirectory() as folder:
        program = rest.build(folder)
        with bound_to(where.others):
            found = uvloop.run(rest.measure(program, where))
    written["rest"] = rest.as_json(found)
    goals = rest.verdicts(found)
    print("\n".join(["", *rest.table(found), "", *told(goals)]))
    return goals


_PARTS = {"gateway": _gateway, "validator": _validator, "benchmark": _benchmark, "rest": _rest}


def main() -> int:
    """Runs all; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m perf", description="The gateway beside a bare control.")
    parser.add_argument("--json", type=Path, default=_RESULTS, help="where the figures go")
    parser.add_argument("--only", choices=_PARTS, help="one part of it")
    given = parser.parse_args()
    output: Path = given.json
    written: dict[str, Any] = {}
    goals = [goal for name, part in _PARTS.items() if given.only in (None, name) for goal in part(written)]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(written, indent=1) + "\n")
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
