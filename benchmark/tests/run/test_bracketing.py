"""The search for knees, against engines whose capacity is known."""

from collections.abc import Mapping

import pytest
from triphase_benchmark.run.bracketing import Bracketing, Tried


def swept(capacities: Mapping[str, float], *, first: float, last: float, points: int, whole: bool) -> list[Tried]:
    bracketing = Bracketing(engines=frozenset(capacities), first=first, last=last, points=points, whole=whole)
    tried: list[Tried] = []
    while (load := bracketing.following(tried)) is not None:
        tried.append(Tried(load=load, saturated=frozenset(name for name, most in capacities.items() if load > most)))
        assert len(tried) <= points
    return tried


@pytest.mark.parametrize("capacity", [3.0, 17.0, 90.0])
def test_a_knee_is_bracketed_within_a_tenth(capacity: float) -> None:
    loads = sorted(one.load for one in swept({"one": capacity}, first=1, last=1024, points=20, whole=False))
    below = max(load for load in loads if load <= capacity)
    above = min(load for load in loads if load > capacity)
    assert above / below <= 1.1


def test_loads_double_until_the_last_engine_gives_in() -> None:
    tried = swept({"weak": 5, "strong": 40}, first=1, last=1024, points=20, whole=False)
    assert [one.load for one in tried[:7]] == [1, 2, 4, 8, 16, 32, 64]
    assert 4 < tried[7].load < 8  # then closer at the first knee


def test_whole_loads_stay_whole_and_no_load_comes_twice() -> None:
    loads = [one.load for one in swept({"one": 5}, first=1, last=64, points=20, whole=True)]
    assert loads == [1, 2, 4, 8, 6, 5]


def test_the_most_is_not_passed() -> None:
    assert [one.load for one in swept({"one": 1e9}, first=1, last=10, points=20, whole=False)] == [1, 2, 4, 8, 10]


def test_points_are_bounded() -> None:
    assert len(swept({"one": 5}, first=1, last=1024, points=5, whole=False)) == 5


def test_an_engine_that_cannot_bear_the_first_load_ends_it() -> None:
    assert [one.load for one in swept({"one": 0.5}, first=1, last=8, points=9, whole=False)] == [1]
