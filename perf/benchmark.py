"""What the benchmark itself takes: its client for each event, and its report of a million requests.

Its rule: a report is a whole process, `triphase-benchmark report`, from its start to its end, with its memory as the
system counts it; the client is one worker on a core of its own, against an engine that only sends. `recorded.py` makes
the run that is reported; the load on the client is that of `triphase_benchmark.client.measure`.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from triphase_benchmark.client.calibration import MOST_LAG_S, Calibration, ceiling
from triphase_benchmark.client.measure import TARGET, measure

from perf.processes import ROOT
from perf.recorded import CHUNKS, REQUESTS_IN_ALL, make_run
from perf.report import Verdict

MOST_REPORT_S = 20.0
MOST_REPORT_BYTES = 2e9
_CLOSING, _AGAIN = "as its workers left it", "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """One process: its time, its CPU time, and the most memory that it had resident, in bytes."""

    whole_s: float
    cpu_s: float
    memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`reports`: of one run, by the state of its folder. `client`: what each rate of events did to it."""

    reports: dict[str, Reporting]
    client: Sequence[Calibration]


def found() -> Found:
    """Measures all of it."""
    client = measure()
    with tempfile.TemporaryDirectory() as folder:
        make_run(Path(folder))
        reports = {state: _reported(folder) for state in (_CLOSING, _AGAIN)}
    return Found(reports=reports, client=client)


def _reported(folder: str) -> Reporting:
    started = time.perf_counter()
    command = [sys.executable, "-m", "triphase_benchmark", "report", folder, "--quiet"]
    process = subprocess.Popen(command, cwd=ROOT)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, "the report failed"
    whole_s = time.perf_counter() - started
    unit = 1 if sys.platform == "darwin" else 1024
    return Reporting(whole_s=whole_s, cpu_s=used.ru_utime + used.ru_stime, memory=used.ru_maxrss * unit)


def verdicts(found: Found) -> list[Verdict]:
    """Compares the figures with the targets."""
    report = found.reports[_AGAIN]
    events = ceiling(found.client)
    return [
        Verdict(
            target=f"a report of {_spaced(REQUESTS_IN_ALL)} requests, less than {MOST_REPORT_S:.0f} s",
            found=f"{report.whole_s:.1f} s",
            met=report.whole_s < MOST_REPORT_S,
        ),
        Verdict(
            target=f"the same, less than {MOST_REPORT_BYTES / 1e9:.0f} GB",
            found=f"{report.memory / 1e9:.2f} GB",
            met=report.memory < MOST_REPORT_BYTES,
        ),
        Verdict(
            target=f"client: {_spaced(TARGET)} events a second and core, lag p99 at most {MOST_LAG_S * 1e3:.0f} ms",
            found=_spaced(events),
            met=events >= TARGET,
        ),
    ]


def table(found: Found) -> Iterator[str]:
    """Yields the lines of both tables."""
    what = f"{_spaced(REQUESTS_IN_ALL)} requests of {CHUNKS} chunks"
    yield f"| `triphase-benchmark report`, {what} | s | CPU, s | memory, GB |"
    yield "|---|--:|--:|--:|"
    for state, report in found.reports.items():
        yield f"| {state} | {report.whole_s:.1f} | {report.cpu_s:.1f} | {report.memory / 1e9:.2f} |"
    yield ""
    yield "| client, events/s offered | arrived | lag p50, ms | p99 | most | of a core | µs CPU/event |"
    yield "|--:|--:|--:|--:|--:|--:|--:|"
    for one in found.client:
        each = one.cpu_share / one.achieved * 1e6 if one.achieved else float("nan")
        lags = " | ".join(f"{lag * 1e3:.2f}" for lag in (one.lag_p50, one.lag_p99, one.lag_max))
        yield f"| {_spaced(one.load.offered)} | {_spaced(one.achieved)} | {lags} | {one.cpu_share:.0%} | {each:.1f} |"


def as_json(found: Found) -> dict[str, Any]:
    """Returns everything that was measured."""
    return {
        "reports": {state: asdict(one) for state, one in found.reports.items()},
        "client": [asdict(one) for one in found.client],
    }


def _spaced(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")
