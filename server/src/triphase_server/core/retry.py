"""Whether a failed attempt is followed by another one, where, and after which wait.

Rule: the class of the error decides, by one table; nothing follows once an attempt is committed or the attempts are
used up. Waits have full jitter (Brooker, "Exponential Backoff And Jitter", AWS 2015), on top of what the upstream asked
for by `Retry-After`. The deadline is `budget.Budget`, storms are held off by `budget.RetryTokens`; waiting is the
service's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from typing import TypeAlias

from triphase_server.core.errors import (
    CallerError,
    CircuitsOpen,
    GatewayError,
    InternalError,
    UpstreamAuthFailed,
    UpstreamConnectionLost,
    UpstreamConnectTimeout,
    UpstreamContinuationFailed,
    UpstreamError,
    UpstreamFirstByteTimeout,
    UpstreamFirstTokenTimeout,
    UpstreamModelMissing,
    UpstreamOutputTimeout,
    UpstreamOverloaded,
    UpstreamProtocolError,
    UpstreamRateLimited,
    UpstreamReasoningTimeout,
    UpstreamRejected,
    UpstreamServerError,
    UpstreamTimeout,
    UpstreamTotalTimeout,
    UpstreamTruncated,
    UpstreamUnreachable,
    ValidationOff,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """What an operator allows one request.

    Attributes:
        max_attempts: Attempts in all, the first one included, over all deployments; 1 means no retry and no fallback.
        initial_s: The bound of the first wait; each further one is twice as long.
        max_s: The bound that no wait by jitter exceeds.
        max_retry_after_s: A `Retry-After` beyond this is not waited for: the caller is told instead.
    """

    max_attempts: int = 3
    initial_s: float = 0.25
    max_s: float = 4.0
    max_retry_after_s: float = 30.0

    def __post_init__(self) -> None:
        """Raises ValueError where a value makes no sense."""
        if self.max_attempts < 1 or not 0 <= self.initial_s <= self.max_s or not self.max_retry_after_s >= 0:
            raise ValueError("max_attempts must be at least 1, and 0 <= initial_s <= max_s, max_retry_after_s >= 0")


@dataclass(frozen=True, slots=True)
class Retry:
    """Try the same deployment again, after `delay_s` seconds."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Fallback:
    """Try another deployment, after `delay_s` seconds."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Hand the error to the caller."""


Decision: TypeAlias = Retry | Fallback | GiveUp


class _Remedy(Enum):
    ANOTHER_OR_SAME = auto()  # passes by itself, or is one server's: elsewhere at once, else here after a wait
    ANOTHER = auto()  # lasts until an operator acts: here it would fail again
    ANOTHER_ONCE = auto()  # has cost the caller a whole timeout already: elsewhere, but not from timeout to timeout
    NONE = auto()  # the same request would fail anywhere, or is not to be repeated


# The nearest class in the error's own ancestry counts. What is neither listed nor an upstream's is given up.
_REMEDIES: Mapping[type, _Remedy] = {
    UpstreamUnreachable: _Remedy.ANOTHER_OR_SAME,
    UpstreamConnectTimeout: _Remedy.ANOTHER_OR_SAME,  # cost little, and no request was sent
    UpstreamConnectionLost: _Remedy.ANOTHER_OR_SAME,
    UpstreamRateLimited: _Remedy.ANOTHER_OR_SAME,
    UpstreamOverloaded: _Remedy.ANOTHER_OR_SAME,
    UpstreamServerError: _Remedy.ANOTHER_OR_SAME,
    UpstreamTruncated: _Remedy.ANOTHER_OR_SAME,
    UpstreamAuthFailed: _Remedy.ANOTHER,
    UpstreamModelMissing: _Remedy.ANOTHER,
    UpstreamProtocolError: _Remedy.ANOTHER,
    UpstreamContinuationFailed: _Remedy.ANOTHER,
    UpstreamTimeout: _Remedy.ANOTHER_ONCE,
    UpstreamFirstByteTimeout: _Remedy.ANOTHER_ONCE,
    UpstreamFirstTokenTimeout: _Remedy.ANOTHER_ONCE,
    UpstreamReasoningTimeout: _Remedy.ANOTHER_ONCE,
    UpstreamOutputTimeout: _Remedy.ANOTHER_ONCE,
    UpstreamTotalTimeout: _Remedy.ANOTHER_ONCE,
    UpstreamRejected: _Remedy.NONE,
    CircuitsOpen: _Remedy.NONE,  # whether to wait for a circuit is the route's matter
    UpstreamError: _Remedy.NONE,
    GatewayError: _Remedy.NONE,
}


# What the same request would meet again, until its caller or an operator changes something.
_LASTING = (
    CallerError,
    InternalError,
    UpstreamAuthFailed,
    UpstreamContinuationFailed,
    UpstreamModelMissing,
    UpstreamProtocolError,
    UpstreamRejected,
    ValidationOff,
)


def decide(
    error: GatewayError,
    *,
    committed: bool,
    attempt: int,
    policy: RetryPolicy,
    draw: float,
    others: bool = True,
    timed_out_before: bool = False,
    remaining_s: float = inf,
) -> Decision:
    """Decides what follows the failure of an attempt.

    Args:
        error: Why it failed; its `retry_after_s` is a lower bound of a wait for the same deployment.
        committed: Whether its first token had arrived.
        attempt: Its number, from 1, over all deployments.
        policy: What the operator allows.
        draw: A number in [0, 1).
        others: Whether another deployment, not yet tried, may be asked now.
        timed_out_before: Whether an earlier attempt of this request had timed out.
        remaining_s: Seconds until the deadline; a wait that does not end before it is not begun.
    """
    remedy = _remedy(error, timed_out_before=timed_out_before)
    if committed or attempt >= policy.max_attempts or remedy is _Remedy.NONE:
        return GiveUp()
    if others:
        # At once, but for the second in a row: two deployments that fail together may share a cause.
        delay_s = _backoff_s(attempt - 1, policy=policy, draw=draw)
        return Fallback(delay_s) if delay_s < remaining_s else GiveUp()
    if remedy is not _Remedy.ANOTHER_OR_SAME:
        return GiveUp()
    asked_s = max(0.0, error.retry_after_s or 0.0)  # in this order, so that NaN is 0
    delay_s = asked_s + _backoff_s(attempt, policy=policy, draw=draw)  # else all who were told come back at one moment
    return Retry(delay_s) if asked_s <= policy.max_retry_after_s and delay_s < remaining_s else GiveUp()


def may_pass(error: GatewayError) -> bool:
    """Says whether the same request may well succeed if it is made again."""
    return not isinstance(error, _LASTING)


def same_may_help(error: GatewayError) -> bool:
    """Says whether the deployment that failed so may be asked again by the same request."""
    return _remedy(error, timed_out_before=False) is _Remedy.ANOTHER_OR_SAME


def _remedy(error: GatewayError, *, timed_out_before: bool) -> _Remedy:
    remedy = next(_REMEDIES[kind] for kind in type(error).__mro__ if kind in _REMEDIES)
    return _Remedy.NONE if remedy is _Remedy.ANOTHER_ONCE and timed_out_before else remedy


def _backoff_s(step: int, *, policy: RetryPolicy, draw: float) -> float:
    """Returns a wait between 0 and twice the bound of the step before; step 0 waits not at all."""
    if step < 1:
        return 0.0
    return draw * min(policy.max_s, policy.initial_s * 2.0 ** min(step - 1, 64))
