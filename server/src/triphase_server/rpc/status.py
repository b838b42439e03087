"""Errors to gRPC: the one table from the tree in `core/errors.py` to status codes and reasons.

An error travels once, as `google.rpc.Status` in the trailers, with one `ErrorInfo` and, where they help, `RetryInfo`
and `BadRequest`. All of it stays below 7 000 bytes, since larger trailers make gRPC change the status code (measured;
grpc's soft metadata limit is 8 KB).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

from triphase_server.core import errors
from triphase_server.rpc.responses import to_duration

DOMAIN = "triphase"
# In the worst case the message travels as 3 times its bytes, percent-encoded, and again among the details, which base64
# makes longer by a third: 3 * 512 + 4/3 * (512 + 3200 + 200 for the frame) = 6 760.
_MOST_MESSAGE_BYTES = 512
_MOST_DETAIL_BYTES = 3_200
_MOST_METADATA_BYTES = 1_000
_MOST_VALUE_BYTES = 200


@dataclass(frozen=True, slots=True)
class Mapped:
    """What an error becomes."""

    code: grpc.StatusCode
    reason: str


# An upstream's 5xx is UNAVAILABLE, not INTERNAL: another try may succeed. Refused credentials are never
# UNAUTHENTICATED, since they are the operator's, not the caller's.
TABLE: Mapping[type[errors.GatewayError], Mapped] = {
    errors.UnknownModel: Mapped(grpc.StatusCode.NOT_FOUND, "CALLER_UNKNOWN_MODEL"),
    errors.InvalidRequest: Mapped(grpc.StatusCode.INVALID_ARGUMENT, "CALLER_INVALID_REQUEST"),
    errors.UnknownDeployment: Mapped(grpc.StatusCode.NOT_FOUND, "CALLER_UNKNOWN_DEPLOYMENT"),
    errors.UnknownRepository: Mapped(grpc.StatusCode.NOT_FOUND, "CALLER_UNKNOWN_REPOSITORY"),
    errors.ResponseTooLarge: Mapped(grpc.StatusCode.FAILED_PRECONDITION, "CALLER_RESPONSE_TOO_LARGE"),
    errors.CallerTooSlow: Mapped(grpc.StatusCode.ABORTED, "CALLER_TOO_SLOW"),
    errors.DeadlineExceeded: Mapped(grpc.StatusCode.DEADLINE_EXCEEDED, "CALLER_DEADLINE_EXCEEDED"),
    errors.RateLimited: Mapped(grpc.StatusCode.RESOURCE_EXHAUSTED, "POLICY_RATE_LIMITED"),
    errors.AtCapacity: Mapped(grpc.StatusCode.RESOURCE_EXHAUSTED, "POLICY_AT_CAPACITY"),
    errors.ValidationOff: Mapped(grpc.StatusCode.PERMISSION_DENIED, "POLICY_VALIDATION_OFF"),
    errors.UpstreamUnreachable: Mapped(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNREACHABLE"),
    errors.UpstreamConnectionLost: Mapped(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_CONNECTION_LOST"),
    errors.UpstreamConnectTimeout: Mapped(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_TIMEOUT_CONNECT"),
    errors.UpstreamFirstByteTimeout: Mapped(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_TIMEOUT_FIRST_BYTE"),
    errors.UpstreamFirstTokenTimeout: Mapped(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_TIMEOUT_FIRST_TOKEN"),
    errors.UpstreamReasoningTimeout: Mapped(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_TIMEOUT_REASONING"),
    errors.UpstreamOutputTimeout: Mapped(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_TIMEOUT_OUTPUT"),
    errors.UpstreamTotalTimeout: Mapped(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_TIMEOUT_TOTAL"),
    errors.UpstreamAuthFailed: Mapped(grpc.StatusCode.INTERNAL, "UPSTREAM_AUTH_FAILED"),
    errors.UpstreamModelMissing: Mapped(grpc.StatusCode.INTERNAL, "UPSTREAM_MODEL_MISSING"),
    errors.UpstreamRejected: Mapped(grpc.StatusCode.INVALID_ARGUMENT, "UPSTREAM_REJECTED"),
    errors.UpstreamRateLimited: Mapped(grpc.StatusCode.RESOURCE_EXHAUSTED, "UPSTREAM_RATE_LIMITED"),
    errors.UpstreamOverloaded: Mapped(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_OVERLOADED"),
    errors.UpstreamServerError: Mapped(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_SERVER_ERROR"),
    errors.UpstreamProtocolError: Mapped(grpc.StatusCode.INTERNAL, "UPSTREAM_PROTOCOL_ERROR"),
    errors.UpstreamTruncated: Mapped(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_TRUNCATED"),
    errors.UpstreamContinuationFailed: Mapped(grpc.StatusCode.INTERNAL, "UPSTREAM_CONTINUATION_FAILED"),
    errors.CircuitsOpen: Mapped(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_CIRCUIT_OPEN"),
    errors.ShuttingDown: Mapped(grpc.StatusCode.UNAVAILABLE, "GATEWAY_SHUTTING_DOWN"),
    errors.InternalError: Mapped(grpc.StatusCode.INTERNAL, "GATEWAY_INTERNAL"),
}


def reason_of(error: errors.GatewayError) -> str:
    """Returns the reason that callers are told, such as `CALLER_UNKNOWN_MODEL`."""
    return TABLE[type(error)].reason


@dataclass(frozen=True)
class Ending(grpc.Status):
    """How an RPC ends; grpc reads these three attributes."""

    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, str | bytes], ...]


def to_status(error: errors.GatewayError) -> grpc.Status:
    """Returns the status of an error, for `context.abort_with_status`.

    Where the error says when to come back, gRPC's own retries wait as long too, if the client has configured them.
    """
    status = rpc_status.to_status(to_rich_status(error))
    if error.retry_after_s is None:
        return status
    pushback = ("grpc-retry-pushback-ms", str(math.ceil(error.retry_after_s * 1000)))
    return Ending(status.code, status.details, (*status.trailing_metadata, pushback))


def to_rich_status(error: errors.GatewayError) -> status_pb2.Status:
    """Returns the `google.rpc.Status` of an error, with all details that fit."""
    mapped = TABLE[type(error)]
    info = error_details_pb2.ErrorInfo(reason=mapped.reason, domain=DOMAIN, metadata=_metadata(error.metadata))
    details: list[Message] = [info]
    if error.retry_after_s is not None:
        details.append(error_details_pb2.RetryInfo(retry_delay=to_duration(error.retry_after_s)))
    if isinstance(error, errors.InvalidRequest):
        details.append(_bad_request(error.violations, most_bytes=_MOST_DETAIL_BYTES - info.ByteSize()))
    if isinstance(error, errors.PolicyError):
        # The message itself is long enough once.
        what = {
            "subject": _cut(error.subject, _MOST_VALUE_BYTES),
            "description": _cut(error.message, _MOST_VALUE_BYTES),
        }
        violation = error_details_pb2.QuotaFailure.Violation(**what)
        details.append(error_details_pb2.QuotaFailure(violations=[violation]))
    code: int = mapped.code.value[0]
    message = _cut(error.message, _MOST_MESSAGE_BYTES)
    return status_pb2.Status(code=code, message=message, details=[_packed(detail) for detail in details])


def _metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    kept = {}
    left = _MOST_METADATA_BYTES
    for key, value in metadata.items():
        short = _cut(value, _MOST_VALUE_BYTES)
        left -= len(key.encode()) + len(short.encode())
        if left < 0:
            break
        kept[key] = short
    return kept


def _bad_request(violations: tuple[errors.Violation, ...], *, most_bytes: int) -> error_details_pb2.BadRequest:
    bad_request = error_details_pb2.BadRequest()
    for violation in violations:
        bad_request.field_violations.add(field=violation.field, description=violation.description)
        if bad_request.ByteSize() > most_bytes and len(bad_request.field_violations) > 1:
            del bad_request.field_violations[-1]
            break
    return bad_request


def _packed(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def _cut(text: str, most_bytes: int) -> str:
    encoded = text.encode()
    if len(encoded) <= most_bytes:
        return text
    return encoded[: most_bytes - 3].decode(errors="ignore") + "…"
