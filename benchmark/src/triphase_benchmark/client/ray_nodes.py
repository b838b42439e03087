"""The hosts of a Ray cluster as nodes of a fleet: one actor on each, which holds a crew of processes.

Its rule: Ray carries calls and rows, and decides nothing: which request is whose, and when it is due, is the plan's.
Ray is loaded here alone, so that only those need it who ask for it. All hosts need this package, and the variables that
hold the engines' keys.
"""

import logging
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any

from triphase_benchmark.client.fleet import Node
from triphase_benchmark.client.node_crew import NodeCrew
from triphase_benchmark.plan.problems import BadInput

LOCAL = "ray"
REMOTE = "ray://"
_START_S = 60.0
_TRIES = 3
# Calls that come while a leg runs: progress, stop, begin, the clock.
_CALLS_AT_ONCE = 8


class _RayNode:
    def __init__(self, name: str, actor: Any) -> None:
        self.name = name
        self._actor = actor

    def call(self, method: str, *arguments: object) -> Future[Any]:
        future: Future[Any] = getattr(self._actor, method).remote(*arguments).future()
        return future


@contextmanager
def ray_nodes(address: str) -> Iterator[list[Node]]:
    """Joins a cluster (`ray://HOST:PORT`), or starts one of this machine (`ray`); leaves it at the end.

    Raises:
        BadInput: The cluster is not there, or has no core that is free.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a benchmark tells nobody of itself
    import ray  # noqa: PLC0415 - an extra, and slow to load

    try:
        with _own_signals():
            _join(ray, "local" if address == LOCAL else address)
        nodes = [_started(ray, node) for node in ray.nodes() if node["Alive"]]
    except (ray.exceptions.RayError, ConnectionError, TimeoutError, RuntimeError, ValueError) as error:
        ray.shutdown()
        why = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(":")
        raise BadInput(f"--workers {address}: {why}") from error
    try:
        yield [_RayNode(name, actor) for name, actor in nodes]
    finally:
        for _, actor in nodes:
            with suppress(Exception):  # what does not end by itself is killed
                ray.get(actor.close.remote(), timeout=_START_S)
            with suppress(Exception):
                ray.kill(actor)
        ray.shutdown()


def _join(ray: Any, address: str) -> None:
    """Joins, or tries again: a cluster that is busy may not have a process for a new client within Ray's 30 s."""
    for left in reversed(range(_TRIES)):
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
        except ConnectionAbortedError:
            ray.shutdown()
            if not left:
                raise
        else:
            return


def _started(ray: Any, node: Any) -> tuple[str, Any]:
    """An actor on one node, with as many workers as that has cores, less one."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

    name = f"node {node['NodeID'][:6]}"
    cores = int(node["Resources"].get("CPU", 0))
    workers = max(cores - 1, 1)
    here = NodeAffinitySchedulingStrategy(node_id=node["NodeID"], soft=False)
    options = {"scheduling_strategy": here, "num_cpus": min(workers, cores), "max_concurrency": _CALLS_AT_ONCE}
    actor = ray.remote(NodeCrew).options(**options).remote(workers)
    try:
        ray.get(actor.workers.remote(), timeout=_START_S)
    except ray.exceptions.GetTimeoutError:
        raise TimeoutError(f"{name} has no {workers} cores that are free") from None
    return name, actor


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself; a run has its own use of it."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
