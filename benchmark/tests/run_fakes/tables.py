"""One request of three tokens, as it was measured and as it was; and what a calibration of the client says."""

from typing import Any

import pyarrow as pa
from triphase_benchmark.client.calibration import Calibration, ClientLoad
from triphase_benchmark.records.schema import REQUESTS
from triphase_benchmark.records.truth import TRUTH

MS = 1_000_000


def measured(**changes: Any) -> pa.Table:
    known: dict[str, Any] = {field.name: 0 for field in REQUESTS if not field.nullable}
    known |= {"engine": "a", "host": "h", "prompt": "self-0", "warm_up": False, "sent": 0, "ended": 90 * MS}
    known |= {
        "chunk_times": [50 * MS, 70 * MS, 90 * MS],
        "chunk_tokens": [1, 1, 1],
        "chunk_output": [False, True, True],
    }
    known |= {"input_tokens": 5, "output_tokens": 3, "reasoning_tokens": 1}
    return pa.Table.from_pylist([known | changes], REQUESTS)


def truth(**changes: Any) -> pa.Table:
    known: dict[str, Any] = {field.name: 0 for field in TRUTH if not field.nullable}
    known |= {"request": "self-0", "answer": "1", "outcome": "completed", "status": 200}
    known |= {name: [50 * MS, 70 * MS, 90 * MS] for name in ("chunk_due", "chunk_sent")}
    known |= {"chunk_tokens": [1, 1, 1], "chunk_output": [False, True, True]}
    known |= {"input_tokens": 5, "output_tokens": 3, "reasoning_tokens": 1}
    return pa.Table.from_pylist([known | changes], TRUTH)


def calibrated(load: ClientLoad, *, workers: int, lag_s: float = 1e-4) -> Calibration:
    return Calibration(
        load=load, workers=workers, events=150, achieved=load.offered, cpu_share=0.1, errors=0,
        lag_p50=lag_s, lag_p99=lag_s, lag_max=lag_s,
    )  # fmt: skip
