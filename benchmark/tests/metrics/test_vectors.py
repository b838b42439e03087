"""All vectors of `testdata/metrics`, each as one round of one engine."""

import json
from pathlib import Path
from typing import Any

import pytest
from metrics.request_tables import request_table
from triphase_benchmark.engines.engine import Price
from triphase_benchmark.metrics.rounds import rounds_of
from triphase_benchmark.plan.values import Load

FOLDER = Path(__file__).parents[3] / "testdata" / "metrics"
CASES = [case for file in sorted(FOLDER.glob("*.json")) for case in json.loads(file.read_text())["cases"]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_vectors(case: dict[str, Any]) -> None:
    table = rounds_of(
        request_table(case["requests"]),
        load=Load(case.get("load", "closed")),
        slos=case.get("slos"),
        prices={"a": Price(**case["price"])} if "price" in case else None,
    )
    rows = {f"{row['metric']} {row['statistic']}": row for row in table.to_pylist()}
    assert {row["void"] for row in rows.values()} == {case.get("void")}
    for name, value in case.get("expect", {}).items():
        assert rows[name]["value"] == pytest.approx(value, rel=1e-15, abs=0), name
        assert rows[name]["undefined"] is None
    for name, reason in case.get("undefined", {}).items():
        assert (rows[name]["value"], rows[name]["undefined"]) == (None, reason), name


def test_a_value_that_is_missing_says_why() -> None:
    for case in CASES:
        for row in rounds_of(request_table(case["requests"]), load=Load.CLOSED).to_pylist():
            assert (row["value"] is None) == (row["undefined"] is not None), (case["name"], row)
