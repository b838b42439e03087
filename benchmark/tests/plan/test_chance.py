from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from triphase_benchmark.plan.arrivals import schedule
from triphase_benchmark.plan.chance import Chance, Purpose, cell_seed, tag
from triphase_benchmark.plan.loads import PoissonLoad, Requests


def test_the_numbers_of_a_seed_never_change() -> None:
    """Other numbers would make other plans of the seeds that users have written down."""
    assert Chance(42, Purpose.ARRIVALS, 0, 1).uniforms(3).tolist() == [
        0.7185313685460081,
        0.91283944281957,
        0.045341524752678386,
    ]
    assert cell_seed(42, 3) == 8956167112660743533
    assert tag(42, 0, 1) == "ZBCMN-JZ8VS"
    made = schedule(PoissonLoad(rate=8), seed=42, number=0, warm_up=Requests(count=0), measured=Requests(count=3))
    assert made.times_ns == (41318240, 52717648, 439409149)


def test_streams_are_uniform_and_independent_of_each_other() -> None:
    keys: list[tuple[int, ...]] = [(0,), (1,), (0, 0), (0, 1)]
    streams = [Chance(1, Purpose.ARRIVALS, *key).uniforms(20_000) for key in keys]
    streams += [Chance(1, Purpose.LENGTHS, 0).uniforms(20_000), Chance(2, Purpose.ARRIVALS, 0).uniforms(20_000)]
    for stream in streams:
        assert stats.kstest(stream, "uniform").pvalue > 0.001
    for one, other in combinations(streams, 2):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.03


def test_numbers_one_by_one_and_many_at_once_are_never_0_or_1() -> None:
    chance = Chance(1, Purpose.PROMPTS)
    singles = [chance.uniform() for _ in range(1000)]
    assert 0 < min(singles) < 0.01
    assert 0.99 < max(singles) < 1
    assert Chance(1, Purpose.PROMPTS).uniforms(1000).min() >= 2.0**-53


def test_choices_are_each_as_likely_as_the_others() -> None:
    chance = Chance(1, Purpose.PROMPTS, 5)
    counts = Counter(chance.between(3, 12) for _ in range(20_000))
    assert sorted(counts) == list(range(3, 13))
    assert stats.chisquare(list(counts.values())).pvalue > 0.001
    firsts = Counter(Chance(seed, Purpose.ORDER).shuffled("abc")[0] for seed in range(600))
    assert min(firsts.values()) > 150
    assert sorted(chance.shuffled(range(50))) == list(range(50))


def test_tags_of_many_prompts_do_not_meet() -> None:
    assert len({tag(seed, number) for seed in range(20) for number in range(5000)}) == 100_000


@pytest.mark.parametrize("seed", [0, 2**64, 2**200])
def test_any_whole_number_is_a_seed(seed: int) -> None:
    assert Chance(seed, Purpose.ORDER).below(10) in range(10)
