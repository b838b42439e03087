import json

import numpy as np
import pyarrow as pa
import pytest
from report.runs import a_run, comparison_rows, requests, round_rows
from triphase_benchmark.report.gathered import Gathered, gathered
from triphase_benchmark.report.inputs import Inputs
from triphase_benchmark.report.results import results


def test_all_rounds_and_the_comparison_are_there(run: Inputs, found: Gathered) -> None:
    told = json.loads(results(run, found))
    assert (told["format"], told["version"]) == ("triphase-benchmark-results", 1)
    assert [tuple(row.values()) for row in told["rounds"]] == [(*row.values(), None) for row in round_rows()]
    assert told["comparison"][0]["ratios"] == list(run.comparison[0].ratios)
    assert told["requests"]["vllm"]["failures"] == {"reset": 29}
    assert told["simulated"] == ["vllm", "friendli"]


def test_failures_are_told_by_round_and_kind(run: Inputs, found: Gathered) -> None:
    every = json.loads(results(run, found))["errors"]
    assert all(list(row) == ["round", "engine", "kind", "count", "share"] for row in every)
    assert [(row["round"], row["engine"]) for row in every] == sorted((row["round"], row["engine"]) for row in every)
    for engine in ("vllm", "friendli"):
        mine = [row for row in every if row["engine"] == engine]
        assert sum(row["count"] for row in mine) == found.counts[engine].failures["reset"]
        assert all(row["kind"] == "reset" and row["share"] == row["count"] / 147 for row in mine)  # without warm-up


def test_keys_stand_in_their_order(run: Inputs, found: Gathered) -> None:
    told = json.loads(results(run, found))
    members = "format version engines simulated client_ok problems requests errors comparison knees rounds manifest"
    assert " ".join(told) == members
    assert list(told["rounds"][0]) == ["round", "engine", "metric", "statistic", "value", "n", "void", "undefined"]
    assert list(told["manifest"]) == sorted(told["manifest"])


def test_the_same_run_gives_the_same_bytes(run: Inputs, found: Gathered) -> None:
    again = a_run(manifest=dict(reversed(list(run.manifest.items()))))
    assert results(again, found) == results(run, found)


def test_what_is_undefined_is_null(found: Gathered) -> None:
    rows = round_rows()
    rows[0]["value"] = float("nan")
    compared = [row | {"ratio": np.inf, "low": -np.inf, "p_value": np.nan} for row in comparison_rows(round_rows())]
    text = results(a_run(rounds=rows, comparison=compared), found)
    assert "NaN" not in text
    assert "Infinity" not in text
    told = json.loads(text)
    assert told["rounds"][0]["value"] is None
    assert told["comparison"][0]["ratio"] is None


@pytest.mark.parametrize(
    ("cached", "planned", "grave"), [(100, 0.0, True), (40, 0.0, False), (100, 0.5, False), (100, None, False)]
)
def test_prompts_that_were_known_unasked_make_figures_doubtful(
    cached: int, planned: float | None, *, grave: bool
) -> None:
    table = requests(rounds=1)
    place = table.schema.get_field_index("cached_tokens")
    table = table.set_column(place, table.schema.field(place), pa.array([cached] * len(table), pa.int32()))
    run = a_run(table=table, manifest={"planned_reuse": planned})
    told = [one for one in json.loads(results(run, gathered(run)))["problems"] if "prefix cache" in one["text"]]
    assert [one["grave"] for one in told] == [grave] * 2
