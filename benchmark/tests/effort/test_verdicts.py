"""From samples to words: each verdict, and each reason why figures mean nothing."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from effort_fakes.population import Population as Population_
from effort_fakes.population import design_of
from triphase_benchmark.effort.design import TWIN, Design, Stage
from triphase_benchmark.effort.evidence import evidence_of, source_of
from triphase_benchmark.effort.facts import facts_of
from triphase_benchmark.effort.levels import levels_of
from triphase_benchmark.effort.values import Cell, Judgement, Prompt, Sample, Source, Verdict
from triphase_benchmark.effort.verdicts import judge

STAGE = (Stage(prompts=12, draws=2),)


def samples(
    factors: Mapping[str, float], *, stages: tuple[Stage, ...] = STAGE, change: Callable[[Sample], Sample] | None = None
) -> tuple[Design, list[Sample]]:
    """Answers that hardly vary: ten tokens a prompt, times the factor of the level."""
    design = design_of(Population_(factors=factors), stages=stages)
    found = []
    for cell in design.cells(0):
        level = design.twin_of if cell.arm == TWIN else cell.arm
        tokens = round((100 + 10 * cell.prompt + cell.seed % 3) * factors[level])
        sample = Sample(
            cell=cell, reasoning={Source.USAGE: tokens}, output_tokens=tokens + 5, answer_characters=9,
            finish_reason="stop",
        )  # fmt: skip
        found.append(sample if change is None else change(sample))
    return design, found


def judged(factors: Mapping[str, float], *, limit: int | None = None, **more: object) -> Judgement:
    design, found = samples(factors, **more)  # type: ignore[arg-type]
    return judge(found, design, limit=limit)


def test_three_lengths_in_order_are_graded() -> None:
    found = judged({"none": 0, "low": 1, "medium": 2, "high": 4})
    assert found.verdict is Verdict.GRADED
    assert found.groups == (("none",), ("low",), ("medium",), ("high",))
    found = judged({"none": 0, "low": 1, "medium": 1, "high": 4})
    assert found.verdict is Verdict.GRADED
    assert found.groups == (("none",), ("low", "medium"), ("high",))


@pytest.mark.parametrize(
    ("factors", "groups"),
    [
        ({"none": 0, "low": 1, "medium": 1, "high": 1}, (("none",), ("low", "medium", "high"))),
        ({"low": 1, "medium": 1, "high": 2}, (("low", "medium"), ("high",))),
        ({"low": 1, "high": 2}, (("low",), ("high",))),
    ],
)
def test_two_lengths_are_binary(factors: Mapping[str, float], groups: tuple[tuple[str, ...], ...]) -> None:
    found = judged(factors)
    assert (found.verdict, found.groups) == (Verdict.BINARY, groups)


def test_one_length_is_no_effect() -> None:
    assert judged({"low": 1, "medium": 1, "high": 1}).verdict is Verdict.NONE
    assert judged({"low": 1, "high": 1.08}).verdict is Verdict.NONE  # surely longer, but by nothing that matters
    assert judged({"low": 1.08, "high": 1}).verdict is Verdict.NONE
    assert judged({"low": 1, "high": 1.2}).verdict is Verdict.BINARY


def test_a_fall_anywhere_is_not_in_order() -> None:
    found = judged({"low": 1, "medium": 3, "high": 2})
    assert found.verdict is Verdict.NON_MONOTONE
    assert found.reason == "high thinks for less long than medium, 0.67 times as long"


def test_too_few_prompts_show_nothing() -> None:
    found = judged({"low": 1, "medium": 2, "high": 4}, stages=(Stage(prompts=6, draws=1),))
    assert found.verdict is Verdict.INCONCLUSIVE  # 64 ways of signs are too few for 1 % of three pairs


def changed(arm: str, prompts: int, **to: object) -> Callable[[Sample], Sample]:
    """Changes the answers of one arm to so many prompts."""
    return lambda one: (
        replace(one, **to) if one.cell.arm == arm and one.cell.prompt < prompts else one  # type: ignore[arg-type]
    )


FACTORS = {"low": 1.0, "medium": 2.0, "high": 4.0}
FAILED = {"failure": "timeout", "detail": "not whole after 600 s", "reasoning": {}}


def test_requests_that_fail_make_it_invalid() -> None:
    found = judged(FACTORS, change=changed("low", 2, **FAILED))  # 4 of 24
    assert found.verdict is Verdict.INVALID
    assert found.reason == "4 of 24 requests for low failed, 4 of them by timeout (not whole after 600 s)"
    assert judged(FACTORS, change=changed("low", 1, **FAILED)).verdict is Verdict.GRADED
    assert "medium, the second time," in judged(FACTORS, change=changed(TWIN, 12, **FAILED)).reason


def test_answers_that_are_cut_off_are_censored() -> None:
    cut = changed("high", 2, finish_reason="length", output_tokens=500)
    found = judged(FACTORS, change=cut, limit=500)
    assert found.verdict is Verdict.CENSORED
    assert found.reason == "4 of 24 answers for high were cut off by the limit of 500 tokens: raise --max-tokens"
    assert judged(FACTORS, change=cut).reason.startswith("4 of 24 answers for high were cut off by their limit")


def test_an_engine_that_cuts_before_the_limit_makes_it_invalid() -> None:
    found = judged(FACTORS, change=changed("high", 2, finish_reason="length", output_tokens=500), limit=8192)
    assert found.verdict is Verdict.INVALID
    assert found.reason.endswith("at 500 tokens or fewer, although they might have 8192")


def test_thoughts_that_never_end_make_it_invalid() -> None:
    found = judged(FACTORS, change=changed("low", 12, closed=False))
    assert (found.verdict, found.reason) == (
        Verdict.INVALID,
        "in 24 of 24 answers for low the reasoning has no closing tag",
    )


def test_no_reasoning_at_all_makes_it_invalid() -> None:
    found = judged({"low": 0, "medium": 0, "high": 0})
    assert found.verdict is Verdict.INVALID
    assert "no reasoning was seen at any level" in found.reason


def test_answers_without_a_count_make_it_invalid() -> None:
    found = judged(FACTORS, change=lambda one: replace(one, reasoning={}))
    assert (found.verdict, found.reason) == (Verdict.INVALID, "no answer tells how long its reasoning was")


def test_a_level_that_differs_from_itself_makes_it_invalid() -> None:
    found = judged(FACTORS, change=changed(TWIN, 12, reasoning={Source.USAGE: 900}))
    assert found.verdict is Verdict.INVALID
    assert "medium was asked for twice, and the two differ" in found.reason


def test_levels_are_never_compared_by_different_sources() -> None:
    one = Cell(number=0, prompt=0, draw=0, arm="low", seed=1)
    usage = Sample(cell=one, reasoning={Source.USAGE: 7, Source.TEXT: 6, Source.SPLIT: 6})
    text = Sample(cell=one, reasoning={Source.TEXT: 9, Source.SPLIT: 9})
    assert source_of([usage]) is Source.USAGE
    assert source_of([usage, text]) is Source.TEXT
    assert source_of([]) is None


def test_a_missing_answer_leaves_its_prompt_out_of_the_pair() -> None:
    design, found = samples({"low": 1.0, "high": 2.0}, change=changed("low", 1, **FAILED))
    evidence = evidence_of(found, design)
    assert evidence is not None
    assert evidence.pair("low", "high").differences.size == 11


def test_facts_of_levels() -> None:
    prompts = tuple(Prompt(turns=(("user", str(number)),), answer="1") for number in range(12))
    design = Design(levels=levels_of("20,100"), prompts=prompts, stages=STAGE)
    found = [
        Sample(
            cell=cell,
            reasoning={Source.USAGE: 20 + 2 * (cell.arm == "20")},
            answer_characters=cell.draw,
            right=cell.prompt > 2,
            applied="low",
        )
        for cell in design.cells(0)
    ]
    low, high, twin = facts_of(found, design, evidence_of(found, design))
    assert (low.name, low.asked, low.failed, low.empty) == ("20", 24, 0, 12)
    assert low.tokens == pytest.approx(22)
    assert (low.over, high.over, twin.over) == (24, 0, None)
    assert (low.right, low.checked, low.applied) == (18, 24, ("low",))
    assert low.accuracy == pytest.approx((0.551, 0.880), abs=1e-3)
    assert facts_of(found, design, None)[0].tokens is None
