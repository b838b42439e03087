import io
import json
from dataclasses import replace

import pytest
from rich.console import Console
from triphase_benchmark.report.progress import EngineProgress, Mode, Snapshot, clock, display, drawn

SNAPSHOT = Snapshot(
    doing="measuring",
    round=3,
    rounds=8,
    turn="friendli",
    done=600,
    planned=2400,
    elapsed_s=60.0,
    engines=(
        EngineProgress(name="vllm", done=400, failed=2, in_flight=0, rate=24.8, ttft_s=0.08, itl_s=0.012),
        EngineProgress(name="friendli", done=200, failed=0, in_flight=17),
    ),
    client_ok=True,
    client_lag_s=0.0003,
)


def shown(mode: Mode, *snapshots: Snapshot) -> str:
    stream = io.StringIO()
    with display(mode, stream) as one:
        for snapshot in snapshots:
            one.show(snapshot)
    return stream.getvalue()


def test_the_time_left_follows_the_pace_so_far() -> None:
    assert SNAPSHOT.left_s == 180
    assert replace(SNAPSHOT, done=0).left_s is None
    assert replace(SNAPSHOT, done=2500).left_s == 0


@pytest.mark.parametrize(("seconds", "text"), [(None, "\N{EN DASH}"), (0, "0:00"), (61.4, "1:01"), (3725, "1:02:05")])
def test_times_to_come_are_minutes_and_seconds(seconds: float | None, text: str) -> None:
    assert clock(seconds) == text


def test_json_lines_hold_the_whole_snapshot() -> None:
    first, second = shown(Mode.JSON, SNAPSHOT, replace(SNAPSHOT, done=0)).splitlines()
    told = json.loads(first)
    assert (told["event"], told["round"], told["left_s"]) == ("progress", 3, 180)
    assert told["engines"][1] == {
        "name": "friendli", "done": 200, "failed": 0, "in_flight": 17, "rate": None, "ttft_s": None, "itl_s": None,
    }  # fmt: skip
    assert json.loads(second)["left_s"] is None


def test_quiet_says_nothing() -> None:
    assert shown(Mode.QUIET, SNAPSHOT) == ""


@pytest.mark.parametrize("mode", [Mode.PLAIN, Mode.LIVE])
def test_a_log_gets_a_line_for_what_is_new_and_one_now_and_then(mode: Mode) -> None:
    later = replace(SNAPSHOT, elapsed_s=69.9, done=601)
    latest = replace(SNAPSHOT, elapsed_s=70.1, done=602)
    next_turn = replace(SNAPSHOT, elapsed_s=70.2, turn="vllm")
    lines = shown(mode, SNAPSHOT, later, latest, next_turn).splitlines()
    assert [line.split(" · ")[1] for line in lines] == ["friendli", "friendli", "vllm"]
    assert "602 of 2,400 requests · 17 in flight · client ok (lag p99 300 µs)" in lines[1]


def test_the_live_display_shows_each_engine_and_dashes_for_the_unknown() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    with console.capture() as captured:
        console.print(drawn(replace(SNAPSHOT, client_ok=False)))
    text = captured.get()
    assert "round 3 of 8 · friendli · measuring" in text
    assert "25%" in text
    assert "CLIENT TOO SLOW" in text
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.startswith(("vllm", "friendli"))}
    assert rows["vllm"] == ["400", "2", "0", "24.8", "req/s", "80.0", "ms", "12.0", "ms"]
    assert rows["friendli"] == ["200", "0", "17", *["\N{EN DASH}"] * 3]


def test_a_terminal_sees_the_last_state() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with display(Mode.LIVE, stream) as one:
        one.show(SNAPSHOT)
        one.show(replace(SNAPSHOT, done=2400))
    assert "2,400 of 2,400 requests" in stream.getvalue()
