"""Metrics of several workers as one: each writes files in a folder of the supervisor, which serves their sum.

Rule: a worker's files bear the number of its place, not of its process, so that the next worker in that place counts on
and dead workers leave no heap of files; what only the living have (the `live` gauges) goes with each of them. The
folder goes with the supervisor. The way is prometheus_client's multiprocess mode; its import is late, since it reads
`FOLDER` then, and costs nothing where metrics are off.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from triphase_server.telemetry import families
from triphase_server.telemetry.reloads import ReloadMetrics, ReloadResult, not_counted

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
PLACE = "TRIPHASE_WORKER"


class WorkerMetrics:
    """What the supervisor has to do for the metrics of its workers, served at `address`; with no folder, nothing.

    `reloaded` counts a reload of the configuration, which is the supervisor's own.
    """

    def __init__(
        self, folder: str = "", *, address: str = "", reloaded: Callable[[ReloadResult], None] = not_counted
    ) -> None:
        self._folder = folder
        self.address = address
        self.reloaded = reloaded

    def environ(self, place: int) -> Mapping[str, str] | None:
        """Returns the environment of a worker; `None` = the supervisor's."""
        return {**os.environ, FOLDER: self._folder, PLACE: str(place)} if self._folder else None

    def ended(self, place: int) -> None:
        """Notes that a worker is dead."""
        if self._folder:
            from prometheus_client import multiprocess  # noqa: PLC0415 - see above

            multiprocess.mark_process_dead(place, self._folder)  # type: ignore[no-untyped-call]


@contextmanager
def worker_metrics(listen: str) -> Iterator[WorkerMetrics]:
    """Serves the metrics of workers at `listen`, if it is not empty; raises OSError."""
    if not listen:
        yield WorkerMetrics()
        return
    from prometheus_client import CollectorRegistry, multiprocess  # noqa: PLC0415 - see above

    from triphase_server.telemetry.exposition import serving  # noqa: PLC0415
    from triphase_server.telemetry.metrics import Registry  # noqa: PLC0415

    with TemporaryDirectory(prefix="triphase-metrics-") as folder:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
        own = Registry(registry, families=(families.RELOADS, families.LAST_RELOAD))
        with serving(registry, listen=listen) as address:
            yield WorkerMetrics(folder, address=address, reloaded=ReloadMetrics(own.series).reloaded)


def take_place(environ: Mapping[str, str]) -> None:
    """Makes the metrics of this process, which must not exist yet, write into the files of its place, if it has one."""
    place = environ.get(PLACE)
    if place is None or FOLDER not in environ:
        return
    from prometheus_client import values  # noqa: PLC0415 - see above

    values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]
