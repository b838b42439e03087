"""The self-test can fail: what differs from the truth is seen, however small where nothing may differ."""

from typing import Any

import pyarrow as pa
import pytest
from triphase_benchmark.records.schema import REQUESTS
from triphase_benchmark.records.truth import TRUTH
from triphase_benchmark.run.selftest.cases import CountedCase
from triphase_benchmark.run.selftest.judging import check_counts, check_times

MS = 1_000_000
CASE = CountedCase(name="case", like="vllm", asked_by="vllm", settings=(), requests=1)


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


def truth() -> pa.Table:
    known: dict[str, Any] = {field.name: 0 for field in TRUTH if not field.nullable}
    known |= {"request": "self-0", "answer": "1", "outcome": "completed", "status": 200, "chunk_due": []}
    known |= {"chunk_sent": [50 * MS, 70 * MS, 90 * MS], "chunk_tokens": [1, 1, 1], "chunk_output": [False, True, True]}
    known |= {"input_tokens": 5, "output_tokens": 3, "reasoning_tokens": 1}
    return pa.Table.from_pylist([known], TRUTH)


def test_what_is_equal_holds() -> None:
    checks = [*check_counts(CASE, measured(), truth()), *check_times("case", measured(), truth())]
    assert len(checks) == 12
    assert all(check.holds for check in checks)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"output_tokens": 4}, "output tokens"),
        ({"input_tokens": 6}, "input tokens"),
        ({"reasoning_tokens": 2}, "tokens of thoughts"),
        ({"chunk_tokens": [2, 1, 1]}, "tokens of each chunk"),
        ({"chunk_output": [True, True, True]}, "chunks of output"),
        ({"prompt": "other"}, "requests that the engine had"),
    ],
)
def test_a_count_may_not_be_off_at_all(changes: dict[str, Any], what: str) -> None:
    checks = check_counts(CASE, measured(**changes), truth())
    assert what in [check.what for check in checks if not check.holds]


def test_a_failure_of_another_kind_is_seen() -> None:
    checks = check_counts(CASE, measured(error="reset"), truth())
    assert "failures by kind" in [check.what for check in checks if not check.holds]


@pytest.mark.parametrize(("late_ns", "holds"), [(MS * 4 // 10, True), (MS, False)])
def test_a_time_may_be_off_by_half_a_millisecond(late_ns: int, holds: bool) -> None:
    late = measured(chunk_times=[50 * MS + late_ns, 70 * MS + late_ns, 90 * MS + late_ns])
    checks = {check.what: check.holds for check in check_times("case", late, truth())}
    assert checks["TTFT p50"] is holds
    assert checks["ITL p50"] is True
