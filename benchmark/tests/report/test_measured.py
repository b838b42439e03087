"""The measures of single requests, by hand: times in ms, each request as one would note it on paper."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from triphase_benchmark.records.schema import REQUESTS
from triphase_benchmark.report import measured

MS = 1_000_000
# Sent at 5, due at 3; thoughts at 105 and 125, output at 145 and 155, end at 160; five tokens, the first chunk has two.
PLAIN: dict[str, Any] = {
    "scheduled": 3 * MS,
    "sent": 5 * MS,
    "ended": 160 * MS,
    "chunk_times": [105 * MS, 125 * MS, 145 * MS, 155 * MS],
    "chunk_tokens": [2, 1, 1, 1],
    "chunk_output": [False, False, True, True],
    "output_tokens": 5,
}
FILLED: dict[str, Any] = {
    "round": 0, "place_in_round": 0, "engine": "e", "host": "h", "worker": 0, "request": 0, "prompt": "p",
    "warm_up": False, "shared_reads": 0, "reasoning_characters": 0, "output_characters": 0,
}  # fmt: skip


def batch(*changes: dict[str, Any]) -> pa.RecordBatch:
    rows = [{field.name: None for field in REQUESTS} | FILLED | PLAIN | change for change in changes]
    return pa.RecordBatch.from_pylist(rows, schema=REQUESTS)


def of(*changes: dict[str, Any]) -> dict[str, list[float]]:
    made = batch(*changes)
    return {name: values.tolist() for name, values in measured.of_requests(made, measured.chunks_of(made)).items()}


def test_measures_follow_the_glossary() -> None:
    found = of({})
    assert found["ttft"] == pytest.approx([0.100])
    assert found["ttfa"] == pytest.approx([0.140])
    assert found["e2e"] == pytest.approx([0.155])
    assert found["schedule_delay"] == pytest.approx([0.002])
    assert found["tpot"] == pytest.approx([(0.155 - 0.100) / (5 - 2)])


def test_an_engine_that_tells_no_tokens_has_one_in_its_first_chunk() -> None:
    assert of({"chunk_tokens": None})["tpot"] == pytest.approx([0.055 / 4])


def test_a_single_token_has_no_time_per_token() -> None:
    one = {"chunk_times": [105 * MS], "chunk_tokens": [1], "chunk_output": [True], "output_tokens": 1}
    assert np.isnan(of(one)["tpot"]).all()


def test_thoughts_alone_have_no_time_to_an_answer() -> None:
    found = of({"chunk_output": [False] * 4}, {})
    assert np.isnan(found["ttfa"][0])
    assert found["ttfa"][1] == pytest.approx(0.140)


def test_without_chunks_there_is_no_first_one() -> None:
    nothing = {"chunk_times": [], "chunk_tokens": [], "chunk_output": [], "output_tokens": 0}
    found = of({}, nothing, {}, nothing)
    assert np.isnan(found["ttft"]).tolist() == [False, True, False, True]
    assert np.isnan(found["ttfa"]).tolist() == [False, True, False, True]


def test_gaps_do_not_reach_from_one_request_to_the_next() -> None:
    chunks = measured.chunks_of(batch({}, {"chunk_times": [], "chunk_tokens": [], "chunk_output": []}, {}))
    gaps, places = measured.gaps(chunks)
    assert gaps == pytest.approx([0.020, 0.020, 0.010] * 2)
    assert chunks.request[places].tolist() == [0, 0, 0, 2, 2, 2]


def test_of_the_tokens_of_a_chunk_the_first_has_waited() -> None:
    by_token = measured.by_token(np.array([0.02, 0.03, 0.01]), np.array([1.0, 3.0, 0.0]))
    assert sorted(by_token.tolist()) == [0, 0, 0.02, 0.03]


def test_thoughts_that_are_not_shown_hide_the_first_token() -> None:
    hidden: dict[str, Any] = {"chunk_output": [True] * 4}
    found = of(
        hidden, hidden | {"reasoning_tokens": 7}, hidden | {"reasoning_summary": 50 * MS}, {"reasoning_tokens": 7}
    )
    assert np.isnan(found["ttft"]).tolist() == [False, True, True, False]
    assert np.isnan(found["tpot"]).tolist() == [False, True, True, False]


def test_what_came_in_one_chunk_has_no_time_per_token() -> None:
    one = {"chunk_times": [105 * MS], "chunk_tokens": None, "chunk_output": [True]}
    assert np.isnan(of(one)["tpot"]).all()


def test_tokens_that_nobody_tells_are_spread_evenly() -> None:
    made = batch({}, {"chunk_tokens": None, "output_tokens": 6}, {"chunk_tokens": [2, None, 1, 1]})
    tokens = measured.tokens_of(made, measured.chunks_of(made))
    assert tokens.tolist() == [2, 1, 1, 1, 1.5, 1.5, 1.5, 1.5, 2, 1.25, 1, 1]


@pytest.mark.parametrize(("begin", "length"), [(0, 2), (1, 2), (2, 1)])
def test_a_slice_of_a_table_has_its_own_measures(begin: int, length: int) -> None:
    rows: list[dict[str, Any]] = [
        {},
        {"sent": 6 * MS, "chunk_tokens": None},
        {"sent": 7 * MS, "chunk_tokens": [1, 2, 1, 1]},
    ]
    sliced = batch(*rows).slice(begin, length)
    found = measured.of_requests(sliced, measured.chunks_of(sliced))
    assert {name: values.tolist() for name, values in found.items() if name in {"ttft", "tpot", "e2e", "ttfa"}} == {
        name: values
        for name, values in of(*rows[begin : begin + length]).items()
        if name in {"ttft", "tpot", "e2e", "ttfa"}
    }


def test_only_what_was_sent_and_has_not_failed_counts() -> None:
    made = batch({}, {"error": "reset"}, {"warm_up": True}, {"sent": None})
    assert measured.succeeded(made).tolist() == [True, False, False, False]
