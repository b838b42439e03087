"""What a manifest that somebody edited may say, and what becomes of it."""

from typing import Any

import pyarrow as pa
import pytest
from triphase_benchmark.records.folder import BadFolder
from triphase_benchmark.records.schema import REQUESTS
from triphase_benchmark.run.closing import rounds_table

NOBODY: pa.Table = REQUESTS.empty_table()


@pytest.mark.parametrize(
    "told",
    [
        {"load_kind": "sideways"},
        {"load_kind": ["closed"]},
        {"slo": {"ttft": "soon"}},
        {"slo": ["ttft"]},
        {"engines": [{"name": "a", "price": {"input": 1.0}}]},
        {"engines": [{"name": "a", "price": 3}]},
        {"engines": [{"price": {"input": 1.0, "output": 2.0}}]},
        {"engines": ["a"]},
    ],
)
def test_what_is_not_known_is_one_error(told: dict[str, Any]) -> None:
    with pytest.raises(BadFolder, match=r"^manifest\.json tells "):
        rounds_table(NOBODY, told)


def test_what_is_left_out_is_a_closed_loop_without_limits_or_prices() -> None:
    assert rounds_table(NOBODY, {}).num_rows == 0
