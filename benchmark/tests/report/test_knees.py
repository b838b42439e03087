"""Where engines give in, in values and in sentences, of what a manifest tells."""

import json
from typing import Any

import pytest
from report.runs import a_run
from triphase_benchmark.report import headline
from triphase_benchmark.report.gathered import Gathered
from triphase_benchmark.report.inputs import Inputs
from triphase_benchmark.report.knees import Knee, knees
from triphase_benchmark.report.labelled import labelled
from triphase_benchmark.report.results import results


def swept(*points: tuple[float, list[str] | None], kind: str = "open", simulated: bool = False) -> Inputs:
    sweep = [
        {"value": value, "rounds": [number]} | ({} if saturated is None else {"saturated": saturated})
        for number, (value, saturated) in enumerate(points)
    ]
    engines: list[dict[str, Any]] = [{"name": "vllm", "simulated": simulated}, {"name": "friendli"}]
    return a_run(manifest={"sweep": sweep, "load_kind": kind, "engines": engines}, comparison=[])


def test_a_knee_lies_between_the_loads_around_it() -> None:
    run = swept((4, []), (8, []), (16, ["vllm"]), (11.3, ["vllm"]), (32, ["vllm", "friendli"]))
    assert knees(run) == (
        Knee(engine="vllm", keeps_up_at=8, saturated_at=11.3),
        Knee(engine="friendli", keeps_up_at=16, saturated_at=32),
    )
    assert headline.verdicts(run) == (
        "vllm keeps up at 8 requests/s and is saturated at 11.3 requests/s: its knee lies between.",
        "friendli keeps up at 16 requests/s and is saturated at 32 requests/s: its knee lies between.",
    )


def test_what_was_not_reached_is_said(found: Gathered) -> None:
    run, _ = labelled(swept((4, ["vllm"]), (8, ["vllm"]), kind="closed", simulated=True), found)
    assert headline.knee_sentences(run) == (
        "vllm (simulated) is saturated at a concurrency of 4 already, the lowest load: its knee lies below.",
        "friendli keeps up at a concurrency of 8, the highest load: its knee lies above.",
    )


def test_a_load_that_was_kept_up_with_above_the_knee_counts_for_nothing() -> None:
    assert knees(swept((4, []), (8, ["vllm"]), (16, [])))[0] == Knee(engine="vllm", keeps_up_at=4, saturated_at=8)


@pytest.mark.parametrize("points", [(), ((4, None), (8, None))])
def test_nothing_is_said_of_loads_that_nobody_judged(points: tuple[tuple[float, None], ...]) -> None:
    run = swept(*points)
    assert (knees(run), headline.knee_sentences(run)) == ((), ())
    assert "Nothing was compared" in headline.verdicts(run)[0]


def test_a_load_amid_which_the_run_ended_is_left_out() -> None:
    assert knees(swept((4, []), (8, None)))[0] == Knee(engine="vllm", keeps_up_at=4, saturated_at=None)


def test_the_raw_results_hold_it(found: Gathered) -> None:
    run = swept((4, []), (8, ["vllm"]))
    assert json.loads(results(run, found))["knees"] == [
        {"engine": "vllm", "keeps_up_at": 4, "saturated_at": 8},
        {"engine": "friendli", "keeps_up_at": 8, "saturated_at": None},
    ]
