"""A probe's stages: one after the other while nothing can be told, and none in vain."""

from collections.abc import Sequence

from effort_fakes.population import Population, design_of
from triphase_benchmark.effort.course import Course
from triphase_benchmark.effort.values import Cell, Judgement, Sample, Verdict

POPULATION = Population(factors={"low": 1.0, "high": 1.0})


def course(*verdicts: Verdict) -> Course:
    words = iter(verdicts)
    return Course(design_of(POPULATION), judge=lambda _: Judgement(verdict=next(words), reason="told"))


def take(one: Course, cells: Sequence[Cell], *, failing: frozenset[int] = frozenset()) -> int:
    for number, cell in enumerate(cells):
        if one.stopped:
            return number
        one.take(Sample(cell=cell, failure="reset" if number in failing else "", detail="gone"))
    return len(cells)


def test_a_verdict_ends_it_after_a_stage() -> None:
    one = course(Verdict.NONE)
    assert take(one, one.batch()) == one.planned == 12 * 2 * 3
    assert one.batch() == ()
    assert one.judgement is not None
    assert one.judgement.verdict is Verdict.NONE


def test_what_cannot_be_told_is_asked_for_more_until_there_is_no_more() -> None:
    one = course(Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE)
    take(one, one.batch())
    take(one, one.batch())
    assert one.batch() == ()
    assert len(one.samples) == one.planned == 30 * 3 * 3
    assert one.judgement is not None
    assert one.judgement.verdict is Verdict.INCONCLUSIVE


def test_failures_in_a_row_end_it_at_once() -> None:
    one = course()
    assert take(one, one.batch(), failing=frozenset(range(40, 60))) == 45
    assert one.batch() == ()
    assert one.judgement == Judgement(
        verdict=Verdict.INVALID, reason="5 of 45 requests failed, most of them by reset (gone)"
    )


def test_too_many_failures_end_it() -> None:
    one = course()
    cells = one.batch()
    assert take(one, cells, failing=frozenset(range(0, len(cells), 2))) == 15  # more than a tenth of 72
    assert one.batch() == ()
    assert one.judgement is not None
    assert one.judgement.verdict is Verdict.INVALID


def test_a_few_failures_do_not() -> None:
    one = course(Verdict.NONE)
    cells = one.batch()
    assert take(one, cells, failing=frozenset({3, 20, 50})) == len(cells)
