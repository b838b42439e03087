"""Effort on the reference model through the gateway: more of it is longer thought, and nothing where none reads it."""

import os
from pathlib import Path

import pytest
from triphase_benchmark.statistics.binomial import likely_counts
from triphase_model.engine.template import ChatTemplate, Turn

from efforts import ignoring
from efforts.asking import EFFORTS, Measured, measure
from efforts.problems import mixed, unseen
from efforts.scale import FULL, SMALL, is_full
from efforts.stage import IGNORING, READING, stage

SUMS = unseen(every=FULL if is_full(os.environ) else SMALL)
# What the README of the model says of additions that training never showed: output tokens, and right answers of 100.
TOKENS = {"none": 16, "low": 26, "medium": 66, "high": 141}
RIGHT = {"none": 0.94, "low": 0.96, "medium": 1.0, "high": 1.0}

# The same of mixed problems.
MIXED_RIGHT = {"none": 0.88, "low": 0.88, "medium": 1.0, "high": 1.0}


def by_effort(found: tuple[Measured, ...]) -> dict[str, Measured]:
    return {one.effort: one for one in found}


async def test_every_sum_is_thought_of_for_longer_at_a_higher_effort(tmp_path: Path) -> None:
    async with stage(tmp_path) as serving:
        found = await measure(serving.client, READING, SUMS)
    assert [one.effort for one in found] == list(EFFORTS)
    for lengths in zip(*([a.reasoning_tokens for a in one.answers] for one in found), strict=True):
        assert list(lengths) == sorted(set(lengths))
    assert all(a.reasoning_tokens == 0 for a in by_effort(found)["none"].answers)
    for effort, one in by_effort(found).items():
        assert one.mean_tokens == pytest.approx(TOKENS[effort], rel=0.05), effort
        least, _ = likely_counts(RIGHT[effort], len(SUMS))
        assert one.right >= least, effort
        assert not any(answer.estimated for answer in one.answers)


async def test_mixed_problems_are_right_more_often_at_a_higher_effort(tmp_path: Path) -> None:
    problems = mixed(300 if is_full(os.environ) else 25)
    async with stage(tmp_path) as serving:
        found = by_effort(await measure(serving.client, READING, problems))
    lengths = [found[effort].mean_tokens for effort in EFFORTS]
    assert lengths == sorted(set(lengths))
    for effort, share in MIXED_RIGHT.items():
        least, _ = likely_counts(share, len(problems))
        assert found[effort].right >= least, effort
    thoughtless, thoughtful = (found[a].right + found[b].right for a, b in (("none", "low"), ("medium", "high")))
    assert thoughtless < thoughtful


async def test_with_a_template_that_ignores_effort_nothing_changes(tmp_path: Path) -> None:
    async with stage(tmp_path) as serving:
        found = await measure(serving.client, IGNORING, SUMS[::4])
    none, *others = ([(a.output_tokens, a.right) for a in one.answers] for one in found)
    assert others == [none] * 3
    assert found[0].mean_tokens == pytest.approx(TOKENS["high"], rel=0.05)


@pytest.mark.parametrize("effort", [*EFFORTS, "minimal", "max", None])
def test_the_template_that_ignores_effort_writes_one_prompt(effort: str | None) -> None:
    text = (ignoring.reference() / ignoring.TEMPLATE).read_text(encoding="utf-8")
    kwargs = {} if effort is None else {"reasoning_effort": effort, "enable_thinking": effort != "none"}
    turns = [Turn("system", "Be brief."), Turn("user", "What is 1+2?")]

    def written(template: str, kwargs: dict[str, object]) -> object:
        return ChatTemplate(template, bos_token="<s>", eos_token="<|end|>").render(turns, kwargs=kwargs)

    assert written(ignoring.ignoring_effort(text), dict(kwargs)) == written(text, {"reasoning_effort": "high"})


def test_a_template_that_looks_at_the_effort_elsewhere_is_not_taken_for_one_that_ignores_it() -> None:
    text = (ignoring.reference() / ignoring.TEMPLATE).read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="elsewhere"):
        ignoring.ignoring_effort(text + "{{- reasoning_effort -}}")
    with pytest.raises(ValueError, match="elsewhere"):
        ignoring.ignoring_effort("{{- messages[0].content -}}")
