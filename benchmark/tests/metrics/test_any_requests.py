"""Whatever a table of requests holds: no error, no warning, and values that can be."""

import os
import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics.request_tables import request_table
from triphase_benchmark.engines.engine import Price
from triphase_benchmark.metrics.catalog import OF_GATEWAYS
from triphase_benchmark.metrics.rounds import errors_of, rounds_of
from triphase_benchmark.plan.values import Load
from triphase_benchmark.records.error_kinds import ErrorKind
from triphase_benchmark.records.schema import REQUESTS

TIMES = st.integers(0, 10**11)
COUNTS = st.none() | st.integers(0, 1000)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    sent = draw(st.none() | TIMES)
    ended = None if sent is None else draw(st.none() | st.integers(sent, sent + 10**10))
    last = (sent or 0) if ended is None else ended
    times = [] if sent is None else sorted(draw(st.lists(st.integers(sent, max(sent, last)), max_size=4)))
    each = st.lists(st.integers(0, 5), min_size=len(times), max_size=len(times))
    return {
        "round": draw(st.integers(0, 2)),
        "engine": draw(st.sampled_from("ab")),
        "warm_up": draw(st.booleans()),
        "scheduled": draw(TIMES) if sent is None else draw(st.integers(0, sent)),
        "sent": sent,
        "ended": ended,
        "chunk_times": times,
        "chunk_tokens": draw(st.none() | each),
        "chunk_output": [draw(st.booleans()) for _ in times],
        **{name: None if sent is None else draw(st.none() | st.integers(sent, last)) for name in sorted(OF_GATEWAYS)},
        "input_tokens": draw(COUNTS),
        "output_tokens": draw(COUNTS),
        "reasoning_tokens": draw(COUNTS),
        "error": draw(st.none() | st.sampled_from([kind.value for kind in ErrorKind])),
    }


@given(st.lists(requests(), max_size=30), st.sampled_from(list(Load)))
def test_every_table_has_its_rounds(rows: list[dict[str, Any]], load: Load) -> None:
    table = request_table(rows)
    slos = {"ttft": 0.5, "ttfa": 0.5, "tpot": 0.1, "e2e_scheduled": 9.0}
    rounds = rounds_of(table, load=load, slos=slos, prices={"a": Price(input=1.0, output=2.0)}).to_pylist()
    assert {(row["round"], row["engine"]) for row in rounds} == {(row["round"], row["engine"]) for row in rows}
    by_place: dict[tuple[object, ...], float] = {}
    for row in rounds:
        assert (row["value"] is None) == (row["undefined"] is not None)
        assert row["value"] is None or 0 <= row["value"] < np.inf
        by_place[row["round"], row["engine"], row["metric"]] = row["value"] or 0.0
    for (*place, metric), value in by_place.items():
        assert metric != "goodput" or value <= by_place[*place, "request_throughput"]
    for row in errors_of(table).to_pylist():
        assert 0 < row["share"] <= 1


PHASES = ("accepted", "prompt_summary", "reasoning_summary")  # which only gateways have


@pytest.mark.skipif(os.environ.get("TRIPHASE_BENCHMARK") != "full", reason="takes 2 GB: TRIPHASE_BENCHMARK=full")
def test_a_million_requests_take_seconds() -> None:
    count, chunks = 1_000_000, 20
    generator = np.random.default_rng(1)
    sent = np.sort(generator.integers(0, 60 * 10**9, (16, count // 16)), axis=1).ravel()
    times = sent[:, np.newaxis] + 10**8 + np.cumsum(generator.integers(10**7, 3 * 10**7, (count, chunks)), axis=1)
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * chunks)
    given = {
        "round": np.repeat(np.arange(8), count // 8),
        "engine": np.tile(np.repeat(["a", "b"], count // 16), 8),
        "scheduled": sent,
        "sent": sent,
        "ended": times[:, -1],
        "chunk_times": pa.ListArray.from_arrays(offsets, pa.array(times.ravel())),
        "chunk_output": pa.ListArray.from_arrays(offsets, pa.array(np.ones(count * chunks, dtype=bool))),
        "chunk_tokens": pa.ListArray.from_arrays(offsets, pa.array(np.ones(count * chunks, dtype=np.int32))),
        "output_tokens": np.full(count, chunks),
        "input_tokens": np.full(count, 100),
        "warm_up": np.zeros(count, dtype=bool),
    }
    names = [name for name in REQUESTS.names if name in given or REQUESTS.field(name).nullable]
    columns = [given.get(name, pa.nulls(count, REQUESTS.field(name).type)) for name in names]
    table = pa.table(dict(zip(names, columns, strict=True)))
    begin = time.process_time()
    rounds = rounds_of(table, load=Load.OPEN, slos={"ttft": 0.5})
    assert time.process_time() - begin < 15
    told = [row for row in rounds.to_pylist() if row["statistic"] == "p99" and row["metric"] not in PHASES]
    assert {row["value"] is not None for row in told} == {True}
