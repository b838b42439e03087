"""Whole runs by other ways than a closed loop of single questions: open loads, conversations, traces, prices, repeats."""

import asyncio
import json
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from run_fakes.processes import QUICK, benchmark, simulated

OPEN = ("--load", "poisson:16", "--duration", "1s", "--warmup", "2", "--workload", "chat,turns=2,output=3", "-n", "1")
TRACE = """{"timestamp": 5000, "input_length": 600, "output_length": 4, "hash_ids": [1, 2]}
{"timestamp": 5100, "input_length": 530, "output_length": 2, "hash_ids": [1, 3]}
{"timestamp": 5250, "input_length": 40, "output_length": 3}
"""


def manifest(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return told


def test_conversations_in_an_open_load_are_priced_and_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tmp_path / "first"
    monkeypatch.chdir(tmp_path)
    with simulated() as (url, _):
        engine = ("--engine", f"one={url},profile=vllm,price=1/3")
        ended = benchmark("run", *engine, *OPEN, "--workers", "1", "--out", str(first), "--json")
        assert ended.code == 0, ended.err
        kept = manifest(first)["argv"]
        again = benchmark(*kept[1:])
    assert again.code == 0, again.err
    (second,) = (tmp_path / "benchmark-results").iterdir()
    assert kept[-2:] == ["--seed", str(manifest(first)["seed"])]
    assert manifest(second)["digests"] == manifest(first)["digests"]

    requests = pq.read_table(first / "requests.parquet")
    assert requests["error"].null_count == requests.num_rows
    turns = requests.sort_by("request").to_pylist()
    asked = [row for row in turns if not row["warm_up"]]
    assert len(asked) > 4
    assert any(row["prompt"].endswith("turn-1") for row in asked) or len({row["prompt"] for row in asked}) == len(asked)
    rounds = pq.read_table(first / "rounds.parquet")
    (cost,) = rounds.filter(pc.equal(rounds["metric"], "cost"))["value"].to_pylist()
    tokens = {name: sum(row[name] for row in asked) for name in ("input_tokens", "output_tokens")}
    assert cost == pytest.approx((tokens["input_tokens"] + 3 * tokens["output_tokens"]) / tokens["output_tokens"])

    compared = benchmark("compare", str(first), str(second), "--json")
    assert compared.code == 0, compared.err
    rows = {(row["metric"], row["statistic"]): row for row in compared.result["comparison"]}
    assert rows["cost", "mean"]["ratio"] == pytest.approx(1)
    assert not any(row["paired"] for row in rows.values())


def test_a_trace_is_sent_at_its_times_and_with_its_lengths(tmp_path: Path) -> None:
    (tmp_path / "trace.jsonl").write_text(TRACE)
    with simulated() as (url, _):
        given = ("--load", f"trace:{tmp_path / 'trace.jsonl'}", "--warmup", "0", "--workload", "trace", "-n", "1")
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
                engines.enter_context(simulated(pace=QUICK, port=port))

        monkeypatch.setattr(asyncio, "sleep", starts)
        ended = benchmark("probe", "--vllm-url", f"http://127.0.0.1:{port}", "--wait", "600", "--json")
    assert ended.code == 0, ended.out
    assert slept
