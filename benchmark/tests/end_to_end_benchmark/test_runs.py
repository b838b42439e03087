"""Whole commands against engines that are processes of their own: what they leave, and what they say."""

import asyncio
import json
import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from end_to_end_benchmark.engines import GUARD_S, answering, command, ended, simulated, started

SMALL = (
    "--iterations",
    "2",
    "--requests",
    "12",
    "--warmup",
    "2",
    "--seed",
    "7",
    "--workload",
    "chat,output=8",
    "--quiet",
)
FILES = {
    "benchmark_comparison.png",
    "comparison.parquet",
    "manifest.json",
    "report.html",
    "requests.parquet",
    "results.json",
    "rounds.parquet",
}


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_a_run_of_two_engines_leaves_all_files_and_can_be_told_again(tmp_path: Path) -> None:
    async with simulated() as one, simulated(seed=2) as other:
        engines = ("--engine", f"a={one},profile=vllm", "--engine", f"b={other},profile=vllm")
        done = await command("run", *engines, *SMALL, "--out", "results", cwd=tmp_path)
        assert (done.code, done.out) == (0, "")
        assert files(tmp_path / "results") == FILES
        requests = pq.read_table(tmp_path / "results" / "requests.parquet")
        assert requests.num_rows == 2 * 2 * (12 + 2)
        assert requests["error"].null_count == requests.num_rows
        assert set(requests["output_tokens"].to_pylist()) == {8}
        manifest = json.loads((tmp_path / "results" / "manifest.json").read_text())
        assert manifest["seed"] == 7
        assert manifest["argv"][:2] == ["triphase-benchmark", "run"]
        again = await command("run", *engines, *SMALL, "--out", "again", cwd=tmp_path)
        assert again.code == 0
        repeated = json.loads((tmp_path / "again" / "manifest.json").read_text())
        assert repeated["digests"] == manifest["digests"]
    told = await command("report", "results", cwd=tmp_path)
    assert told.code == 0
    assert "TTFT p50" in told.out
    compared = await command("compare", "results", "again", cwd=tmp_path)
    assert compared.code == 0
    assert "unpaired" in compared.out


async def test_a_run_in_json_says_every_step_and_the_result_in_lines(tmp_path: Path) -> None:
    async with simulated() as one:
        options = [option for option in SMALL if option != "--quiet"]
        done = await command("run", "--engine", f"a={one}", *options, "--json", "--out", "results", cwd=tmp_path)
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert {line["event"] for line in lines[:-1]} == {"progress"}
    assert (lines[-1]["event"], lines[-1]["ending"]) == ("result", "whole")
    assert done.err == ""


async def test_ctrl_c_keeps_what_was_measured(tmp_path: Path) -> None:
    async with simulated(profile="paced") as one:
        options = (
            "--iterations",
            "400",
            "--requests",
            "12",
            "--warmup",
            "0",
            "--seed",
            "7",
            "--workload",
            "chat,output=4",
        )
        process = await started(
            "run", "--engine", f"a={one},profile=vllm", *options, "--plain", "--out", "results", cwd=tmp_path
        )
        assert process.stderr is not None
        async with asyncio.timeout(GUARD_S):
            while b"round 3 " not in await process.stderr.readline():
                pass
        process.send_signal(signal.SIGINT)
        done = await ended(process)
    assert done.code == 130
    assert pq.read_table(tmp_path / "results" / "requests.parquet").num_rows >= 2 * 12
    assert (await command("report", "results", cwd=tmp_path)).code == 0


async def test_an_engine_that_dies_midway_breaks_the_run_off_or_voids_its_rounds_and_loses_nothing(
    tmp_path: Path,
) -> None:
    async with simulated(profile="paced") as one:
        async with simulated(profile="paced") as mortal:
            options = (
                "--iterations",
                "4",
                "--requests",
                "12",
                "--warmup",
                "0",
                "--seed",
                "7",
                "--workload",
                "chat,output=4",
            )
            engines = ("--engine", f"a={one},profile=vllm", "--engine", f"b={mortal},profile=vllm")
            process = await started("run", *engines, *options, "--plain", "--out", "results", cwd=tmp_path)
            assert process.stderr is not None
            async with asyncio.timeout(GUARD_S):
                while b"round 2 " not in await process.stderr.readline():
                    pass
        done = await ended(process)
    assert done.code in {0, 5}
    told = await command("report", "results", cwd=tmp_path)
    assert told.code == 0
    assert "void" in told.out or "failed" in told.out


@pytest.mark.parametrize("name", ["down", "html", "unknown"])
async def test_an_engine_that_cannot_be_measured_is_told_in_a_line_and_nothing_is_run(
    name: str, tmp_path: Path
) -> None:
    async with simulated() as good, answering(b"<html>welcome</html>") as page:
        given, said = {
            "down": ("http://127.0.0.1:9", "127.0.0.1:9"),
            "html": (page, "a"),
            "unknown": (f"{good},model=nobody", "simulated"),
        }[name]
        done = await command("run", "--engine", f"a={given}", *SMALL, "--out", "results", cwd=tmp_path)
    assert done.code == 4
    assert said in done.err
    assert all(line.startswith("triphase-benchmark: ") for line in done.err.splitlines())
    assert "Traceback" not in done.err


async def test_a_gate_between_equal_engines_does_not_say_regressed(tmp_path: Path) -> None:
    async with simulated(profile="paced") as one, simulated(profile="paced", seed=2) as other:
        options = ("--requests", "12", "--warmup", "1", "--seed", "7", "--workload", "chat,output=4", "--quiet")
        engines = ("--engine", f"base={one},profile=vllm", "--engine", f"new={other},profile=vllm")
        gate = ("gate", *engines, "--max-regress", "90%", "--iterations", "8", "--max-iterations", "8")
        done = await command(*gate, *options, "--measure", "e2e.p50", "--out", "results", cwd=tmp_path)
    assert done.code in {0, 3}  # 3: this machine was too busy to tell
    assert "Gate: new against base" in done.out


async def test_a_sweep_measures_load_after_load(tmp_path: Path) -> None:
    async with simulated() as one:
        load = (
            "--load",
            "closed",
            "--from",
            "1",
            "--to",
            "4",
            "--points",
            "3",
            "--seconds",
            "0.5",
            "--iterations",
            "1",
        )
        plan = ("--seed", "7", "--workload", "chat,output=4", "--quiet", "--out", "results")
        done = await command("sweep", "--engine", f"a={one},profile=vllm", *load, *plan, cwd=tmp_path)
    assert done.code == 0, done.err
    manifest = json.loads((tmp_path / "results" / "manifest.json").read_text())
    assert len(manifest["sweep"]) >= 2


async def test_counts_of_the_selftest_hold(tmp_path: Path) -> None:
    done = await command("selftest", "--counts", cwd=tmp_path)
    assert done.code == 0, done.out + done.err
