"""Whole runs in other ways: of conversations, of a trace, with prices, done again, compared, waited for, gated."""

import asyncio
import json
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from run_fakes.processes import benchmark, simulated
from triphase_benchmark.client.calibration import Calibration, ClientLoad

TALKS = ("--load", "closed:2", "--requests", "12", "--warmup", "2", "--workload", "chat,turns=2,output=3", "-n", "1")
TRACE = """{"timestamp": 5000, "input_length": 600, "output_length": 4, "hash_ids": [1, 2]}
{"timestamp": 5100, "input_length": 530, "output_length": 2, "hash_ids": [1, 3]}
{"timestamp": 5250, "input_length": 40, "output_length": 3}
"""


@pytest.fixture(autouse=True)
def a_client_that_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """How fast it is here and now is not what these tests ask, and calibrating takes seconds."""
    lags: dict[str, Any] = {"lag_p50": 1e-6, "lag_p99": 2e-6, "lag_max": 3e-6}

    def found(_: object, load: ClientLoad, *, gateway: bool) -> Calibration:
        achieved = load.offered
        return Calibration(
            load=load, workers=1, events=9, achieved=achieved, cpu_share=0.1, errors=0, gateway=gateway, **lags
        )

    monkeypatch.setattr("triphase_benchmark.run.conducting.calibrated", found)


def manifest(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return told


def test_conversations_are_priced_and_can_be_repeated(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with simulated() as (url, _):
        engine = ("--engine", f"one={url},profile=vllm,price=1/3")
        ended = benchmark("run", *engine, *TALKS, "--workers", "1", "--out", str(out), "--quiet")
    assert ended.code == 0, ended.err
    requests = pq.read_table(out / "requests.parquet")
    assert requests["error"].null_count == requests.num_rows
    asked = [row for row in requests.sort_by("request").to_pylist() if not row["warm_up"]]
    assert len(asked) == 12
    for first_turn in (0, 1, 4, 5, 8, 9):  # two places, and each conversation goes on where it began
        before, after = asked[first_turn], asked[first_turn + 2]
        assert after["sent"] >= before["ended"]
        assert after["input_tokens"] > before["input_tokens"] + 3  # the question before, its answer, and a new one
    rounds = pq.read_table(out / "rounds.parquet")
    (cost,) = rounds.filter(pc.equal(rounds["metric"], "cost"))["value"].to_pylist()
    read, made = (sum(row[name] for row in asked) for name in ("input_tokens", "output_tokens"))
    assert cost == pytest.approx((1 * read + 3 * made) / made)

    compared = benchmark("compare", str(out), str(out), "--json")
    assert compared.code == 0, compared.err
    assert {row["ratio"] for row in compared.result["comparison"] if row["metric"] == "cost"} == {1.0}
    assert not any(row["paired"] for row in compared.result["comparison"])

    # The command that was kept is taken as it stands, beside the folder that is full: all that it lacks is the engine.
    kept = manifest(out)["argv"]
    assert kept[-2:] == ["--seed", str(manifest(out)["seed"])]
    again = benchmark(*kept[1:])
    assert (again.code, len(again.err.splitlines())) == (4, 1)
    assert "connect" in again.err.lower()


def test_a_trace_is_sent_at_its_times_and_with_its_lengths(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.write_text(TRACE)
    with simulated() as (url, _):
        given = ("--load", f"trace:{trace}", "--warmup", "0", "--workload", str(trace), "-n", "1")
        out = ("--out", str(tmp_path / "run"), "--workers", "1", "--quiet")
        ended = benchmark("run", "--vllm-url", url, *given, *out)
    assert ended.code == 0, ended.err
    rows = pq.read_table(tmp_path / "run" / "requests.parquet").sort_by("request").to_pylist()
    assert [row["output_tokens"] for row in rows] == [4, 2, 3]
    first = rows[0]["scheduled"]
    assert [row["scheduled"] - first for row in rows] == [0, 100_000_000, 250_000_000]
    assert all(row["error"] is None and row["sent"] >= row["scheduled"] for row in rows)


def test_an_engine_may_come_up_while_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    slept: list[float] = []
    with ExitStack() as engines:

        async def starts(delay: float) -> None:
            slept.append(delay)
            if len(slept) == 1:
                engines.enter_context(simulated(port=port))

        monkeypatch.setattr(asyncio, "sleep", starts)
        ended = benchmark("probe", "--vllm-url", f"http://127.0.0.1:{port}", "--wait", "600", "--json")
    assert ended.code == 0, ended.out
    assert slept


def test_a_gate_lets_an_engine_pass_that_is_no_worse(tmp_path: Path) -> None:
    with simulated("timing.token_s=0.01") as (base, _), simulated() as (new, _):
        # Both cost the same to the last digit, and what is compared beside that is ten times as fast.
        engines = [
            word
            for name, url in (("base", base), ("new", new))
            for word in ("-e", f"{name}={url},profile=vllm,price=1/3")
        ]
        small = ("--load", "closed:4", "--requests", "16", "--warmup", "4", "--workload", "chat,output=4")
        given = ("-n", "2", "--max-iterations", "4", "--max-regress", "90%", "--measure", "cost.mean")
        ended = benchmark(
            "gate", *engines, *small, *given, "--measure", "tpot.p50", "--workers", "1", "--out", str(tmp_path / "run")
        )
    assert ended.code == 0, ended.out + ended.err
    assert "new against base, at most 90 % worse: NOT REGRESSED" in ended.out
    told = manifest(tmp_path / "run")["gate"]
    assert told["looks"] == [2, 4]
    by_measure = {one["measure"]: one for one in told["measures"]}
    assert by_measure["cost.mean"]["low"] == by_measure["cost.mean"]["high"] == pytest.approx(1)
    assert by_measure["tpot.p50"]["high"] < 1.9
