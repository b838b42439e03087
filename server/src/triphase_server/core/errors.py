"""What can go wrong, as one tree: the branch says who is at fault, the leaf at which stage.

No codes are kept here: `rpc/status.py` has the one table from these classes to gRPC codes and reasons. Messages are for
callers, so they never hold anything that an upstream wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class GatewayError(Exception):
    """Anything that ends a request without an answer.

    `metadata` travels to the caller as `ErrorInfo.metadata`; `retry_after_s` (seconds), where known, as `RetryInfo`.
    """

    def __init__(
        self, message: str, *, metadata: Mapping[str, str] | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})
        self.retry_after_s = retry_after_s


# The caller's fault.


class CallerError(GatewayError):
    """The request cannot be served as it is."""


class UnknownModel(CallerError):
    """No route has the requested name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One field of the request that breaks a rule: its path in the proto, such as `messages[2].role`, and the rule.

    An empty path is the request as a whole.
    """

    field: str
    description: str


class InvalidRequest(CallerError):
    """Fields of the request break the contract; holds every violation, not the first alone."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        named = "; ".join(f"{v.field}: {v.description}" if v.field else v.description for v in violations[:3])
        more = f"; and {len(violations) - 3} more" if len(violations) > 3 else ""
        super().__init__(f"invalid request: {named}{more}")
        self.violations = violations


class UnknownDeployment(CallerError):
    """No deployment has the name that an operator gave."""


class UnknownRepository(CallerError):
    """No model repository that the operator allows has the requested name."""


class ResponseTooLarge(CallerError):
    """The whole response is more than one message can hold; streamed, it is not."""


class CallerTooSlow(CallerError):
    """The caller did not take an event for so long that its engine is given to others."""


class DeadlineExceeded(CallerError):
    """The caller's own deadline passed."""


# The operator's word.


class PolicyError(GatewayError):
    """More was asked than the operator allows; `subject` names what is used up, such as `route:qwen3`."""

    def __init__(self, message: str, *, subject: str, retry_after_s: float | None) -> None:
        super().__init__(message, metadata={"subject": subject}, retry_after_s=retry_after_s)
        self.subject = subject


class RateLimited(PolicyError):
    """The route gives no more for this minute."""


class AtCapacity(PolicyError):
    """As many run as may, and as many wait, or this one has waited as long as it may."""


class ValidationOff(PolicyError):
    """The operator does not let callers have repositories checked."""


# The upstream's fault.


class Stage(StrEnum):
    """How far an attempt had come when it failed."""

    CONNECT = "connect"
    FIRST_BYTE = "first_byte"
    FIRST_TOKEN = "first_token"  # noqa: S105 - a token of text, not a password
    STREAM = "stream"


class UpstreamError(GatewayError):
    """The upstream failed; `stage` says when."""

    def __init__(
        self,
        message: str,
        *,
        stage: Stage,
        metadata: Mapping[str, str] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, metadata={**(metadata or {}), "stage": stage.value}, retry_after_s=retry_after_s)
        self.stage = stage


class UpstreamUnreachable(UpstreamError):
    """No connection could be made."""


class UpstreamConnectionLost(UpstreamError):
    """The connection broke before the response was complete."""


class UpstreamConnectTimeout(UpstreamUnreachable):
    """No connection stood in time (`connect_s`)."""


class UpstreamTimeout(UpstreamError):
    """The upstream was silent for longer than allowed; which limit it was, the classes below say."""


class UpstreamFirstByteTimeout(UpstreamTimeout):
    """No response head came (`first_byte_s`)."""


class UpstreamFirstTokenTimeout(UpstreamTimeout):
    """No thought, output or tool call came (`first_token_s`)."""


class UpstreamReasoningTimeout(UpstreamTimeout):
    """Nothing at all came any more before the output began (`between_reasoning_s`)."""


class UpstreamOutputTimeout(UpstreamTimeout):
    """Nothing at all came any more after the output had begun (`between_output_s`)."""


class UpstreamTotalTimeout(UpstreamTimeout):
    """The whole request, all attempts together, took too long (`total_s`)."""


class UpstreamAuthFailed(UpstreamError):
    """The upstream refused the operator's credentials; never the caller's matter."""


class UpstreamModelMissing(UpstreamError):
    """The upstream does not know the deployment's model or path."""


class UpstreamRejected(UpstreamError):
    """The upstream refused this very request, which would be refused again."""


class UpstreamRateLimited(UpstreamError):
    """The upstream allows no more requests for now."""


class UpstreamOverloaded(UpstreamError):
    """The upstream has no capacity for now."""


class UpstreamServerError(UpstreamError):
    """The upstream failed inside."""


class UpstreamProtocolError(UpstreamError):
    """What the upstream sent is not what an OpenAI-compatible server sends."""


class UpstreamTruncated(UpstreamError):
    """The stream ended without saying that it was complete."""


class UpstreamContinuationFailed(UpstreamError):
    """The upstream did not go on with an answer whose thought the gateway had closed."""


class CircuitsOpen(UpstreamError):
    """Every deployment that could answer is shut off, after failures or by the operator.

    `retry_after_s` tells when one may be tried; `None` where only the operator knows.
    """


# Ours.


class ShuttingDown(GatewayError):
    """The gateway stops and takes no more requests; others may, and soon this one again."""

    def __init__(
        self,
        message: str = "the gateway stops; try another or again soon",
        *,
        metadata: Mapping[str, str] | None = None,
        retry_after_s: float | None = 1.0,
    ) -> None:
        super().__init__(message, metadata=metadata, retry_after_s=retry_after_s)


class InternalError(GatewayError):
    """A defect of the gateway itself."""
