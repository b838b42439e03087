"""What `status` prints, on a terminal, into a pipe, and as JSON."""

import io
import json

import pytest
from rich.console import Console
from triphase_server.app.status_view import as_json, roughly, show
from triphase_server.core.transitions import CircuitState, Reason
from triphase_server.rpc.admin.client import Silence
from triphase_server.service.administration import CircuitStatus, DeploymentStatus, WorkerStatus

CLOSED = CircuitStatus(
    state=CircuitState.CLOSED,
    reason=None,
    since_s=None,
    retry_after_s=None,
    calls=0,
    failures=0,
    slow_calls=0,
    consecutive_failures=0,
)
OPEN = CircuitStatus(
    state=CircuitState.OPEN,
    reason=Reason.CONSECUTIVE_FAILURES,
    since_s=12.4,
    retry_after_s=3.25,
    calls=5,
    failures=5,
    slow_calls=0,
    consecutive_failures=5,
)
SILENCE = Silence(address="127.0.0.1:50054", reason="Connection refused")


def worker(place: int, *, circuit: CircuitStatus = CLOSED, latency_s: float | None = None) -> WorkerStatus:
    names = ("org/[bold]model", "b")
    deployments = tuple(
        DeploymentStatus(
            name=name, upstream="u", model="m", routes=("r",), circuit=circuit, in_flight=2, latency_s=latency_s
        )
        for name in names
    )
    return WorkerStatus(place=place, workers=2, process_id=7, uptime_s=300.0, deployments=deployments)


ANSWERS = {0: worker(0), 1: worker(1, circuit=OPEN, latency_s=0.42)}


def test_a_pipe_gets_plain_columns_with_deployments_together() -> None:
    pipe = io.StringIO()
    show(ANSWERS, console=Console(file=pipe, width=20))
    assert pipe.getvalue().splitlines() == [
        "DEPLOYMENT       WORKER  CIRCUIT  WHY                             RETRY      IN FLIGHT  LATENCY  UP",
        "b                0       closed   -                               -          2          -        5 min",
        "b                1       open     consecutive_failures, 12 s ago  in 3.25 s  2          0.42 s   5 min",
        "org/[bold]model  0       closed   -                               -          2          -        5 min",
        "org/[bold]model  1       open     consecutive_failures, 12 s ago  in 3.25 s  2          0.42 s   5 min",
    ]


def test_a_terminal_gets_a_table_with_colours_and_names_as_they_are() -> None:
    terminal = io.StringIO()
    show(ANSWERS, console=Console(file=terminal, force_terminal=True, color_system="standard", width=120))
    assert "\x1b[31mopen" in terminal.getvalue()
    assert "\x1b[32mclosed" in terminal.getvalue()
    assert "org/[bold]model" in terminal.getvalue()


@pytest.mark.parametrize("width", [76, 12])
def test_a_narrow_terminal_wraps_reasons_and_never_cuts_a_name(width: int) -> None:
    terminal = io.StringIO()
    console = Console(file=terminal, force_terminal=True, color_system=None, width=width)
    show({1: worker(1, circuit=OPEN)}, console=console)
    assert "…" not in terminal.getvalue()
    if width > 50:
        assert "org/[bold]model " in terminal.getvalue()
        assert "failures," in terminal.getvalue()


def test_json_has_everything_and_who_was_silent() -> None:
    told = json.loads(as_json({**ANSWERS, 2: SILENCE}))
    assert told["silent"] == [{"place": 2, "address": "127.0.0.1:50054", "reason": "Connection refused"}]
    assert [status["place"] for status in told["workers"]] == [0, 1]
    circuit = told["workers"][1]["deployments"][0]["circuit"]
    assert (circuit["state"], circuit["reason"], circuit["retry_after_s"]) == ("open", "consecutive_failures", 3.25)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.00 s"),
        (9.994, "9.99 s"),
        (12.4, "12 s"),
        (119.0, "119 s"),
        (150.0, "2 min"),
        (7200.0, "2 h"),
        (4 * 86400.0, "4 d"),
    ],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert roughly(seconds) == text
