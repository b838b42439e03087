"""Which end of a call is which outcome for the circuit: one table over the errors of the upstream.

Rule: only what the upstream does wrong by itself is a failure. What a request can bring about (every 4xx), the caller's
cancel and deadline, and the gateway's own limits and defects are ignored; else one caller could take a deployment from
all others. An engine that answers 500 to what is the request's fault is the adapter's matter: it raises
`UpstreamRejected` in place of the status's own error, and that is ignored here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from triphase_server.core.breaker import Outcome
from triphase_server.core.errors import (
    CircuitsOpen,
    Stage,
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
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What `CircuitBreaker.record` is told: the outcome, and the seconds of a Retry-After that is to be honoured."""

    outcome: Outcome
    retry_after_s: float | None = None


_IGNORED = Judgement(Outcome.IGNORED)
_SUCCESS = Judgement(Outcome.SUCCESS)

# Refused credentials (401, 402, 403) and a missing model (404) are mostly the operator's mistake, but hosted APIs also
# answer 403 to a text that they moderate and 404 to an image that no host of the model takes. A rate limit says that
# the upstream is well; its Retry-After opens the circuit all the same, where the policy allows.
TABLE: Mapping[type[UpstreamError], Outcome] = {
    UpstreamUnreachable: Outcome.FAILURE,
    UpstreamConnectTimeout: Outcome.FAILURE,
    UpstreamConnectionLost: Outcome.FAILURE,
    UpstreamTimeout: Outcome.FAILURE,
    UpstreamFirstByteTimeout: Outcome.FAILURE,
    UpstreamFirstTokenTimeout: Outcome.FAILURE,
    UpstreamReasoningTimeout: Outcome.FAILURE,
    UpstreamOutputTimeout: Outcome.FAILURE,
    UpstreamTotalTimeout: Outcome.IGNORED,  # a long request alone can bring it about, and the silent were caught before
    UpstreamAuthFailed: Outcome.IGNORED,
    UpstreamModelMissing: Outcome.IGNORED,
    UpstreamRejected: Outcome.IGNORED,
    UpstreamRateLimited: Outcome.IGNORED,
    UpstreamOverloaded: Outcome.FAILURE,
    UpstreamServerError: Outcome.FAILURE,
    UpstreamProtocolError: Outcome.FAILURE,
    UpstreamTruncated: Outcome.FAILURE,
    UpstreamContinuationFailed: Outcome.IGNORED,  # a 4xx, or what one conversation makes of model and template
    CircuitsOpen: Outcome.IGNORED,  # nobody was asked
}

# Whose Retry-After is about the deployment, not about one request.
_PAUSING = (UpstreamRateLimited, UpstreamOverloaded, UpstreamServerError)


def judge(error: BaseException | None) -> Judgement:
    """Returns what the end of a call says about its deployment; call it when the whole stream has ended.

    `error` is what ended the call, or None for a whole answer; whatever is no `UpstreamError`, a cancel among them, is
    ignored.
    """
    if error is None:
        return _SUCCESS
    if not isinstance(error, UpstreamError) or _never_asked(error):
        return _IGNORED
    return Judgement(TABLE[type(error)], error.retry_after_s if isinstance(error, _PAUSING) else None)


def _never_asked(error: UpstreamError) -> bool:
    """Whether our own limit of connections ended the call: only an upstream that answers can be overloaded."""
    return isinstance(error, UpstreamOverloaded) and error.stage is Stage.CONNECT
