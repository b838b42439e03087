import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.workload.lengths import Kind, Lengths, fixed, lengths_of

GRID = (np.arange(20_000) + 0.5) / 20_000


def drawn(text: str) -> np.ndarray:
    lengths = lengths_of(text, "input")
    return np.array([lengths.at(float(chance)) for chance in GRID])


def test_a_fixed_length_is_that_length() -> None:
    assert set(drawn("512")) == {512}
    assert lengths_of("512", "input") == fixed(512)


def test_a_uniform_length_takes_each_value_alike() -> None:
    counts = np.bincount(drawn("uniform:11:20"))[11:]
    assert list(counts) == [2000] * 10


def test_a_normal_length_has_its_mean_and_deviation() -> None:
    made = drawn("normal:500:50")
    assert made.mean() == pytest.approx(500, abs=0.5)
    assert made.std() == pytest.approx(50, abs=0.5)
    assert stats.kstest(made, "norm", args=(500, 50)).statistic < 0.01


def test_a_lognormal_length_has_its_median_and_sigma() -> None:
    made = drawn("lognormal:800:0.6")
    assert np.median(made) == pytest.approx(800, abs=1)
    assert np.log(made).std() == pytest.approx(0.6, abs=0.005)


def test_bounds_cut_off_and_do_not_pile_up() -> None:
    made = drawn("normal:500:200:400:600")
    assert (made.min(), made.max()) == (400, 600)
    at_the_ends = np.isin(made, (400, 600)).mean()
    assert at_the_ends < 0.02
    clipped = np.clip(np.round(stats.norm(500, 200).ppf(GRID)), 400, 600)
    assert np.isin(clipped, (400, 600)).mean() > 0.5


def test_bounds_far_from_the_centre_are_kept() -> None:
    for text in ("normal:10:1:9000:9005", "lognormal:10:0.1:9000:9005", "normal:9000:1:5:10"):
        made = drawn(text)
        _, _, _, least, most = text.split(":")
        assert int(least) <= made.min() <= made.max() <= int(most)


@given(
    kind=st.sampled_from(list(Kind)),
    centre=st.floats(1, 1e5),
    spread=st.floats(0.01, 1e3),
    bounds=st.tuples(st.integers(1, 10_000), st.integers(1, 10_000)).map(sorted),
    chances=st.lists(st.floats(1e-9, 1 - 1e-9), min_size=2).map(sorted),
)
def test_lengths_rise_with_chance_within_their_bounds(
    kind: Kind, centre: float, spread: float, bounds: list[int], chances: list[float]
) -> None:
    lengths = Lengths(kind=kind, least=bounds[0], most=bounds[1], centre=centre, spread=spread)
    made = [lengths.at(chance) for chance in chances]
    assert made == sorted(made)
    assert all(bounds[0] <= length <= bounds[1] for length in made)


@pytest.mark.parametrize(
    "text",
    [
        "", "0", "-5", "many", "5.5", "uniform", "uniform:5", "uniform:9:5", "uniform:1:2:3", "normal:5", "normal:0:1",
        "normal:5:0", "normal:5:-1", "normal:nan:1", "normal:5:1:9:3", "lognormal:5:x", "zipf:5", "fixed:5:6",
        "9999999999",
    ],
)  # fmt: skip
def test_what_is_no_length_is_told(text: str) -> None:
    with pytest.raises(BadInput, match=r"--input-tokens .* it takes 512, uniform:128:512") as raised:
        lengths_of(text, "--input-tokens")
    assert "\n" not in str(raised.value)
