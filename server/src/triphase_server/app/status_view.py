"""What `triphase-server status` prints: a table on a terminal, plain columns in a pipe, or JSON.

Rule: all forms tell the same of each deployment in each worker; deployments stay together, since an operator looks for
one and compares workers. Times are told roughly, as durations from now; JSON has them in seconds.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from triphase_server.core.transitions import CircuitState
from triphase_server.rpc.admin.client import Silence
from triphase_server.service.administration import CircuitStatus, DeploymentStatus, WorkerStatus

_HEAD = ("DEPLOYMENT", "WORKER", "CIRCUIT", "WHY", "RETRY", "IN FLIGHT", "LATENCY", "UP")
_STYLES: Mapping[str, str] = {
    CircuitState.CLOSED: "green",
    CircuitState.OPEN: "red",
    CircuitState.HALF_OPEN: "yellow",
    CircuitState.ISOLATED: "magenta",
}
_NOTHING = "-"
# From how many seconds on which unit is used, and how many seconds it has.
_UNITS = ((2 * 86400, "d", 86400), (2 * 3600, "h", 3600), (120, "min", 60))


def show(answers: Mapping[int, WorkerStatus], *, console: Console | None = None) -> None:
    """Prints the status of workers on the terminal or into a pipe, or on `console`."""
    console = console or Console()
    rows = list(_rows(answers))
    if console.is_terminal:
        console.print(_table(rows))
        return
    widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
    for row in (_HEAD, *rows):
        console.file.write(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"
        )


def as_json(found: Mapping[int, WorkerStatus | Silence]) -> str:
    """Returns everything that workers told, and who was silent."""
    answers = [asdict(answer) for answer in found.values() if isinstance(answer, WorkerStatus)]
    silent = [{"place": place, **asdict(silence)} for place, silence in found.items() if isinstance(silence, Silence)]
    return json.dumps({"workers": answers, "silent": silent}, indent=2, ensure_ascii=False)


def roughly(seconds: float) -> str:
    """Returns a duration for people: `0.42 s`, `12 s`, `3 min`, `5 h`, `4 d`."""
    for least, unit, size in _UNITS:
        if seconds >= least:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2f} s"


def _rows(answers: Mapping[int, WorkerStatus]) -> Iterator[tuple[str, ...]]:
    told = [(deployment, worker) for worker in answers.values() for deployment in worker.deployments]
    for deployment, worker in sorted(told, key=lambda pair: (pair[0].name, pair[1].place)):
        yield _row(deployment, worker)


def _row(deployment: DeploymentStatus, worker: WorkerStatus) -> tuple[str, ...]:
    circuit = deployment.circuit
    return (
        deployment.name,
        str(worker.place),
        circuit.state,
        _why(circuit),
        _NOTHING if circuit.retry_after_s is None else f"in {roughly(circuit.retry_after_s)}",
        str(deployment.in_flight),
        _NOTHING if deployment.latency_s is None else roughly(deployment.latency_s),
        roughly(worker.uptime_s),
    )


def _why(circuit: CircuitStatus) -> str:
    if circuit.reason is None or circuit.since_s is None:
        return _NOTHING
    return f"{circuit.reason}, {roughly(circuit.since_s)} ago"


def _table(rows: list[tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    for title in _HEAD:
        # Where there is little room, reasons are wrapped: names are to be copied.
        table.add_column(title, no_wrap=title != "WHY", overflow="fold")
    for name, worker, state, why, *rest in rows:
        # With spaces it can be wrapped between words.
        table.add_row(Text(name), worker, Text(state, style=_STYLES.get(state, "")), why.replace("_", " "), *rest)
    return table
