"""What a gate takes, how many rounds it runs, and what it says in the end."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from run_fakes.stages import MadeUpLegs, MadeUpStage, staged
from triphase_benchmark.comparison.gate import Gate, GateVerdict
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.report.progress import Snapshot
from triphase_benchmark.run.conducting import requests_of
from triphase_benchmark.run.gating import GateCourse, measure_of, share_of


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("0", 0.0), ("12.5%", 0.125)])
def test_shares(text: str, share: float) -> None:
    assert share_of(text, "--max-regress") == pytest.approx(share)


@pytest.mark.parametrize("text", ["five", "-1%", "100%", "1", "", "%"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--max-regress"):
        share_of(text, "--max-regress")


def test_measures_are_named_as_in_the_tables() -> None:
    assert measure_of("ttft.p99") == ("ttft", "p99")
    with pytest.raises(BadInput, match="no metric 'ttfb'"):
        measure_of("ttfb.p50")
    with pytest.raises(BadInput, match="output_throughput has rate"):
        measure_of("output_throughput.p50")


def test_before_a_look_and_with_a_slow_client_nothing_is_claimed() -> None:
    course = GateCourse(Gate(max_regress=0.05), "base", "new")
    assert course.verdict(client_ok=True) is GateVerdict.INCONCLUSIVE
    assert course.lines(client_ok=False) == [
        "Gate: new against base, at most 5 % worse: INCONCLUSIVE, since the client was too slow to tell"
    ]


def gated(
    ratios: Sequence[float], folder: Path, *, first: int, most: int
) -> tuple[GateCourse, MadeUpStage, list[Snapshot]]:
    stage, shown = staged(ratios, folder, rounds=first)
    gate = Gate(max_regress=0.05, measures=(("e2e", "p50"),), first=first, most=most)
    course = GateCourse(gate, "base", "new")
    course(stage)
    stage.watch.say("over")
    return course, stage, shown


def asked(stage: MadeUpStage) -> list[list[int]]:
    assert isinstance(stage.legs, MadeUpLegs)
    return stage.legs.asked


WIDE = (0.9, 1.1, 0.95, 1.05)


def test_where_it_cannot_tell_it_adds_as_many_rounds_again(tmp_path: Path) -> None:
    course, stage, shown = gated((*WIDE, 1.0, 1.001, 0.999, 1.0) * 2, tmp_path, first=4, most=16)
    assert asked(stage)[:2] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [one.number for one in stage.plan.rounds] == list(range(len(stage.plan.rounds)))
    assert shown[-1].rounds == len(stage.plan.rounds)
    assert shown[-1].planned == requests_of(stage.plan)
    prompts = [request.prompt.messages for one in stage.plan.rounds for request in one.requests]
    assert len(set(prompts)) == len(prompts)  # those that were added are new, too
    assert stage.manifest["gate"]["looks"] == [4, 8, 16]
    assert course.decision is not None


def test_it_ends_as_soon_as_it_can_tell(tmp_path: Path) -> None:
    course, stage, _ = gated((*WIDE, *(1.3, 1.31, 1.29, 1.3)), tmp_path, first=4, most=4)
    assert asked(stage) == [[0, 1, 2, 3]]
    assert course.verdict(client_ok=True) is GateVerdict.INCONCLUSIVE
    course, stage, _ = gated((1.0, 1.001, 0.999, 1.0), tmp_path, first=4, most=32)
    assert asked(stage) == [[0, 1, 2, 3]]
    assert course.verdict(client_ok=True) is GateVerdict.NOT_REGRESSED
    assert course.verdict(client_ok=False) is GateVerdict.INCONCLUSIVE
    assert stage.manifest["gate"]["verdict"] == "not regressed"
    course, stage, _ = gated((1.3, 1.31, 1.29, 1.3), tmp_path, first=4, most=32)
    assert asked(stage) == [[0, 1, 2, 3]]
    assert course.verdict(client_ok=True) is GateVerdict.REGRESSED


def test_the_limit_is_not_passed(tmp_path: Path) -> None:
    course, stage, _ = gated(WIDE * 3, tmp_path, first=4, most=10)
    assert asked(stage) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert course.verdict(client_ok=True) is GateVerdict.INCONCLUSIVE
