"""The decision after a failure against its vectors, and what holds for every failure."""

import inspect
import json
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triphase_server.core import errors
from triphase_server.core.errors import GatewayError, Stage, UpstreamError, UpstreamRateLimited, UpstreamTimeout
from triphase_server.core.retry import (
    _REMEDIES,
    Decision,
    Fallback,
    GiveUp,
    Retry,
    RetryPolicy,
    decide,
    may_pass,
    same_may_help,
)

VECTORS = "retry"
ERRORS_TABLE = Path(__file__).parents[3] / "testdata/errors.json"

UPSTREAM_ERRORS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, UpstreamError)]
ERRORS = st.builds(
    lambda kind, stage, after_s: kind("failed", stage=stage, retry_after_s=after_s),
    st.sampled_from(UPSTREAM_ERRORS),
    st.sampled_from(Stage),
    st.none() | st.floats(),
)


def _error(vector: dict[str, Any]) -> GatewayError:
    kind: type[GatewayError] = getattr(errors, vector["error"])
    if issubclass(kind, UpstreamError):
        stage = Stage(vector.get("stage", "first_byte"))
        return kind("failed", stage=stage, retry_after_s=vector.get("retry_after_s"))
    return kind("failed")


def _expected(vector: dict[str, Any]) -> Decision:
    match vector["decision"]:
        case "retry":
            return Retry(vector["delay_s"])
        case "fallback":
            return Fallback(vector["delay_s"])
        case _:
            return GiveUp()


def test_vector(vector: dict[str, Any]) -> None:
    decision = decide(
        _error(vector),
        committed=vector.get("committed", False),
        attempt=vector.get("attempt", 1),
        policy=RetryPolicy(max_attempts=vector.get("max_attempts", 3)),
        draw=vector.get("draw", 0.5),
        others=vector.get("others", True),
        timed_out_before=vector.get("timed_out_before", False),
        remaining_s=vector.get("remaining_s", inf),
    )
    assert decision == _expected(vector)


@pytest.mark.parametrize("kind", UPSTREAM_ERRORS)
def test_every_error_of_an_upstream_stands_in_the_table_by_its_own_name(kind: type[UpstreamError]) -> None:
    assert kind in _REMEDIES


def test_an_error_without_an_entry_is_treated_as_its_parent() -> None:
    class QuotaSpent(UpstreamRateLimited):
        pass

    error = QuotaSpent("spent", stage=Stage.FIRST_BYTE)
    assert decide(error, committed=False, attempt=1, policy=RetryPolicy(), draw=0.0) == Fallback(0.0)


@given(
    error=ERRORS,
    committed=st.booleans(),
    attempt=st.integers(1, 10_000),
    draw=st.floats(0, 1, exclude_max=True),
    others=st.booleans(),
    timed_out_before=st.booleans(),
    remaining_s=st.floats(0, 100) | st.just(inf),
)
def test_what_follows_is_within_all_bounds(
    error: UpstreamError,
    committed: bool,
    attempt: int,
    draw: float,
    others: bool,
    timed_out_before: bool,
    remaining_s: float,
) -> None:
    policy = RetryPolicy(max_attempts=5000, max_s=8.0, max_retry_after_s=20.0)
    decision = decide(
        error,
        committed=committed,
        attempt=attempt,
        policy=policy,
        draw=draw,
        others=others,
        timed_out_before=timed_out_before,
        remaining_s=remaining_s,
    )
    if isinstance(decision, GiveUp):
        return
    assert not committed
    assert attempt < policy.max_attempts
    assert isinstance(decision, Fallback) is others
    assert 0 <= decision.delay_s < remaining_s
    asked_s = error.retry_after_s or 0.0
    if isinstance(decision, Retry) and asked_s > 0:  # false for NaN
        assert asked_s <= decision.delay_s <= asked_s + policy.max_s
        assert asked_s <= policy.max_retry_after_s
    else:
        assert decision.delay_s <= policy.max_s


@pytest.mark.parametrize(
    "wrong",
    [{"max_attempts": 0}, {"initial_s": -0.1}, {"initial_s": 5.0}, {"max_s": nan}, {"max_retry_after_s": -1.0}],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        RetryPolicy(**wrong)


def test_a_policy_may_be_all_zero() -> None:
    policy = RetryPolicy(max_attempts=2, initial_s=0.0, max_s=0.0, max_retry_after_s=0.0)
    error = UpstreamRateLimited("slow down", stage=Stage.FIRST_BYTE)
    assert decide(error, committed=False, attempt=1, policy=policy, draw=0.9, others=False) == Retry(0.0)


def test_by_default_there_is_another_deployment_no_timeout_before_and_no_deadline() -> None:
    error = UpstreamTimeout("silent", stage=Stage.FIRST_BYTE)
    assert decide(error, committed=False, attempt=1, policy=RetryPolicy(), draw=0.0) == Fallback(0.0)


def test_a_retry_after_that_is_no_number_is_none() -> None:
    error = UpstreamRateLimited("slow down", stage=Stage.FIRST_BYTE, retry_after_s=nan)
    policy = RetryPolicy()
    assert decide(error, committed=False, attempt=1, policy=policy, draw=0.5, others=False) == Retry(0.125)


def test_what_may_pass_is_what_is_tried_again() -> None:
    assert may_pass(errors.UpstreamTruncated("cut", stage=Stage.STREAM))
    assert not may_pass(errors.UpstreamRejected("no", stage=Stage.STREAM))
    assert not may_pass(errors.DeadlineExceeded("late"))


def test_the_same_deployment_is_asked_again_only_where_its_failure_passes_by_itself() -> None:
    assert same_may_help(errors.UpstreamOverloaded("full", stage=Stage.FIRST_BYTE))
    assert same_may_help(errors.UpstreamConnectTimeout("no connection", stage=Stage.CONNECT))
    assert not same_may_help(errors.UpstreamFirstByteTimeout("silent", stage=Stage.FIRST_BYTE))
    assert not same_may_help(errors.UpstreamAuthFailed("refused", stage=Stage.FIRST_BYTE))


@pytest.mark.parametrize("row", json.loads(ERRORS_TABLE.read_text())["errors"], ids=lambda row: row["error"])
def test_what_may_pass_is_what_the_shared_table_calls_retryable(row: dict[str, Any]) -> None:
    kind: type[GatewayError] = getattr(errors, row["error"])
    options: dict[str, Any] = {"stage": Stage.STREAM} if issubclass(kind, UpstreamError) else {}
    if issubclass(kind, errors.PolicyError):
        options = {"subject": "route:m", "retry_after_s": 1.0}
    error = errors.InvalidRequest(()) if kind is errors.InvalidRequest else kind("failed", **options)
    assert may_pass(error) is row["retryable"]
