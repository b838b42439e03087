"""Limits of concurrency: counts that hold in any order of events, and that adaptive ones find a capacity."""

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from triphase_server.core.concurrency import (
    Aimd,
    ConcurrencyLimit,
    Fixed,
    Gradient,
    LimitRule,
    LoadOutcome,
    divided,
    load_outcome,
)
from triphase_server.core.errors import (
    GatewayError,
    InternalError,
    Stage,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamRateLimited,
    UpstreamServerError,
    UpstreamTimeout,
)

RULES = [
    Fixed(limit=0),
    Fixed(limit=3),
    Aimd(initial=4, max_limit=8),
    Aimd(initial=2, min_limit=2, max_limit=3, cooldown_s=0.0),
    Gradient(initial=4, max_limit=9, min_samples=1, window_s=0.0),
    Gradient(initial=6, min_limit=3, max_limit=6, min_samples=3),
]


def _bounds(limit_rule: LimitRule) -> tuple[int, int]:
    if isinstance(limit_rule, Fixed):
        return limit_rule.limit, limit_rule.limit
    return limit_rule.min_limit, limit_rule.max_limit


def _finish(
    limit: ConcurrencyLimit,
    count: int = 1,
    *,
    outcome: LoadOutcome = LoadOutcome.SUCCESS,
    latency_s: float = 1.0,
    now: float = 0.0,
) -> None:
    """Lets in as many as go, at most `count`, and then all of them out."""
    for _ in range(sum([limit.acquire() for _ in range(count)])):
        limit.release(outcome, latency_s=latency_s, now=now)


def _upstream_error(kind: type[UpstreamError], stage: Stage) -> UpstreamError:
    return kind("failed", stage=stage)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, LoadOutcome.SUCCESS),
        (_upstream_error(UpstreamOverloaded, Stage.FIRST_BYTE), LoadOutcome.OVERLOADED),
        (_upstream_error(UpstreamOverloaded, Stage.STREAM), LoadOutcome.OVERLOADED),
        (_upstream_error(UpstreamRateLimited, Stage.FIRST_BYTE), LoadOutcome.OVERLOADED),
        (_upstream_error(UpstreamTimeout, Stage.FIRST_BYTE), LoadOutcome.OVERLOADED),
        (_upstream_error(UpstreamTimeout, Stage.FIRST_TOKEN), LoadOutcome.OVERLOADED),
        (_upstream_error(UpstreamTimeout, Stage.CONNECT), LoadOutcome.IGNORED),
        (_upstream_error(UpstreamTimeout, Stage.STREAM), LoadOutcome.IGNORED),
        (_upstream_error(UpstreamServerError, Stage.FIRST_BYTE), LoadOutcome.IGNORED),
        (InternalError("a defect"), LoadOutcome.IGNORED),
    ],
)
def test_what_an_end_says_about_load(error: GatewayError | None, outcome: LoadOutcome) -> None:
    assert load_outcome(error) is outcome


_BASE = {"initial": 4, "min_limit": 2, "max_limit": 8}


@pytest.mark.parametrize(
    "wrong",
    [{"min_limit": 0}, {"min_limit": 5}, {"max_limit": 3}, {"decrease": 0}, {"decrease": 1}, {"cooldown_s": -1}],
)
@pytest.mark.parametrize("kind", [Aimd, Gradient])
def test_an_adaptive_rule_that_makes_no_sense_is_refused(kind: type[Aimd | Gradient], wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^limits must be|^decrease must be"):
        kind(**{**_BASE, **wrong})


@pytest.mark.parametrize("wrong", [{"tolerance": 0.9}, {"smoothing": 0}, {"smoothing": 1.1}, {"min_samples": 0}])
def test_a_gradient_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="tolerance and min_samples"):
        Gradient(**{**_BASE, **wrong})


def test_rules_reach_to_their_bounds() -> None:
    Aimd(initial=1, min_limit=1, max_limit=1, cooldown_s=0.0)
    Gradient(
        initial=1, min_limit=1, max_limit=1, tolerance=1.0, smoothing=1.0, min_samples=1, window_s=0.0, cooldown_s=0.0
    )


def test_a_fixed_limit_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        Fixed(limit=-1)


def test_a_fixed_limit_learns_nothing() -> None:
    limit = ConcurrencyLimit(Fixed(limit=2))
    assert [limit.acquire() for _ in range(3)] == [True, True, False]
    limit.release(LoadOutcome.OVERLOADED, latency_s=9.0, now=0.0)
    assert (limit.limit, limit.in_flight) == (2, 1)
    assert limit.acquire()


def test_a_release_without_an_acquire_is_a_defect() -> None:
    with pytest.raises(AssertionError, match="without an acquire"):
        ConcurrencyLimit(Fixed(limit=1)).release(LoadOutcome.SUCCESS, latency_s=0.0, now=0.0)


def test_aimd_adds_one_for_each_whole_limit_used() -> None:
    limit = ConcurrencyLimit(Aimd(initial=10, max_limit=12))
    _finish(limit, 10)
    assert limit.limit == 10
    for _ in range(9):
        _finish(limit, 10)
    assert limit.limit == 12


def test_half_of_the_limit_is_use() -> None:
    limit = ConcurrencyLimit(Aimd(initial=1, max_limit=20))
    _finish(limit)
    assert limit.limit == 2
    _finish(limit)
    _finish(limit)
    assert limit.limit == 2  # 2.5: now 1 is less than half
    _finish(limit, 2)
    assert limit.limit == 2  # 2.9
    _finish(limit, 2)
    assert limit.limit == 3


def test_aimd_does_not_grow_while_it_is_not_used() -> None:
    limit = ConcurrencyLimit(Aimd(initial=10, max_limit=20))
    for _ in range(1000):
        _finish(limit, 4)
    assert limit.limit == 10


@pytest.mark.parametrize("limit_rule", [Aimd(initial=100, max_limit=100), Gradient(initial=100, max_limit=100)])
def test_a_burst_of_overload_is_one_sign(limit_rule: Aimd | Gradient) -> None:
    limit = ConcurrencyLimit(limit_rule)
    _finish(limit, 100, outcome=LoadOutcome.OVERLOADED, now=50.0)
    assert limit.limit == 70
    _finish(limit, outcome=LoadOutcome.OVERLOADED, now=50.9)
    assert limit.limit == 70
    _finish(limit, outcome=LoadOutcome.OVERLOADED, now=51.0)
    assert limit.limit == 49
    for second in range(52, 80):
        _finish(limit, outcome=LoadOutcome.OVERLOADED, now=float(second))
    assert limit.limit == limit_rule.min_limit


@pytest.mark.parametrize("limit_rule", RULES)
def test_what_is_ignored_gives_its_place_back_and_teaches_nothing(limit_rule: LimitRule) -> None:
    limit = ConcurrencyLimit(limit_rule)
    before = limit.limit
    for second in range(100):
        _finish(limit, 8, outcome=LoadOutcome.IGNORED, latency_s=second, now=float(second))
    assert (limit.limit, limit.in_flight) == (before, 0)


def test_the_gradient_waits_for_a_whole_window() -> None:
    limit = ConcurrencyLimit(Gradient(initial=16, max_limit=99, min_samples=32, window_s=5.0))
    _finish(limit, 16, now=10.0)
    _finish(limit, 15, now=15.0)  # 31 samples
    assert limit.limit == 16
    _finish(limit, 16, now=15.0)
    assert limit.limit == 16  # 16 + 0.2 * 4 = 16.8
    for now in (20.0, 25.0):
        _finish(limit, 16, now=now)
    assert limit.limit == 17


def test_the_gradient_ignores_windows_that_use_little() -> None:
    limit = ConcurrencyLimit(Gradient(initial=16, max_limit=99, min_samples=1, window_s=0.0))
    for latency_s in (1.0, 50.0, 0.1, 50.0):
        _finish(limit, 7, latency_s=latency_s)
    assert limit.limit == 16


def _window(limit: ConcurrencyLimit, *latencies_s: float, peak: int) -> int:
    """Makes one window of samples, of which the first is taken with `peak` in flight; returns the limit after it."""
    assert all(limit.acquire() for _ in range(peak))
    for latency_s in latencies_s:
        limit.release(LoadOutcome.SUCCESS, latency_s=latency_s, now=0.0)
    for _ in range(peak - len(latencies_s)):
        limit.release(LoadOutcome.IGNORED, latency_s=0.0, now=0.0)
    return limit.limit


def test_the_gradient_step_by_step() -> None:
    limit = ConcurrencyLimit(Gradient(initial=10_000, max_limit=20_000, smoothing=0.5, min_samples=2, window_s=0.0))
    assert _window(limit, 0.5, 1.5, peak=5000) == 10_050  # base 1; half of the limit is use: + sqrt / 2
    assert _window(limit, 3.0, 5.0, peak=9000) == 7537  # gradient 2 * 1 / 4: - 1/4
    assert _window(limit, 2.5, 2.5, peak=7537) == 6783  # gradient 0.8: - 1/10
    assert _window(limit, 9.0, 91.0, peak=6783) == 5087  # no less than 0.5: - 1/4
    assert _window(limit, 0.5, 0.5, peak=5087) == 5123  # base 0.85, from below at a weight of 0.3
    assert _window(limit, 2.0, 2.25, peak=5123) == 4611  # gradient 1.7 / 2.125: - 1/10
    assert _window(limit, 1.8, 1.9, peak=9) == 4611  # little used: base 0.95, at a weight of 0.1
    assert _window(limit, 2.375, 2.375, peak=4611) == 4150  # gradient 1.9 / 2.375: - 1/10


def test_the_gradient_grows_up_to_its_tolerance() -> None:
    limit = ConcurrencyLimit(
        Gradient(initial=100, max_limit=200, tolerance=2.0, smoothing=1.0, min_samples=2, window_s=0.0)
    )
    assert _window(limit, 3.0, 3.0, peak=100) == 110
    assert _window(limit, 6.0, 6.0, peak=110) == 120
    assert _window(limit, 6.1, 6.1, peak=120) == 118


def test_the_gradient_learns_anew_at_its_lower_bound() -> None:
    limit_rule = Gradient(
        initial=10_000, min_limit=10_000, max_limit=20_000, smoothing=0.5, min_samples=2, window_s=0.0
    )
    limit = ConcurrencyLimit(limit_rule)
    assert _window(limit, 1.0, 1.0, peak=10_000) == 10_050
    assert _window(limit, 5.0, 5.0, peak=10_000) == 10_000
    assert _window(limit, 5.0, 5.0, peak=10_000) == 10_050  # base 3, at a weight of 0.5
    assert _window(limit, 7.5, 7.5, peak=10_000) == 10_000  # above the bound it is 3 still


def test_the_first_sign_of_overload_counts_at_any_time() -> None:
    limit = ConcurrencyLimit(Aimd(initial=10, max_limit=20))
    _finish(limit, outcome=LoadOutcome.OVERLOADED, now=-5.0)
    assert limit.limit == 7


def test_the_gradient_learns_a_new_base_while_little_is_used() -> None:
    limit = ConcurrencyLimit(Gradient(initial=16, max_limit=99, min_samples=1, window_s=0.0))
    _finish(limit, 1, latency_s=1.0)
    for _ in range(50):
        _finish(limit, 1, latency_s=3.0)
    _finish(limit, 16, latency_s=3.0)  # within the tolerance of 3.0, not of 1.0
    assert limit.limit > 16


def _offered(
    limit: ConcurrencyLimit, *, capacity: int, base_s: float, start: float, end: float, refuse_above: float = 1e9
) -> float:
    """Offers more than enough, from `start` to `end`, to an upstream whose latency grows once it is full.

    It answers after `base_s` times the load over its capacity, and refuses above `refuse_above` at once. Returns `end`.
    """
    ends: list[tuple[float, int, float, LoadOutcome]] = []
    number, now = 0, start
    while now < end:
        while limit.acquire():
            number += 1
            latency_s = base_s * max(1.0, limit.in_flight / capacity)
            refused = limit.in_flight > refuse_above
            outcome = LoadOutcome.OVERLOADED if refused else LoadOutcome.SUCCESS
            heappush(ends, (now + (0.01 if refused else latency_s), number, latency_s, outcome))
        now, _, latency_s, outcome = heappop(ends)
        limit.release(outcome, latency_s=latency_s, now=now)
    for now, _, latency_s, outcome in _in_order(ends):
        limit.release(outcome, latency_s=latency_s, now=now)
    return now


def _in_order(heap: list[tuple[float, int, float, LoadOutcome]]) -> Iterable[tuple[float, int, float, LoadOutcome]]:
    while heap:
        yield heappop(heap)


def test_aimd_stays_about_where_the_upstream_begins_to_refuse() -> None:
    limit = ConcurrencyLimit(Aimd(initial=2, max_limit=500))
    now = _offered(limit, capacity=40, base_s=0.2, start=0.0, end=60.0, refuse_above=40)
    assert 0.6 * 40 <= limit.limit <= 41
    _offered(limit, capacity=10, base_s=0.2, start=now, end=now + 30, refuse_above=10)
    assert 0.6 * 10 <= limit.limit <= 11


def test_the_gradient_finds_the_capacity_and_follows_it() -> None:
    limit = ConcurrencyLimit(Gradient(initial=4, max_limit=1000))
    now = _offered(limit, capacity=40, base_s=0.5, start=0.0, end=120.0)
    assert 40 <= limit.limit <= 2.5 * 40  # tolerance 2 allows a queue of one more capacity
    settled = limit.limit
    now = _offered(limit, capacity=40, base_s=0.5, start=now, end=now + 600)
    assert abs(limit.limit - settled) <= 2  # a lasting overload does not pass for the new normal
    now = _offered(limit, capacity=10, base_s=0.5, start=now, end=now + 120)
    assert 10 <= limit.limit <= 2.5 * 10
    _offered(limit, capacity=40, base_s=0.5, start=now, end=now + 120)
    assert 40 <= limit.limit <= 2.5 * 40


def test_the_gradient_learns_that_an_upstream_became_slower_for_good() -> None:
    limit = ConcurrencyLimit(Gradient(initial=4, max_limit=1000))
    now = _offered(limit, capacity=40, base_s=0.5, start=0.0, end=120.0)
    _offered(limit, capacity=40, base_s=4.0, start=now, end=now + 1000)
    assert 40 <= limit.limit <= 2.5 * 40


class LimitMachine(RuleBasedStateMachine):
    """Invariants: nobody gets in at or above the limit, everybody below; counts are those of a plain counter.

    The limit stays within its bounds, and falls only by a sign of overload or by latency.
    """

    @initialize(limit_rule=st.sampled_from(RULES))
    def start(self, limit_rule: LimitRule) -> None:
        self.bounds = _bounds(limit_rule)
        self.limit = ConcurrencyLimit(limit_rule)
        self.in_flight = 0
        self.now = 0.0

    @rule()
    def acquire(self) -> None:
        below = self.in_flight < self.limit.limit
        assert self.limit.acquire() is below
        self.in_flight += below

    @precondition(lambda self: self.in_flight)
    @rule(outcome=st.sampled_from(LoadOutcome), latency_s=st.floats(0, 100))
    def release(self, outcome: LoadOutcome, latency_s: float) -> None:
        before = self.limit.limit
        self.limit.release(outcome, latency_s=latency_s, now=self.now)
        self.in_flight -= 1
        if outcome is LoadOutcome.IGNORED:
            assert self.limit.limit == before
        if outcome is LoadOutcome.OVERLOADED:
            assert self.limit.limit <= before

    @rule(seconds=st.floats(0, 5))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def counted_and_bounded(self) -> None:
        assert self.limit.in_flight == self.in_flight
        assert self.bounds[0] <= self.limit.limit <= self.bounds[1]


TestLimitMachine = LimitMachine.TestCase
TestLimitMachine.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


@given(limit=st.integers(0, 10_000), workers=st.integers(1, 64))
def test_workers_share_a_limit_without_loss(limit: int, workers: int) -> None:
    shares = divided(limit, workers=workers)
    assert len(shares) == workers
    assert sum(shares) == limit
    assert max(shares) - min(shares) <= 1
    assert min(shares) >= 1 or limit < workers


def test_those_who_were_let_in_before_the_limit_count_and_are_not_ended() -> None:
    limit = ConcurrencyLimit(Fixed(limit=2))
    limit.take_over(3)
    assert (limit.in_flight, limit.acquire()) == (3, False)
    for _ in range(2):
        limit.release(LoadOutcome.IGNORED, latency_s=0.0, now=0.0)
    assert limit.acquire()
