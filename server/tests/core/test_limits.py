"""What operators allow: which rule it makes, and what each of several workers gets of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triphase_server.core.concurrency import Aimd, Fixed, Gradient
from triphase_server.core.errors import RateLimited
from triphase_server.core.limits import Adaptive, Concurrency, Limits, PerMinute
from triphase_server.core.rates import Charge, Denied


@pytest.mark.parametrize(
    ("adaptive", "rule"),
    [
        (Adaptive.OFF, Fixed(limit=20)),
        (Adaptive.AIMD, Aimd(initial=12, min_limit=4, max_limit=20)),
        (Adaptive.GRADIENT, Gradient(initial=12, min_limit=4, max_limit=20)),
    ],
)
def test_an_adaptive_limit_begins_in_the_middle(adaptive: Adaptive, rule: object) -> None:
    assert Concurrency(max_concurrency=20, adaptive=adaptive).rule() == rule


def test_no_bound_is_no_rule() -> None:
    assert Concurrency(adaptive=Adaptive.AIMD).rule() is None


def test_the_least_is_never_above_the_most() -> None:
    assert Concurrency(max_concurrency=2, adaptive=Adaptive.AIMD).rule() == Aimd(initial=2, min_limit=2, max_limit=2)


@given(most=st.integers(1, 500), queue=st.integers(0, 500), workers=st.integers(1, 16))
def test_workers_share_what_there_is_and_each_has_a_place(most: int, queue: int, workers: int) -> None:
    whole = Concurrency(max_concurrency=most, max_queue=queue, adaptive=Adaptive.AIMD)
    shares = [whole.share(place, workers=workers) for place in range(workers)]
    assert sum(share.max_concurrency for share in shares) == max(most, workers)
    assert sum(share.max_queue for share in shares) == queue
    assert all(share.max_concurrency >= 1 and share.rule() is not None for share in shares)


def test_without_a_bound_there_is_nothing_to_share() -> None:
    assert Concurrency().share(1, workers=4) == Concurrency()


def test_limits_are_shared_as_a_whole() -> None:
    limits = Limits(
        gateway=Concurrency(max_concurrency=4),
        upstreams={"u": Concurrency(max_concurrency=8)},
        routes={"m": PerMinute(requests_per_minute=60.0, tokens_per_minute=600.0)},
    )
    share = limits.share(0, workers=2)
    assert (share.gateway.max_concurrency, share.upstreams["u"].max_concurrency) == (2, 4)
    assert share.routes["m"] == PerMinute(requests_per_minute=30.0, tokens_per_minute=300.0)


def test_a_quota_of_zero_is_none() -> None:
    rates = PerMinute(requests_per_minute=1.0).rates()
    assert isinstance(rates.take(10**9, now=0.0), Charge)
    assert isinstance(rates.take(0, now=0.0), Denied)


def test_a_refusal_names_what_is_used_up() -> None:
    error = RateLimited("no more", subject="route:m", retry_after_s=3.0)
    assert (error.subject, error.metadata, error.retry_after_s) == ("route:m", {"subject": "route:m"}, 3.0)
