"""Whether metrics are kept and who serves them: a gateway alone its own, several workers none, their supervisor all.

Rule: where metrics are off, nothing of them is imported, and a supervisor never imports gRPC. What
is recorded is `telemetry/metrics.py`.
"""

import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from triphase_server.rpc.listening import CannotListen, cannot
from triphase_server.service.fleet import MemberView
from triphase_server.service.gate import GateView
from triphase_server.service.ports import CheckObserver, Observer
from triphase_server.telemetry.reloads import ReloadMetrics, ReloadResult, not_counted
from triphase_server.telemetry.workers import WorkerMetrics, take_place, worker_metrics

_log = logging.getLogger("triphase.gateway")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Who is to be told what happened: of requests and of checks, where metrics are on, and of reloads."""

    observer: Observer | None = None
    checks: CheckObserver | None = None
    reloaded: Callable[[ReloadResult], None] = not_counted


@asynccontextmanager
async def kept(
    listen: str, *, members: Callable[[], Sequence[MemberView]], gates: Callable[[], Sequence[GateView]], served: bool
) -> AsyncIterator[Kept]:
    """Keeps metrics, and serves them at `listen` where `served`; gives who is to be told. Raises CannotListen."""
    if not listen:
        yield Kept()
        return
    take_place(os.environ)
    from triphase_server.rpc.status import reason_of  # noqa: PLC0415 - see above
    from triphase_server.telemetry.checks import CheckMetrics  # noqa: PLC0415
    from triphase_server.telemetry.exposition import serving  # noqa: PLC0415
    from triphase_server.telemetry.gauges import FleetGauges  # noqa: PLC0415
    from triphase_server.telemetry.metrics import Metrics, Registry  # noqa: PLC0415

    registry = Registry()
    with ExitStack() as stack:
        if served:
            with _address_in_use(listen):
                address = stack.enter_context(serving(registry.collector, listen=listen))
            _log.info("metrics are at http://%s/metrics", address)
        async with FleetGauges(registry, members=members, gates=gates).running():
            # A worker counts no reloads: its supervisor does.
            reloaded = ReloadMetrics(registry.series).reloaded if served else not_counted
            checks = CheckMetrics(registry.series, reason_of=reason_of)
            yield Kept(observer=Metrics(registry, reason_of=reason_of), checks=checks, reloaded=reloaded)


@contextmanager
def of_workers(listen: str) -> Iterator[WorkerMetrics]:
    """Serves the metrics of workers at `listen`, if it is not empty; raises CannotListen."""
    with ExitStack() as stack:
        with _address_in_use(listen):
            metrics = stack.enter_context(worker_metrics(listen))
        if metrics.address:
            _log.info("metrics of all workers are at http://%s/metrics", metrics.address)
        yield metrics


@contextmanager
def _address_in_use(listen: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        remedy = 'metrics_listen, in the configuration, gives them another address, or none ("")'
        raise CannotListen(f"{cannot(listen, error)}, for metrics; {remedy}") from error
