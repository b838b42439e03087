"""The manifest of a run: everything that one must know to believe it, or to repeat it.

Its rule: it is written before the first leg, so that a run that is killed can be read, and again at the end. No secret,
host name, user or path of the machine is in it, but for what the command that was given holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from triphase_benchmark.plan.digest import digests
from triphase_benchmark.plan.values import Plan
from triphase_benchmark.run.greeting import Met
from triphase_benchmark.run.machine import machine_facts
from triphase_benchmark.run.wanted import Wanted
from triphase_benchmark.workload.naming import workload_of


def tool_version() -> str:
    """Of this program."""
    return version("triphase-benchmark")


def first_manifest(
    wanted: Wanted, plan: Plan, met: Sequence[Met], *, epoch_ns: int, caches: Mapping[str, Any]
) -> dict[str, Any]:
    """What is known before the first leg."""
    return {
        "tool_version": tool_version(),
        "argv": list(wanted.argv),
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "ending": None,
        "seed": wanted.seed,
        "load": wanted.load,
        "workload": workload_of(wanted.workload, tokenizer=wanted.tokenizer, shared_prefix=wanted.shared_prefix).name,
        "configuration": wanted.configuration(),
        "digests": asdict(digests(plan)),
        "load_kind": plan.load.value,
        "concurrency": plan.concurrency,
        "epoch_ns": epoch_ns,
        **caches,
        "slo": dict(wanted.slos),
        "engines": [_engine(one) for one in met],
        "probes": [one.probe.as_json() for one in met],
        "machine": machine_facts(),
        "calibration": {},
        "problems": [],
        "notes": [warning for one in met for warning in one.warnings],
        "sweep": [],
    }


def gateways_of(manifest: Mapping[str, Any]) -> frozenset[str]:
    """The names of the engines that are gateways."""
    engines = manifest.get("engines") or ()
    return frozenset(str(one["name"]) for one in engines if str(one.get("url")).startswith("grpc://"))


def _engine(met: Met) -> Mapping[str, Any]:
    engine = met.engine
    return {
        "name": engine.name,
        "url": engine.url,
        "profile": engine.profile,
        "model": met.model,
        "version": met.probe.version,
        "simulated": met.simulated,
        "headers": dict(engine.headers),
        "price": asdict(engine.price) if engine.price else None,
    }
