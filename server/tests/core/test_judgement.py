"""Which end of a call says what about its deployment."""

import asyncio

import pytest
from triphase_server.core import errors
from triphase_server.core.breaker import Outcome
from triphase_server.core.classify import error_for_status
from triphase_server.core.errors import Stage, UpstreamError
from triphase_server.core.judgement import TABLE, Judgement, judge

IGNORED = Judgement(Outcome.IGNORED)
FAILURE = Judgement(Outcome.FAILURE)


def every(kind: type[Exception]) -> set[type[Exception]]:
    return {leaf for direct in kind.__subclasses__() for leaf in every(direct) | {direct}}


def test_the_table_has_every_error_of_the_upstream() -> None:
    assert set(TABLE) == every(UpstreamError)


@pytest.mark.parametrize("status", [*range(400, 408), *range(409, 425), *range(426, 500)])
def test_no_4xx_counts(status: int) -> None:
    assert judge(error_for_status(status, stage=Stage.FIRST_BYTE)).outcome is Outcome.IGNORED


@pytest.mark.parametrize("status", [*range(500, 512), 529, 599, 301, 408, 425])
def test_what_the_upstream_does_wrong_counts(status: int) -> None:
    assert judge(error_for_status(status, stage=Stage.FIRST_BYTE)) == FAILURE


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize(
    "kind",
    [
        errors.UpstreamUnreachable,
        errors.UpstreamConnectionLost,
        errors.UpstreamConnectTimeout,
        errors.UpstreamFirstByteTimeout,
        errors.UpstreamFirstTokenTimeout,
        errors.UpstreamReasoningTimeout,
        errors.UpstreamOutputTimeout,
        errors.UpstreamProtocolError,
        errors.UpstreamTruncated,
        errors.UpstreamServerError,
    ],
)
def test_a_failure_counts_however_far_the_answer_had_come(kind: type[UpstreamError], stage: Stage) -> None:
    assert judge(kind("it broke", stage=stage)) == FAILURE


def test_a_request_that_is_too_long_in_all_says_nothing() -> None:
    assert judge(errors.UpstreamTotalTimeout("too long", stage=Stage.STREAM)) == IGNORED


def test_a_whole_answer_is_a_success() -> None:
    assert judge(None) == Judgement(Outcome.SUCCESS)


@pytest.mark.parametrize(
    "error",
    [
        asyncio.CancelledError(),
        GeneratorExit(),
        ZeroDivisionError(),
        errors.UnknownModel("no such model"),
        errors.InvalidRequest((errors.Violation(field="model", description="is empty"),)),
        errors.DeadlineExceeded("too late"),
        errors.ShuttingDown(),
        errors.InternalError("a defect"),
        errors.GatewayError("anything else", retry_after_s=9.0),
    ],
    ids=lambda error: type(error).__name__,
)
def test_callers_and_the_gateway_itself_never_count(error: BaseException) -> None:
    assert judge(error) == IGNORED


def test_the_gateways_own_limit_of_connections_is_no_overload_of_the_upstream() -> None:
    assert judge(errors.UpstreamOverloaded("all connections are in use", stage=Stage.CONNECT)) == IGNORED
    assert judge(errors.UpstreamOverloaded("no capacity", stage=Stage.FIRST_BYTE)) == FAILURE


@pytest.mark.parametrize(
    ("status", "judgement"),
    [
        (429, Judgement(Outcome.IGNORED, 7.0)),
        (503, Judgement(Outcome.FAILURE, 7.0)),
        (529, Judgement(Outcome.FAILURE, 7.0)),
        (500, Judgement(Outcome.FAILURE, 7.0)),
        (400, IGNORED),
        (403, IGNORED),
        (404, IGNORED),
        (302, FAILURE),
    ],
)
def test_retry_after_is_honoured_where_it_is_about_the_deployment(status: int, judgement: Judgement) -> None:
    assert judge(error_for_status(status, stage=Stage.FIRST_BYTE, retry_after_s=7.0)) == judgement
