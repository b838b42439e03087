"""The arrival processes themselves are tested, and each test is shown a way of making them that is wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from triphase_benchmark.plan.arrivals import Schedule, schedule
from triphase_benchmark.plan.loads import (
    SECOND_NS,
    ConstantLoad,
    Duration,
    GammaLoad,
    OpenLoad,
    PoissonLoad,
    RampLoad,
    Requests,
    TraceLoad,
)
from triphase_benchmark.plan.problems import BadInput

NONE = Requests(count=0)
MANY = Requests(count=20_000)
MINUTE = Duration(ns=60 * SECOND_NS)


def seconds(load: OpenLoad, *, seed: int = 7, number: int = 0, measured: Requests | Duration = MANY) -> np.ndarray:
    made = schedule(load, seed=seed, number=number, warm_up=NONE, measured=measured)
    return np.array(made.times_ns) / SECOND_NS


def gaps(times: np.ndarray) -> np.ndarray:
    return np.diff(times, prepend=0.0)


def variation(values: np.ndarray) -> float:
    return float(values.std() / values.mean())


def is_exponential(values: np.ndarray, rate: float) -> bool:
    return float(stats.kstest(values, "expon", args=(0, 1 / rate)).pvalue) > 0.001


def dispersion(counts: np.ndarray) -> float:
    """Variance over mean: 1 for Poisson counts."""
    return float(counts.var(ddof=1) / counts.mean())


def follows_itself(values: np.ndarray) -> float:
    """The correlation of each value with the one before it."""
    return float(np.corrcoef(values[:-1], values[1:])[0, 1])


def test_poisson_gaps_are_exponential_and_independent() -> None:
    made = gaps(seconds(PoissonLoad(rate=8)))
    assert is_exponential(made, 8)
    assert variation(made) == pytest.approx(1, abs=0.03)
    assert abs(follows_itself(made)) < 0.03


def test_constant_gaps_are_constant_where_exponential_ones_are_not() -> None:
    made = seconds(ConstantLoad(rate=8))
    assert list(made) == [place / 8 for place in range(20_000)]
    assert not is_exponential(gaps(made)[1:], 8)


@pytest.mark.parametrize("shape", [0.25, 0.5, 1, 4, 50])
def test_gamma_gaps_have_the_rate_and_the_burstiness_asked_for(shape: float) -> None:
    made = gaps(seconds(GammaLoad(rate=8, shape=shape)))
    assert made.mean() == pytest.approx(1 / 8, rel=0.05)
    assert variation(made) == pytest.approx(shape**-0.5, rel=0.05)
    assert stats.kstest(made, "gamma", args=(shape, 0, 1 / (8 * shape))).pvalue > 0.001
    assert is_exponential(made, 8) == (shape == 1)


def test_poisson_counts_vary_as_they_must() -> None:
    """Within seconds and between rounds. Rescaled to end at n/rate, the counts of rounds would not vary at all."""
    counts = np.histogram(seconds(PoissonLoad(rate=8)), bins=np.arange(0, 2400))[0]
    assert dispersion(counts) == pytest.approx(1, abs=0.1)
    rounds = np.array([len(seconds(PoissonLoad(rate=8), number=n, measured=MINUTE)) for n in range(300)])
    assert dispersion(rounds) == pytest.approx(1, abs=0.3)
    rescaled = np.array([8 * 60 for _ in rounds])
    assert dispersion(rescaled) == 0


def test_no_arrival_is_drawn_to_a_whole_second() -> None:
    made = seconds(PoissonLoad(rate=10))
    assert stats.kstest(made % 1, "uniform").pvalue > 0.001
    drawn = np.where(np.diff(made // 1, append=0) != 0, made // 1 + 1, made)  # the last of each second, at its end
    assert stats.kstest(drawn % 1, "uniform").pvalue < 0.001


def test_rounds_and_seeds_have_arrivals_of_their_own_where_forked_generators_repeat_them() -> None:
    load = PoissonLoad(rate=8)
    made = [seconds(load, number=n) for n in range(4)] + [seconds(load, seed=8)]
    alike = np.abs(np.corrcoef([gaps(times) for times in made]) - np.eye(5))
    assert alike.max() < 0.04
    forked = [np.random.default_rng(7).exponential(1 / 8, 1000) for _ in range(2)]
    assert np.array_equal(forked[0], forked[1])


def test_a_ramp_goes_from_its_first_rate_to_its_last() -> None:
    made = seconds(RampLoad(first=2, last=40), measured=Duration(ns=1000 * SECOND_NS))
    expected = 2 * made + 38 * made**2 / 2000  # Λ(t), under which the arrivals become those of rate 1
    assert is_exponential(gaps(expected), 1)
    assert made[-1] < 1000
    assert not is_exponential(gaps(made), 21)


def test_a_ramp_may_fall_and_may_be_flat() -> None:
    falling = seconds(RampLoad(first=40, last=2))
    assert (falling < falling[-1] / 2).mean() > 0.65
    flat = seconds(RampLoad(first=8, last=8))
    assert flat == pytest.approx(seconds(PoissonLoad(rate=8)))


def test_a_ramp_may_fall_almost_to_nothing() -> None:
    for seed in range(6):  # in half of them requests come after the fall's end
        made = seconds(RampLoad(first=1e6, last=1e-3), seed=seed)  # rounding takes the last rate's square below zero
        assert np.isfinite(made).all()
        assert (np.diff(made) >= 0).all()


def test_a_ramp_over_a_number_of_requests_ends_near_its_last_rate() -> None:
    made = seconds(RampLoad(first=1, last=20))
    assert made[-1] == pytest.approx(2 * 20_000 / 21, rel=0.02)
    assert 1000 / (made[-1] - made[-1001]) == pytest.approx(20, rel=0.15)


@pytest.mark.parametrize(
    "load", [ConstantLoad(rate=8), PoissonLoad(rate=8), GammaLoad(rate=8, shape=0.5), RampLoad(first=4, last=12)]
)
def test_another_warm_up_moves_the_measured_times_as_a_whole(load: OpenLoad) -> None:
    def measured(made: Schedule) -> np.ndarray:
        return np.diff(made.times_ns[made.warm_up :])

    one = schedule(load, seed=1, number=2, warm_up=Requests(count=3), measured=MINUTE)
    other = schedule(load, seed=1, number=2, warm_up=Duration(ns=10 * SECOND_NS), measured=MINUTE)
    assert one.warm_up == 3
    assert all(time < 10 * SECOND_NS for time in other.times_ns[: other.warm_up])
    assert all(10 * SECOND_NS <= time < 70 * SECOND_NS for time in other.times_ns[other.warm_up :])
    assert np.abs(measured(one) - measured(other)).max() <= 2  # ns, of rounding


def test_warm_up_of_a_constant_load_joins_what_is_measured_without_a_seam() -> None:
    made = schedule(ConstantLoad(rate=4), seed=1, number=0, warm_up=Requests(count=3), measured=Requests(count=4))
    assert made.times_ns == tuple(place * SECOND_NS // 4 for place in range(7))


@given(
    load=st.one_of(
        st.builds(PoissonLoad, rate=st.floats(0.01, 500)),
        st.builds(ConstantLoad, rate=st.floats(0.01, 500)),
        st.builds(GammaLoad, rate=st.floats(0.01, 500), shape=st.floats(0.05, 100)),
        st.builds(RampLoad, first=st.floats(0.01, 500), last=st.floats(0.01, 500)),
    ),
    warm_up=st.one_of(st.builds(Requests, count=st.integers(0, 20)), st.builds(Duration, ns=st.integers(1, SECOND_NS))),
    count=st.integers(1, 100),
    seed=st.integers(0, 2**70),
)
def test_times_rise_are_as_many_as_asked_for_and_come_again_with_the_seed(
    load: OpenLoad, warm_up: Requests | Duration, count: int, seed: int
) -> None:
    made = schedule(load, seed=seed, number=0, warm_up=warm_up, measured=Requests(count=count))
    assert len(made.times_ns) - made.warm_up == count
    assert list(made.times_ns) == sorted(made.times_ns)
    assert made.times_ns[0] >= 0
    assert schedule(load, seed=seed, number=0, warm_up=warm_up, measured=Requests(count=count)) == made


TRACE = TraceLoad(name="t.jsonl", times_ns=tuple(place * SECOND_NS for place in (0, 1, 1, 5, 9)), speed=2)


def test_a_trace_comes_at_its_own_times_and_speed() -> None:
    made = schedule(TRACE, seed=1, number=3, warm_up=Requests(count=1), measured=None)
    assert made == Schedule(times_ns=(0, *(round(s * SECOND_NS) for s in (0.5, 0.5, 2.5, 4.5))), warm_up=1)
    half = schedule(TRACE, seed=1, number=3, warm_up=Duration(ns=SECOND_NS), measured=Duration(ns=2 * SECOND_NS))
    assert half == Schedule(times_ns=(0, *(round(s * SECOND_NS) for s in (0.5, 0.5, 2.5))), warm_up=3)


@pytest.mark.parametrize(
    ("warm_up", "measured", "told"),
    [
        (Requests(count=2), Requests(count=4), "has 5 requests, with warm-up 6 are asked for"),
        (Requests(count=5), None, "nothing of the trace t.jsonl is left"),
        (Duration(ns=100 * SECOND_NS), Duration(ns=SECOND_NS), "nothing of the trace t.jsonl is left"),
    ],
)
def test_a_trace_that_is_too_short_is_told(
    warm_up: Requests | Duration, measured: Requests | Duration | None, told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        schedule(TRACE, seed=1, number=0, warm_up=warm_up, measured=measured)


def test_only_a_trace_ends_by_itself() -> None:
    with pytest.raises(BadInput, match="--requests or --duration"):
        schedule(PoissonLoad(rate=1), seed=1, number=0, warm_up=NONE, measured=None)
