"""Logs: one line a request in two forms, with ids, counts and times, and nobody's text."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from triphase_server.core.errors import GatewayError, Stage, UpstreamOutputTimeout
from triphase_server.core.events import AppliedReasoning, Completed, FinishReason, Timings, Usage
from triphase_server.rpc.status import TABLE
from triphase_server.service.ports import Outcome
from triphase_server.telemetry.log import RequestLog, configure, fields

OUTCOME = Outcome(response_id="resp-1", route="m", deployment="engine/model", total_s=1.23456789)
COMPLETED = Completed(
    finish_reason=FinishReason.STOP,
    native_finish_reason="stop",
    usage=Usage(input_tokens=14, output_tokens=61, reasoning_tokens=49),
    timings=Timings(first_reasoning_s=0.5, total_s=1.2),
    reasoning=AppliedReasoning(),
    deployment="engine/model",
    model="model",
    attempts=1,
)
FAILED = replace(
    OUTCOME, error=UpstreamOutputTimeout("sent nothing", stage=Stage.STREAM, metadata={"upstream_status": "504"})
)


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, as it was before the test once it is over."""
    logger = logging.getLogger()
    handlers, level, shown = logger.handlers[:], logger.level, logging.raiseExceptions
    yield logger
    logging.raiseExceptions = shown
    logger.handlers[:] = handlers
    logger.setLevel(level)


def logged(outcome: Outcome, *, as_json: bool, level: str = "info") -> str:
    lines: list[str] = []
    configure(level=level, as_json=as_json, tell=lines.append)
    RequestLog(reason_of=reason_of).ended(outcome)
    return "".join(f"{line}\n" for line in lines)


def told(outcome: Outcome) -> dict[str, object]:
    return fields(outcome, reason_of=reason_of)


def reason_of(error: GatewayError) -> str:
    return TABLE[type(error)].reason


def test_what_is_told_of_a_completed_request() -> None:
    assert told(replace(OUTCOME, completed=COMPLETED)) == {
        "response_id": "resp-1",
        "route": "m",
        "deployment": "engine/model",
        "total_s": 1.234568,
        "outcome": "stop",
        "first_reasoning_s": 0.5,
        "first_output_s": None,
        "input_tokens": 14,
        "output_tokens": 61,
        "reasoning_tokens": 49,
    }


def test_what_is_told_of_a_failed_one_and_of_one_whose_client_left() -> None:
    assert told(FAILED)["outcome"] == "UPSTREAM_TIMEOUT_OUTPUT"
    assert (told(FAILED)["stage"], told(FAILED)["upstream_status"]) == ("stream", "504")
    assert told(OUTCOME)["outcome"] == "cancelled"


def test_what_put_the_conversation_otherwise_is_told_by_its_keys_alone(root: logging.Logger) -> None:
    line = logged(replace(OUTCOME, normalized_by=("developer", "system")), as_json=False)
    assert " normalized=developer,system " in line
    assert "normalized" not in told(OUTCOME)


def test_a_line_for_people(root: logging.Logger) -> None:
    line = logged(replace(OUTCOME, completed=COMPLETED), as_json=False)
    assert line.endswith(
        " INFO request response_id=resp-1 route=m deployment=engine/model total_s=1.234568 outcome=stop"
        " first_reasoning_s=0.5 input_tokens=14 output_tokens=61 reasoning_tokens=49\n"
    )


def test_a_line_for_machines(root: logging.Logger) -> None:
    entry = json.loads(logged(FAILED, as_json=True))
    assert (entry["level"], entry["message"], entry["outcome"]) == ("WARNING", "request", "UPSTREAM_TIMEOUT_OUTPUT")
    assert {"time", "response_id", "total_s", "stage"} <= entry.keys()


def test_a_value_cannot_forge_another_or_another_line(root: logging.Logger) -> None:
    forged = replace(OUTCOME, route='a b="c"\nERROR request route=d')
    assert logged(forged, as_json=False).count("\n") == 1
    assert r'route="a b=\"c\"\nERROR request route=d"' in logged(forged, as_json=False)
    assert json.loads(logged(forged, as_json=True))["route"] == forged.route


@pytest.mark.parametrize(("level", "lines"), [("debug", 1), ("info", 1), ("warning", 0), ("error", 0)])
def test_levels(level: str, lines: int, root: logging.Logger) -> None:
    assert logged(OUTCOME, as_json=False, level=level).count("\n") == lines


def test_a_defect_is_logged_with_its_traceback(root: logging.Logger) -> None:
    lines: list[str] = []
    configure(level="info", as_json=True, tell=lines.append)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        logging.getLogger("triphase").exception("defect")
    entry = json.loads(lines[0])
    assert entry["message"] == "defect"
    assert "ZeroDivisionError" in entry["exception"]


def test_a_log_that_fails_is_no_failure_of_who_logs(root: logging.Logger, capfd: pytest.CaptureFixture[str]) -> None:
    def tell(line: str) -> None:
        raise OSError(line)

    configure(level="info", as_json=False, tell=tell)
    logging.getLogger("triphase").info("anything")
    assert capfd.readouterr() == ("", "")
