"""Compares what was measured with the truth: times within a bound, counts exactly, waits and verdicts as chance has it.

Its rule: pure functions. A time may be off by 1 % or 0.5 ms, whichever is more; a count, a usage, a split between
thoughts and answer, or a kind of failure may not be off at all. What chance has a part in may be off by what it leaves
to one in a thousand. Each check says what it saw, right or wrong.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from triphase_benchmark.client.calibration import Calibration, judge_client
from triphase_benchmark.run.selftest.cases import TOKEN_S, ComparedCase, CountedCase, QueueCase, StarvedCase
from triphase_benchmark.statistics.binomial import likely_counts
from triphase_benchmark.statistics.intervals import mean_interval
from triphase_benchmark.statistics.percentiles import percentile, percentiles

SHARE = 0.01
LEAST_S = 0.0005
CONFIDENCE = 0.999

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


def check_succeeded(name: str, measured: pa.Table) -> Check:
    """That all requests did: of one that failed there is no time."""
    return _exact(name, "requests that succeeded", [(error, None) for error in measured["error"].to_pylist()])


def check_times(
    name: str, measured: pa.Table, truth: pa.Table, *, kinds: Collection[str] = ("TTFT", "ITL")
) -> list[Check]:
    """TTFT and ITL at the middle and the end, of what succeeded, each beside what the engine and the clock say."""
    pairs = [(row, true) for row, true in _paired(measured, truth) if row["error"] is None]
    times = {
        "TTFT": (
            np.array([row["chunk_times"][0] - row["sent"] for row, _ in pairs]) / 1e9,
            np.array([true["chunk_sent"][0] - row["sent"] for row, true in pairs]) / 1e9,
        ),
        "ITL": (_gaps([row["chunk_times"] for row, _ in pairs]), _gaps([true["chunk_sent"] for _, true in pairs])),
    }
    told = [(what, *times[what]) for what in kinds if times[what][0].size]
    return [check for what, ours, theirs in told for check in _times(name, what, ours, theirs)]


def lateness(truth: pa.Table) -> float:
    """How much later than they were due the engine could send its chunks, at the end (p99), in seconds."""
    late = [np.subtract(row["chunk_sent"], row["chunk_due"]) for row in truth.to_pylist()]
    return percentile(np.concatenate([np.empty(0), *late]) / 1e9, 0.99) if any(map(len, late)) else 0.0


def check_waits(case: QueueCase, measured: pa.Table, truth: pa.Table) -> list[Check]:
    """The mean and the end of the engine's waits beside theory, and of what was measured beside the engine's."""
    pairs = sorted((pair for pair in _paired(measured, truth) if pair[0]["error"] is None), key=_by_number)
    waits = np.array([true["chunk_due"][0] - true["received"] for row, true in pairs if row["request"] >= case.each])
    return [*_beside_theory(case, waits / 1e9), *check_times(case.name, measured, truth, kinds=("TTFT",))]


def _by_number(pair: tuple[Row, Row]) -> int:
    return int(pair[0]["request"])


def _beside_theory(case: QueueCase, waits: Floats) -> list[Check]:
    batches = np.array_split(waits, case.batches)
    mean, end = case.mean_wait_s, case.p99_wait_s
    low, high = _around([float(batch.mean()) for batch in batches])
    least, most = _around([float((batch > end).mean()) for batch in batches])
    return [
        Check(
            case=case.name,
            what="mean wait",
            measured=_ms(float(waits.mean())),
            true=_ms(mean),
            off=f"interval {_ms(low)} to {_ms(high)}",
            holds=low <= mean <= high,
        ),
        Check(
            case=case.name,
            what="wait p99",
            measured=_ms(percentile(waits, 0.99)),
            true=_ms(end),
            off=f"beyond it: interval {max(least, 0):.2%} to {most:.2%}",
            holds=least <= 0.01 <= most,
        ),
    ]


def check_compared(case: ComparedCase, *, told: int, held: int) -> list[Check]:
    """In how many sessions the interval held the truth, and of equal engines, how many told them apart."""
    signs = 2**case.rounds
    level = 2 * floor(0.05 * signs / 2) / signs  # the largest below 5 % that a sign-flip test of so many rounds has
    apart = [] if case.effect else [_by_chance(case, "told apart", told, level)]
    return [*apart, _by_chance(case, "interval holds the truth", held, 0.95)]


def check_starved(case: StarvedCase, starved: Calibration | None) -> Check:
    """That the client says so, and why. `None`: it cannot be starved here."""
    check = Check(case=case.name, what="client ok", measured="unknown", true="not ok", off="", holds=None)
    if starved is None:
        return replace(check, off="not judged: this system binds no processes to cores")
    found = judge_client(starved, medians={"itl": TOKEN_S}, events_per_s=case.load.offered, cpu_share=starved.cpu_share)
    measured = "ok" if found.client_ok else "not ok"
    return replace(check, measured=measured, off="; ".join(found.reasons), holds=not found.client_ok)


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
    return np.concatenate([np.empty(0), *(np.diff(np.array(one, np.int64)) for one in times)]) / 1e9


def _around(values: Sequence[float]) -> tuple[float, float]:
    found = mean_interval(np.array(values), CONFIDENCE)
    return (found.low, found.high) if found.low is not None and found.high is not None else (-np.inf, np.inf)


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


def _by_chance(case: ComparedCase, what: str, count: int, share: float) -> Check:
    low, high = likely_counts(share, case.seeds, CONFIDENCE)
    return Check(
        case=case.name,
        what=what,
        measured=f"{count} of {case.seeds}",
        true=f"{share:.1%}",
        off=f"by chance {low} to {high}",
        holds=low <= count <= high,
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f} ms"
