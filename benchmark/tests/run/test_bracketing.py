from hypothesis import given
from hypothesis import strategies as st
from triphase_benchmark.run.bracketing import Bracketing, Tried

ONE = frozenset({"a"})


def loads(knee: float, *, first: float = 1.0, last: float = 64.0, points: int = 12, whole: bool = False) -> list[float]:
    """The loads that a sweep tries of an engine that is saturated from `knee` on."""
    bracketing = Bracketing(engines=ONE, first=first, last=last, points=points, whole=whole)
    tried: list[Tried] = []
    while (load := bracketing.following(tried)) is not None:
        tried.append(Tried(load=load, saturated=ONE if load >= knee else frozenset()))
    return [one.load for one in tried]


def test_loads_double_until_the_engine_is_saturated_and_then_close_in() -> None:
    found = loads(10.0)
    assert found[:5] == [1, 2, 4, 8, 16]
    below, above = max(x for x in found if x < 10), min(x for x in found if x >= 10)
    assert above / below <= 1.1 * 1.1


def test_an_engine_that_is_never_saturated_is_tried_up_to_the_last_load() -> None:
    assert loads(1e9) == [1, 2, 4, 8, 16, 32, 64]


def test_one_that_is_saturated_at_once_has_no_knee_to_look_for() -> None:
    assert loads(0.5) == [1]


@given(st.floats(0.1, 100), st.integers(1, 20), st.booleans())
def test_no_load_is_tried_twice_or_beyond_the_bounds(knee: float, points: int, whole: bool) -> None:
    found = loads(knee, points=points, whole=whole)
    assert len(found) == len(set(found)) <= points
    assert all(1 <= load <= 64 for load in found)
    assert not whole or all(load == int(load) for load in found)
