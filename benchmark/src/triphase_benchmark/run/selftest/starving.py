"""Starves a client of processor time on purpose, so that it can be seen to say so.

Its rule: whatever the block starts is bound to one core, beside processes that do nothing but run. They end with the
block, and with this process, however it ends. Where the system binds no processes to cores there is no such thing.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from triphase_benchmark.client.calibration import Calibration, calibrate, null_target
from triphase_benchmark.client.null_engine import NullEngine
from triphase_benchmark.run.selftest.cases import StarvedCase

CAN_STARVE = hasattr(os, "sched_setaffinity")
_BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"


def try_starved(case: StarvedCase) -> Calibration:
    """One worker against a null engine that is not starved. Raises CrewFailed."""
    with NullEngine() as null, _starved(case.beside):
        return calibrate(case.load, workers=1, engine=null_target(null))


@contextmanager
def _starved(beside: int) -> Iterator[None]:
    cores = os.sched_getaffinity(0)
    busy: list[subprocess.Popen[bytes]] = []
    os.sched_setaffinity(0, {max(cores)})  # children inherit it
    try:
        busy += [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(beside)]  # noqa: S603 - a constant
        yield
    finally:
        os.sched_setaffinity(0, cores)
        for process in busy:
            process.kill()
            process.wait()
