"""A table of requests cut into turns, and its measures of phases."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics.request_tables import request_table
from triphase_benchmark.metrics import latencies
from triphase_benchmark.metrics.requests import read
from triphase_benchmark.metrics.turns import turns_of

ROWS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from("ab")), max_size=40)


@given(ROWS, st.integers(1, 7))
def test_every_request_is_in_its_turn_once_and_in_order(rows: list[tuple[int, str]], cut: int) -> None:
    table = request_table({"round": number, "engine": engine} for number, engine in rows)
    pieces = pa.concat_tables([table.slice(0, 0), *(table.slice(at, cut) for at in range(0, len(rows), cut))])
    turns = list(turns_of(ds.dataset(pieces), ("request",)))
    found = {(turn.round, turn.engine): turn.requests["request"].to_pylist() for turn in turns}
    assert len(found) == len(turns)
    assert found == {key: [number for number, own in enumerate(rows) if own == key] for key in dict.fromkeys(rows)}


def test_a_turn_is_given_as_soon_as_it_is_whole() -> None:
    table = request_table({"round": number, "engine": "a"} for number in (0, 0, 1, 1))
    first = next(turns_of(table, ("request",)))
    assert (first.round, first.engine, first.requests.num_rows) == (0, "a", 2)


def test_phases_count_from_when_a_request_was_sent_and_only_of_answers() -> None:
    answer: dict[str, Any] = {
        "sent": 1_000_000_000,
        "ended": 3_000_000_000,
        "chunk_times": [2_500_000_000],
        "accepted": 1_002_000_000,
        "prompt_summary": 1_004_000_000,
        "reasoning_summary": 2_000_000_000,
    }
    requests = read(request_table([answer, answer | {"error": "reset"}, answer | {"accepted": None}]))
    expected = {latencies.accepted: 0.002, latencies.prompt_summary: 0.004, latencies.reasoning_summary: 1.0}
    for measure, seconds in expected.items():
        found = measure(requests)
        assert found[0] == pytest.approx(seconds)
        assert np.isnan(found[1])
        assert np.isnan(found[2]) == (measure is latencies.accepted)
