"""The truth log of a simulated engine, as a table beside what was measured of it.

Its rule: the engine and the client share one machine and so one monotonic clock; times here are nanoseconds from the
same epoch as in `schema.REQUESTS`, so that measured - true is the client's error. Rows join by the request's id, which
the client sends as `x-request-id`. The log itself is written by `triphase_model.engine.simulated.serving.truth`.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from triphase_model.engine.simulated.serving.truth import Truth, read_truth

_NS = pa.int64()

# One row for each request that the engine had, in the order of their ends.
TRUTH = pa.schema(
    [
        pa.field("request", pa.string(), nullable=False),  # its `x-request-id`, else the number of its arrival
        pa.field("answer", pa.string(), nullable=False),  # the `id` of its answer
        pa.field("received", _NS, nullable=False),  # the whole request was there
        pa.field("admitted", _NS),  # it was let into the batch, or served; null: never
        pa.field("prefilled", _NS),  # its prompt had been read
        pa.field("head", _NS),  # the socket had the response's head
        # Token chunks that were sent, as in `REQUESTS`.
        pa.field("chunk_due", pa.list_(_NS), nullable=False),  # when the model of time wanted it to be sent
        pa.field("chunk_sent", pa.list_(_NS), nullable=False),  # when the socket had it
        pa.field("chunk_tokens", pa.list_(pa.int32()), nullable=False),
        pa.field("chunk_output", pa.list_(pa.bool_()), nullable=False),
        pa.field("ended", _NS, nullable=False),
        pa.field("input_tokens", pa.int32(), nullable=False),
        pa.field("cached_tokens", pa.int32(), nullable=False),
        pa.field("reasoning_tokens", pa.int32(), nullable=False),
        pa.field("output_tokens", pa.int32(), nullable=False),  # thoughts included
        pa.field("preemptions", pa.int32(), nullable=False),
        pa.field("finish_reason", pa.string()),
        pa.field("status", pa.int32(), nullable=False),
        pa.field("fault", pa.string()),  # what was done to it on purpose
        pa.field("outcome", pa.string(), nullable=False),  # completed, client_closed, reset or refused
    ]
)


def truth_table(path: Path, *, epoch_ns: int = 0) -> pa.Table:
    """Reads a log; `epoch_ns` is the run's. The metadata of the table has the log's header.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no truth log of the version that is known here.
    """
    header, rows = read_truth(path)
    said = {"seed": str(header.seed), "model": header.model, "started": str(header.started_ns - epoch_ns)}
    table = pa.Table.from_pylist([_row(row, epoch_ns) for row in rows], schema=TRUTH)
    return table.replace_schema_metadata(said)


def write_truth(log: Path, parquet: Path, *, epoch_ns: int = 0) -> int:
    """Makes a Parquet file of a log; returns the number of rows.

    Raises:
        OSError: One of the files cannot be used.
        ValueError: It is no truth log of the version that is known here.
    """
    table = truth_table(log, epoch_ns=epoch_ns)
    pq.write_table(table, parquet, compression="zstd")
    return int(table.num_rows)


def _row(row: Truth, epoch_ns: int) -> dict[str, object]:
    received = row.received_ns - epoch_ns

    def at(time_ns: int | None) -> int | None:
        return None if time_ns is None else received + time_ns

    return {
        "request": row.request,
        "answer": row.answer,
        "received": received,
        "admitted": at(row.admitted),
        "prefilled": at(row.prefilled),
        "head": at(row.head),
        "chunk_due": [received + due for due in row.due],
        "chunk_sent": [received + sent for sent in row.sent],
        "chunk_tokens": row.tokens,
        "chunk_output": row.output,
        "ended": received + row.ended,
        "input_tokens": row.prompt_tokens,
        "cached_tokens": row.cached_tokens,
        "reasoning_tokens": row.reasoning_tokens,
        "output_tokens": row.output_tokens,
        "preemptions": row.preemptions,
        "finish_reason": row.finish_reason,
        "status": row.status,
        "fault": row.fault,
        "outcome": row.outcome,
    }
