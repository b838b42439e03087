"""What a check of a model repository leaves in the log and in the metrics, and what it never leaves there."""

import asyncio
import json
import logging

import pytest
from prometheus_client import generate_latest
from triphase_server.core.errors import AtCapacity, GatewayError, UnknownRepository
from triphase_server.rpc.status import TABLE
from triphase_server.service.ports import CheckOutcome
from triphase_server.telemetry.checks import CheckLog, CheckMetrics
from triphase_server.telemetry.log import JsonFormatter
from triphase_server.telemetry.metrics import Registry

FOUND = CheckOutcome(verdict="errors", findings=3, waited_s=0.25, total_s=1.5)
FULL = AtCapacity("the gateway checks as many as it may", subject="validation", retry_after_s=10.0)


def reason_of(error: GatewayError) -> str:
    return TABLE[type(error)].reason


def ended(error: BaseException) -> CheckOutcome:
    return CheckOutcome(error=error, waited_s=1.0, total_s=2.0)


@pytest.mark.parametrize(
    ("outcome", "level", "fields"),
    [
        (FOUND, "INFO", {"outcome": "errors", "findings": 3, "waited_s": 0.25, "total_s": 1.5}),
        (ended(asyncio.CancelledError()), "INFO",
         {"outcome": "cancelled", "findings": None, "waited_s": 1.0, "total_s": 2.0}),
        (ended(FULL), "WARNING", {"outcome": "POLICY_AT_CAPACITY", "findings": None, "waited_s": 1.0, "total_s": 2.0,
                                  "subject": "validation"}),
        (ended(ZeroDivisionError()), "WARNING",
         {"outcome": "GATEWAY_INTERNAL", "findings": None, "waited_s": 1.0, "total_s": 2.0}),
    ],
    ids=["found", "cancelled", "refused", "defect"],
)  # fmt: skip
def test_each_check_is_a_line(
    outcome: CheckOutcome, level: str, fields: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        CheckLog(reason_of=reason_of).checked(outcome)
    (record,) = caplog.records
    told = json.loads(JsonFormatter().format(record))
    assert told.pop("time")
    assert told == {"level": level, "message": "check", **fields}


def test_each_check_is_counted_once_by_how_it_ended() -> None:
    registry = Registry()
    log = CheckLog(metrics=CheckMetrics(registry.series, reason_of=reason_of), reason_of=reason_of)
    for outcome in (FOUND, FOUND, ended(FULL), ended(asyncio.CancelledError()), ended(ZeroDivisionError())):
        log.checked(outcome)
    counted = {
        (sample.labels["verdict"], sample.labels["error_type"]): sample.value
        for metric in registry.collector.collect()
        for sample in metric.samples
        if sample.name == "triphase_checks_total"
    }
    assert counted == {
        ("errors", ""): 2.0,
        ("", "POLICY_AT_CAPACITY"): 1.0,
        ("", "cancelled"): 1.0,
        ("", "GATEWAY_INTERNAL"): 1.0,
    }
    value = registry.collector.get_sample_value
    assert value("triphase_check_duration_seconds_count", {"error_type": ""}) == 2.0
    assert value("triphase_check_duration_seconds_sum", {"error_type": ""}) == 3.0


def test_nothing_of_a_repository_is_told(caplog: pytest.LogCaptureFixture) -> None:
    registry = Registry()
    metrics = CheckMetrics(registry.series, reason_of=reason_of)
    with caplog.at_level(logging.DEBUG):
        CheckLog(metrics=metrics, reason_of=reason_of).checked(ended(UnknownRepository("there is no SECRET/name")))
    line = JsonFormatter().format(caplog.records[0])
    assert "CALLER_UNKNOWN_REPOSITORY" in line
    assert "SECRET" not in line + generate_latest(registry.collector).decode()
