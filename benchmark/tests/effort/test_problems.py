"""The built-in questions: their answers are right, as another way of solving them says."""

import re
from datetime import date, timedelta

import pytest
from triphase_benchmark.effort.problems import SETS, problems, sums

NUMBER = re.compile(r"\d+")


def numbers(text: str) -> list[int]:
    return [int(found) for found in NUMBER.findall(text)]


@pytest.mark.parametrize("name", SETS)
def test_a_set_has_as_many_different_questions_as_are_needed(name: str) -> None:
    found = SETS[name](5, 60)
    assert len({prompt.turns for prompt in found}) == 60
    assert SETS[name](5, 60) == found
    assert SETS[name](6, 60) != found
    assert SETS[name](5, 12) == found[:12]  # more of them leave the first ones as they are
    assert all(prompt.answer is not None and int(prompt.answer) >= 0 for prompt in found)


def test_sums_are_right() -> None:
    for prompt in sums(1, 50):
        a, b = numbers(prompt.turns[0][1])
        assert prompt.answer == str(a + b)


def solved(text: str) -> int:
    """The answer of a question, found by trying where it was made by reckoning."""
    found = numbers(text)
    if "remainder" in text:
        wanted = list(zip(found[1::2], found[2::2], strict=True))
        return next(n for n in range(1, 10_000) if all(n % divisor == rest for rest, divisor in wanted))
    if "years old together" in text:
        total, years, times = found
        return next(old for old in range(total) if old + years == times * (total - old + years))
    if "course begins" in text:
        names = [(date(2024, 1, 1) + timedelta(days=day)).strftime("%A") for day in range(7)]  # a Monday
        begins, asked = re.findall("|".join(names), text)
        first = date(2024, 1, 1) + timedelta(days=names.index(begins))
        return sum((first + timedelta(days=day)).strftime("%A") == asked for day in range(found[0]))
    if "digits that add up" in text:
        _, highest, total = found
        return len([n for n in range(highest + 1) if sum(int(digit) for digit in str(n)) == total])
    if "Begin with" in text:
        value = found[0]
        for _ in range(found[-1]):
            value = 3 * value + 1 if value % 2 else value // 2
        return value
    left = found[0]
    for share, more in zip(found[1::2], found[2::2], strict=True):
        left = left - left // share + more
    return left


def test_problems_are_right_and_of_every_kind() -> None:
    asked = problems(2, 60)
    for prompt in asked:
        text = prompt.turns[0][1]
        assert prompt.answer == str(solved(text)), text
    assert len({prompt.turns[0][1].split()[0] for prompt in asked}) > 6
