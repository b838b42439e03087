"""Errors to statuses: the shared table, the details, and the size that they never exceed."""

import base64
import json
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2  # type: ignore[import-untyped]
from triphase_server.core import errors
from triphase_server.core.errors import GatewayError, InvalidRequest, PolicyError, Stage, UpstreamError, Violation
from triphase_server.rpc.status import TABLE, to_rich_status, to_status

ROWS: list[dict[str, Any]] = json.loads((Path(__file__).parents[3] / "testdata/errors.json").read_text())["errors"]
BRANCHES: set[type[GatewayError]] = {
    GatewayError,
    errors.CallerError,
    PolicyError,
    UpstreamError,
    errors.UpstreamTimeout,
}
MOST_BYTES = 7_000


def below(branch: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for kind in branch.__subclasses__():
        yield kind
        yield from below(kind)


LEAVES = [kind for kind in below(GatewayError) if kind.__module__ == errors.__name__ and kind not in BRANCHES]


def made(kind: type[GatewayError], message: str = "it failed", **options: Any) -> GatewayError:
    if issubclass(kind, InvalidRequest):
        return kind((Violation(field="model", description="must name a model"),))
    if issubclass(kind, UpstreamError):
        options.setdefault("stage", Stage.STREAM)
    if issubclass(kind, PolicyError):
        options = {"subject": "route:m", "retry_after_s": None} | options
    return kind(message, **options)


def details_of(error: GatewayError) -> dict[str, Any]:
    unpacked = {}
    for packed in to_rich_status(error).details:
        detail = getattr(error_details_pb2, packed.TypeName().rpartition(".")[2])()
        assert packed.Unpack(detail)
        unpacked[packed.TypeName()] = detail
    return unpacked


def test_the_shared_table_names_every_error_once() -> None:
    assert [row["error"] for row in ROWS] == [kind.__name__ for kind in TABLE]
    assert set(TABLE) == set(LEAVES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["error"])
def test_an_error_becomes_its_row(row: dict[str, Any]) -> None:
    error = made(getattr(errors, row["error"]))
    status = to_rich_status(error)
    assert code_pb2.Code.Name(status.code) == row["code"]
    assert details_of(error)["google.rpc.ErrorInfo"].reason == row["reason"]
    assert details_of(error)["google.rpc.ErrorInfo"].domain == "triphase"
    assert status.message == error.message
    sent = to_status(error)
    assert (sent.code, sent.details) == (grpc.StatusCode[row["code"]], error.message)


def test_reasons_are_a_closed_vocabulary_that_names_who_is_at_fault() -> None:
    assert len({row["reason"] for row in ROWS}) == len(ROWS)
    for row in ROWS:
        kind = getattr(errors, row["error"])
        prefixes = {
            errors.CallerError: "CALLER_",
            PolicyError: "POLICY_",
            errors.UpstreamTimeout: "UPSTREAM_TIMEOUT_",
            UpstreamError: "UPSTREAM_",
            GatewayError: "GATEWAY_",
        }
        who = next(prefixes[branch] for branch in kind.__mro__ if branch in prefixes)
        assert row["reason"].startswith(who)


def test_what_may_be_tried_again_is_what_generic_clients_may_try_again() -> None:
    # By AIP-194 a client repeats a call for UNAVAILABLE alone; a rate limit says when by itself.
    retryable = {row["code"] for row in ROWS if row["retryable"]}
    assert retryable == {"UNAVAILABLE", "RESOURCE_EXHAUSTED"}
    assert not retryable & {row["code"] for row in ROWS if not row["retryable"]}


def test_retry_after_is_retry_info() -> None:
    error = made(errors.UpstreamRateLimited, retry_after_s=1.5)
    assert details_of(error)["google.rpc.RetryInfo"].retry_delay.ToMilliseconds() == 1500
    assert "google.rpc.RetryInfo" not in details_of(made(errors.UpstreamRateLimited))
    assert details_of(made(errors.UpstreamOverloaded, retry_after_s=0.0))["google.rpc.RetryInfo"] is not None


def test_retry_after_is_also_what_grpcs_own_retries_go_by() -> None:
    sent = dict(to_status(made(errors.UpstreamRateLimited, retry_after_s=0.0101)).trailing_metadata)
    assert sent["grpc-retry-pushback-ms"] == "11"
    assert "grpc-retry-pushback-ms" not in dict(to_status(made(errors.UpstreamRateLimited)).trailing_metadata)


def test_metadata_tells_stage_and_ids() -> None:
    error = made(errors.UpstreamOutputTimeout, metadata={"upstream_status": "503"})
    error.metadata["response_id"] = "resp-1"
    metadata = dict(details_of(error)["google.rpc.ErrorInfo"].metadata)
    assert metadata == {"stage": "stream", "upstream_status": "503", "response_id": "resp-1"}


def test_every_violation_is_told() -> None:
    violations = tuple(Violation(field=f"stop[{i}]", description="must not be empty") for i in range(16))
    bad_request = details_of(InvalidRequest(violations))["google.rpc.BadRequest"]
    assert [v.field for v in bad_request.field_violations] == [f"stop[{i}]" for i in range(16)]


def wire_bytes(status: grpc.Status) -> int:
    """Counts what the trailers are on the wire at most: names and values, 32 bytes of overhead each (RFC 9113)."""
    trailers = [("grpc-status", "13"), ("grpc-message", urllib.parse.quote(status.details or ""))]
    for key, value in status.trailing_metadata or ():
        trailers.append((key, base64.b64encode(value).decode() if isinstance(value, bytes) else value))
    return sum(len(key) + len(value) + 32 for key, value in trailers)


@pytest.mark.parametrize("character", ["x", "%", "é", "界", "😀"])
@pytest.mark.parametrize("kind", LEAVES)
def test_the_worst_case_stays_small(kind: type[GatewayError], character: str) -> None:
    long = character * 100_000
    violations = tuple(Violation(field=character * 200, description=character * 200) for _ in range(16))
    error = InvalidRequest(violations) if kind is InvalidRequest else made(kind, long, retry_after_s=3600.0)
    error.retry_after_s = 3599.999999
    error.metadata.update({f"key_{i}": long for i in range(50)})
    status = to_status(error)
    assert wire_bytes(status) < MOST_BYTES
    rich = status_pb2.Status.FromString(dict(status.trailing_metadata)["grpc-status-details-bin"])
    assert rich.message == status.details
    assert (rich.message.endswith("…"), len(rich.message.encode()) <= 512) == (True, True)
    info = details_of(error)["google.rpc.ErrorInfo"]
    assert info.metadata
    if kind is InvalidRequest:
        assert details_of(error)["google.rpc.BadRequest"].field_violations


def test_what_is_short_is_never_cut() -> None:
    error = made(errors.UnknownModel, "é" * 256, metadata={"route": "界" * 66})
    assert to_rich_status(error).message == "é" * 256
    assert details_of(error)["google.rpc.ErrorInfo"].metadata["route"] == "界" * 66
