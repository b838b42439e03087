"""When a load was steady, by hand and by Little's law."""

import numpy as np
import pytest
from triphase_benchmark.statistics.steadiness import Window, in_flight, littles_law_error, steady_window

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def closed_loop(lanes: int, each: int, took: float) -> tuple[Floats, Floats]:
    begins = np.tile(np.arange(each) * took, lanes)
    return begins, begins + took


def poisson(rate: float, mean_s: float, until: float, seed: int) -> tuple[Floats, Floats]:
    generator = np.random.default_rng(seed)
    begins = np.cumsum(generator.exponential(1 / rate, size=int(rate * until)))
    return begins, begins + generator.exponential(mean_s, size=begins.size)


def test_how_many_are_in_flight() -> None:
    moments, counts = in_flight(np.array([0.0, 1.0, 1.0]), np.array([1.0, 3.0, 2.0]))
    assert moments.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert counts.tolist() == [1.0, 2.0, 1.0, 0.0]


def test_a_closed_loop_is_steady_until_its_last_request_is_sent() -> None:
    begins, ends = closed_loop(4, 10, 2.0)
    assert steady_window(begins, ends, not_before=0.0) == Window(begin=0.0, end=18.0)


def test_ramps_are_cut_off() -> None:
    up = np.arange(20.0)  # one more each second, and each stays for a minute
    flat = np.arange(20.0, 80.0)
    begins = np.concatenate([up, flat])
    window = steady_window(begins, begins + 20.0, not_before=0.0)
    assert window == Window(begin=18.0, end=79.0)  # 19 of 20 in flight: 95 %


def test_a_straggler_does_not_stretch_it() -> None:
    begins, ends = closed_loop(4, 10, 2.0)
    ends[-1] = 1000.0
    assert steady_window(begins, ends, not_before=0.0) == Window(begin=0.0, end=18.0)


def test_it_does_not_begin_in_the_warm_up() -> None:
    begins, ends = closed_loop(4, 10, 2.0)
    window = steady_window(begins, ends, not_before=6.0)
    assert window == Window(begin=6.0, end=18.0)


def test_a_pause_after_the_warm_up_is_none_of_it() -> None:
    begins, ends = closed_loop(2, 5, 1.0)
    both = np.concatenate([begins[:2] - 100.0, begins]), np.concatenate([ends[:2] - 100.0, ends])
    assert steady_window(*both, not_before=0.0) == Window(begin=0.0, end=4.0)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_what_is_sent_all_at_once_is_never_steady(count: int) -> None:
    begins = np.zeros(count)
    assert steady_window(begins, begins + 1.0, not_before=0.0) is None


def test_both_ends_are_counted_once() -> None:
    window = Window(begin=1.0, end=3.0)
    assert window.length == 2.0
    assert window.holds(np.array([1.0, 2.0, 3.0, 4.0, np.nan])).tolist() == [False, True, True, False, False]


def test_the_window_of_an_open_loop_sees_its_rate() -> None:
    begins, ends = poisson(20.0, 0.5, 400.0, seed=1)
    window = steady_window(begins, ends, not_before=0.0)
    assert window is not None
    assert window.length > 390
    assert window.holds(ends).sum() / window.length == pytest.approx(20.0, rel=0.03)


def test_littles_law_holds_where_nothing_is_missing() -> None:
    begins, ends = closed_loop(4, 10, 2.0)
    assert littles_law_error(begins, ends, Window(begin=0.0, end=18.0)) == pytest.approx(0.0)
    begins, ends = poisson(20.0, 0.5, 400.0, seed=2)
    window = steady_window(begins, ends, not_before=0.0)
    assert window is not None
    assert littles_law_error(begins, ends, window) == pytest.approx(0.0, abs=0.01)


def test_littles_law_tells_of_a_load_that_grows() -> None:
    """Thirty come each second, and twenty are served: the queue grows all the time."""
    begins = np.arange(3000) / 30
    ends = (np.arange(3000) + 1) / 20
    window = Window(begin=0.0, end=100.0)
    error = littles_law_error(begins, ends, window)
    assert error is not None
    assert error > 0.2
    assert littles_law_error(begins + 1000, ends + 1000, window) is None
