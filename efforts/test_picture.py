"""The picture: one row for each setting and effort, with its count, its share and its interval, as a PNG."""

from collections import Counter

from efforts import chart
from efforts.asking import EFFORTS, Answer, Measured
from efforts.problems import Problem, mixed, unseen

NAMES = {"one": "the first", "other": "the second"}


def measured(setting: str, effort: str, *, tokens: int, right: int, of: int) -> Measured:
    answers = (
        Answer(asked=Problem(1, 2), output_tokens=9, reasoning_tokens=tokens, right=at < right, estimated=False)
        for at in range(of)
    )
    return Measured(setting=setting, effort=effort, answers=tuple(answers))


FOUND = [
    measured(setting, effort, tokens=tokens, right=9, of=10)
    for setting in NAMES
    for effort, tokens in zip(EFFORTS, (1, 20, 300, 4000), strict=True)
]


def test_a_row_says_what_was_measured() -> None:
    first = chart.rows(FOUND, NAMES)[0]
    assert (first["engine"], first["effort"], first["tokens"], first["label"]) == ("the first", "none", 1.0, "1")
    # Clopper and Pearson's interval of 9 in 10, from their tables.
    assert (round(first["low"], 4), first["right"], round(first["high"], 4)) == (0.5550, 0.9, 0.9975)


def test_it_is_a_png_with_all_settings_in_it() -> None:
    assert chart.picture(FOUND, NAMES).startswith(b"\x89PNG\r\n\x1a\n")
    spec = str(chart.chart(FOUND, NAMES).to_dict())
    assert all(name in spec for name in NAMES.values())
    assert "10 additions" in spec


def test_the_sums_are_those_that_training_never_showed() -> None:
    assert len(unseen()) == 407
    assert unseen(every=34)[0] == Problem(10, 20)
    assert Problem(10, 20).question == "What is 10+20?"
    assert Problem(10, 20).is_answered_by("10 + 20 = 30\n")
    assert not Problem(10, 20).is_answered_by("10 + 20 = 130")


def test_mixed_problems_are_of_all_three_kinds_and_always_the_same() -> None:
    problems = mixed(200)
    assert problems[:25] == mixed(25)
    kinds = Counter(one.sign for one in problems)
    assert kinds["+"] > kinds["-"] > kinds["*"] > 20
    assert Problem(12, 3, "*").question == "What is 12*3?"
    assert Problem(12, 3, "*").is_answered_by("12 * 3 = 36")
    assert Problem(12, 3, "-").is_answered_by("12 - 3 = 9")


def test_figures_that_would_stand_on_one_another_are_told_once() -> None:
    assert [row["label"] for row in chart.rows(FOUND, NAMES)] == ["1", "20", "300", "4000", "", "", "", ""]
