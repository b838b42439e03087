"""Tables of requests, made of what a test wants to say of each: the rest is that of a request that nothing ails."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
from triphase_benchmark.records.schema import REQUESTS

_PLAIN: dict[str, Any] = {
    "round": 0,
    "place_in_round": 0,
    "engine": "a",
    "host": "here",
    "worker": 0,
    "prompt": "p",
    "warm_up": False,
    "chunk_times": [],
    "shared_reads": 0,
    "reasoning_characters": 0,
    "output_characters": 0,
}


def request_table(requests: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Scheduled when sent, all chunks output, and null what is not given."""
    return pa.Table.from_pylist([_row(number, given) for number, given in enumerate(requests)], schema=REQUESTS)


def _row(number: int, given: Mapping[str, Any]) -> dict[str, Any]:
    row = _PLAIN | {"request": number} | dict(given)
    row.setdefault("scheduled", row.get("sent") or 0)
    row.setdefault("chunk_output", [True] * len(row["chunk_times"]))
    return row
