"""Who sends: processes of this machine, or of the hosts of a Ray cluster.

Its rule: a run does not know the difference, but for the time that a cluster takes to answer. What `--workers` may say
is `workers_of`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TypeAlias

from triphase_benchmark.client.calibration import Calibration, ClientLoad, calibrate
from triphase_benchmark.client.crew import Crew, CrewFailed
from triphase_benchmark.client.fleet import Fleet
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.records.folder import RunFolder
from triphase_benchmark.run.problems import CannotRun

AnyCrew: TypeAlias = Crew | Fleet

_MOST = 256


def workers_of(text: str | None) -> int | str | None:
    """A number of processes, `ray` or `ray://HOST:PORT`. Raises BadInput, also where Ray is not installed."""
    if text is None:
        return None
    if text == "ray" or (text.startswith("ray://") and ":" in text.removeprefix("ray://")):
        if find_spec("ray") is None:
            raise BadInput(f"--workers {text} needs Ray: install triphase-benchmark[ray]")
        return text
    if text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST:
        return int(text)
    raise BadInput(f"--workers {text!r}: it takes a number from 1 to {_MOST}, ray, or ray://HOST:PORT")


@contextmanager
def crew_of(workers: int | str | None, folder: RunFolder) -> Iterator[AnyCrew]:
    """Makes a crew for a folder, which is not touched yet. Raises BadInput and CannotRun."""
    if not isinstance(workers, str):
        yield Crew(folder, workers=workers)
        return
    from triphase_benchmark.client.ray_nodes import ray_nodes  # noqa: PLC0415 - loads Ray

    with ray_nodes(workers) as nodes:
        try:
            fleet = Fleet(folder, nodes)
        except CrewFailed as error:
            raise CannotRun(f"--workers {workers}: {error}") from error
        yield fleet


def calibrated(crew: AnyCrew, load: ClientLoad, *, gateway: bool) -> Calibration:
    """Calibrates a crew where it is, by the transport of engines or of gateways. Raises CrewFailed: a host is gone."""
    if isinstance(crew, Crew):
        return calibrate(load, workers=crew.workers, gateway=gateway)
    return crew.calibrate(load, gateway=gateway)


def hosts_told(crew: AnyCrew) -> list[str]:
    """What a reader must know of hosts; nothing of one machine."""
    if isinstance(crew, Crew):
        return []
    within = f"{crew.begin_within_s * 1e3:.1f} ms"
    return [
        f"sent by {crew.workers} processes on {crew.hosts} hosts, which began each turn within {within} of its time"
    ]
