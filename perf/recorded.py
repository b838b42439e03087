"""A run's folder with a million requests, made of chance and a seed: as its workers leave it, before it is closed.

Its rule: everything that a report reads is there and differs from request to request, since what is always the same is
quick to store and to sum. It holds two engines in eight rounds, two workers, 64 chunks for each request.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from triphase_benchmark.records.folder import RunFolder
from triphase_benchmark.records.schema import REQUESTS

REQUESTS_IN_ALL = 1_000_000
CHUNKS = 64
_ENGINES = {"one": 0.080, "other": 0.066}  # the median TTFT of each, in seconds
_ROUNDS = 8
_WORKERS = 2
_EACH = REQUESTS_IN_ALL // (_ROUNDS * len(_ENGINES) * _WORKERS)
_BATCH = 256  # as workers write
_S = 1_000_000_000
_TURN_S = 60

_MANIFEST: dict[str, Any] = {
    "tool_version": "0",
    "seed": 1,
    "load": "poisson:1000",
    "load_kind": "open",
    "workload": "chat",
    "slo": {"ttft": 0.1, "tpot": 0.03},
    "configuration": {"baseline": "one"},
    "engines": [{"name": name, "url": f"http://{name}.invalid", "price": None} for name in _ENGINES],
}


def make_run(path: Path) -> None:
    """Makes the folder, which must be empty; it takes 1 GB."""
    folder = RunFolder(path)
    folder.parts.mkdir()
    folder.write_manifest(_MANIFEST)
    rng = np.random.default_rng(1)
    for worker in range(_WORKERS):
        with folder.part(worker).open("wb") as file, pa.ipc.new_stream(file, REQUESTS) as stream:
            for number in range(_ROUNDS):
                for place, engine in enumerate(_ENGINES):
                    stream.write_table(_share(rng, number, place, engine, worker), max_chunksize=_BATCH)


def _share(rng: np.random.Generator, number: int, place: int, engine: str, worker: int) -> pa.Table:
    """A worker's share of what an engine is asked in a round."""
    begin = (number * len(_ENGINES) + place) * (_TURN_S + 5) * _S
    scheduled = begin + (np.sort(rng.uniform(0, _TURN_S, _EACH)) * _S).astype(np.int64)
    sent = scheduled + (rng.exponential(1e-4, _EACH) * _S).astype(np.int64)
    first = _ENGINES[engine] * rng.lognormal(0, 0.25, (_EACH, 1))
    steps = np.concatenate([first, 0.012 * rng.lognormal(0, 0.2, (_EACH, CHUNKS - 1))], axis=1)
    times = sent[:, None] + (np.cumsum(steps, axis=1) * _S).astype(np.int64)
    thoughts = rng.integers(8, 24, _EACH)
    offsets = pa.array(np.arange(_EACH + 1) * CHUNKS, pa.int32())
    failed = rng.uniform(size=_EACH) < 0.02
    known: dict[str, Any] = {
        "round": np.full(_EACH, number),
        "place_in_round": np.full(_EACH, place),
        "engine": [engine] * _EACH,
        "host": ["here"] * _EACH,
        "worker": np.full(_EACH, worker),
        "request": np.arange(_EACH) * _WORKERS + worker,
        "prompt": [f"{number}-{request * _WORKERS + worker}" for request in range(_EACH)],
        "warm_up": np.arange(_EACH) < 100,
        "scheduled": scheduled,
        "sent": sent,
        "responded": times[:, 0] - 1_000_000,
        "ended": times[:, -1] + 200_000,
        "chunk_times": pa.ListArray.from_arrays(offsets, pa.array(times.ravel())),
        "chunk_tokens": pa.ListArray.from_arrays(offsets, pa.array(np.ones(_EACH * CHUNKS, np.int32))),
        "chunk_output": pa.ListArray.from_arrays(offsets, pa.array((np.arange(CHUNKS) >= thoughts[:, None]).ravel())),
        "shared_reads": rng.integers(0, 3, _EACH),
        "input_tokens": rng.integers(50, 500, _EACH),
        "cached_tokens": np.zeros(_EACH, int),
        "output_tokens": np.full(_EACH, CHUNKS),
        "reasoning_tokens": thoughts,
        "usage_is_estimate": np.zeros(_EACH, bool),
        "asked_tokens": np.full(_EACH, CHUNKS),
        "reasoning_characters": thoughts * 5,
        "output_characters": (CHUNKS - thoughts) * 5,
        "finish_reason": ["length"] * _EACH,
        "status": np.full(_EACH, 200),
        "error": pa.array(["reset" if bad else None for bad in failed]),
        "error_detail": pa.array(["connection reset by peer" if bad else None for bad in failed]),
    }
    columns = [
        pa.array(known[field.name]).cast(field.type) if field.name in known else pa.nulls(_EACH, field.type)
        for field in REQUESTS
    ]
    return pa.Table.from_arrays(columns, schema=REQUESTS)
