"""Compares what was measured with the truth: times within a bound, counts exactly.

Its rule: pure functions of two tables. A time may be off by 1 % or 0.5 ms, whichever is more; a count, a usage, a split
between thoughts and answer, or a kind of failure may not be off at all. Each check says what it saw, right or wrong.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from triphase_benchmark.run.selftest.cases import CountedCase
from triphase_benchmark.statistics.percentiles import percentiles

SHARE = 0.01
LEAST_S = 0.0005

Floats = NDArray[np.float64]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was compared. `holds`: `None` where nothing may be said of it, as `off` tells."""

    case: str
    what: str
    measured: str
    true: str
    off: str
    holds: bool | None


def check_times(name: str, measured: pa.Table, truth: pa.Table) -> list[Check]:
    """TTFT and ITL at the middle and the end, each beside what the engine and the clock say."""
    pairs = _paired(measured, truth)
    kinds = {
        "TTFT": (
            np.array([row["chunk_times"][0] - row["sent"] for row, _ in pairs]) / 1e9,
            np.array([true["chunk_sent"][0] - row["sent"] for row, true in pairs]) / 1e9,
        ),
        "ITL": (_gaps([row["chunk_times"] for row, _ in pairs]), _gaps([true["chunk_sent"] for _, true in pairs])),
    }
    return [check for what, (ours, theirs) in kinds.items() for check in _times(name, what, ours, theirs)]


def check_counts(case: CountedCase, measured: pa.Table, truth: pa.Table) -> list[Check]:
    """Chunks, tokens, usage and failures, request by request."""
    pairs = _paired(measured, truth)
    whole = [(row, true) for row, true in pairs if row["error"] is None]
    columns = {
        "requests that the engine had": [(len(pairs), measured.num_rows)],
        "token chunks": [(len(row["chunk_times"]), len(true["chunk_sent"])) for row, true in whole],
        "chunks of output": [(row["chunk_output"], true["chunk_output"]) for row, true in whole],
        "output tokens": [(row["output_tokens"], true["output_tokens"]) for row, true in whole],
        "input tokens": [(row["input_tokens"], true["input_tokens"]) for row, true in whole],
    }
    if case.tells_chunks:
        columns["tokens of each chunk"] = [(row["chunk_tokens"], true["chunk_tokens"]) for row, true in whole]
    told = [(row, true) for row, true in whole if row["reasoning_tokens"] is not None]
    if told:
        columns["tokens of thoughts"] = [(row["reasoning_tokens"], true["reasoning_tokens"]) for row, true in told]
    columns["failures by kind"] = list(_failures(case, measured))
    return [_exact(case.name, what, values) for what, values in columns.items()]


def _paired(measured: pa.Table, truth: pa.Table) -> list[tuple[Row, Row]]:
    true = {row["request"]: row for row in truth.to_pylist()}
    return [(row, true[row["prompt"]]) for row in measured.to_pylist() if row["prompt"] in true]


def _gaps(times: Sequence[Sequence[int]]) -> Floats:
    return np.concatenate([np.diff(np.array(one, np.int64)) for one in times]) / 1e9


def _times(name: str, what: str, ours: Floats, theirs: Floats) -> Iterator[Check]:
    for share in (0.5, 0.99):
        (measured,), (true,) = percentiles(ours, [share]), percentiles(theirs, [share])
        off = abs(measured - true)
        yield Check(
            case=name,
            what=f"{what} p{share * 100:g}",
            measured=_ms(measured),
            true=_ms(true),
            off=_ms(off),
            holds=off <= max(SHARE * true, LEAST_S),
        )


def _failures(case: CountedCase, measured: pa.Table) -> Iterator[tuple[str | None, str | None]]:
    for row in measured.to_pylist():
        fault = row["request"] - case.requests
        expected = case.faults[fault].kind if fault >= 0 else None
        yield row["error"], expected.value if expected else None


def _exact(name: str, what: str, values: Sequence[tuple[Any, Any]]) -> Check:
    """Of equal length as many as there are; the first that is off is shown."""
    wrong = [(ours, theirs) for ours, theirs in values if ours != theirs]
    ours, theirs = wrong[0] if wrong else (f"{len(values) - len(wrong)} of {len(values)} equal", "")
    return Check(
        case=name,
        what=what,
        measured=str(ours),
        true=str(theirs),
        off=f"{len(wrong)} wrong" if wrong else "0",
        holds=not wrong and bool(values),
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f} ms"
