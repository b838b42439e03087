"""Whole runs of real processes on loopback: simulated engines, the gateway, and what ends a run early."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from run_fakes.processes import Ended, begun, benchmark, gateway, simulated, until
from triphase_benchmark.metrics.tables import COMPARISON, ROUNDS
from triphase_benchmark.records.schema import REQUESTS

SMALL = ("--load", "closed:2", "--workload", "chat,output=6", "--requests", "12", "--warmup", "2", "--workers", "1")
FILES = {
    *("manifest.json", "requests.parquet", "rounds.parquet", "comparison.parquet", "results.json"),
    *("benchmark_comparison.png", "report.html"),
}


@pytest.fixture(scope="module")
def engines() -> Iterator[tuple[str, str]]:
    with simulated() as (vllm, _), simulated("timing.token_s=0.004", profile="friendli") as (friendli, _):
        yield vllm, friendli


@pytest.fixture(scope="module")
def two(engines: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Path]:
    """A run of two engines, and its folder."""
    out = tmp_path_factory.mktemp("two") / "run"
    urls = ("--vllm-url", engines[0], "--friendli-url", engines[1])
    ended = benchmark("run", *urls, *SMALL, "-n", "2", "--seed", "5", "--slo", "ttft=1s", "--out", str(out), "--json")
    return ended, out


def manifest(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return told


def test_two_engines_give_all_files(two: tuple[Ended, Path]) -> None:
    ended, out = two
    assert ended.code == 0, ended.err
    assert {path.name for path in out.iterdir()} == FILES
    assert {Path(name).name for name in ended.result["files"]} == FILES
    requests = pq.read_table(out / "requests.parquet")
    assert requests.schema.equals(REQUESTS)
    assert requests.num_rows == 2 * 2 * 14
    assert requests["error"].null_count == requests.num_rows
    assert set(requests["output_tokens"].to_pylist()) == {6}
    assert pq.read_schema(out / "rounds.parquet").equals(ROUNDS)
    assert pq.read_schema(out / "comparison.parquet").equals(COMPARISON)
    ratios = {(row["metric"], row["statistic"]): row["ratio"] for row in ended.result["comparison"]}
    assert ratios["e2e", "mean"] > 1  # 4 ms a token against 1


def test_progress_tells_whether_the_client_keeps_up(two: tuple[Ended, Path]) -> None:
    told = [json.loads(line) for line in two[0].out.splitlines()]
    told = [one for one in told if one["event"] == "progress"]
    assert told[0]["client_ok"] is None
    assert told[-1]["client_ok"] in {True, False}
    assert told[-1]["client_lag_s"] > 0


def test_a_manifest_tells_what_one_must_know(two: tuple[Ended, Path]) -> None:
    told = manifest(two[1])
    assert told["ending"] == "whole"
    assert told["seed"] == 5
    assert told["argv"][0] == "triphase-benchmark"
    assert [(one["name"], one["profile"], one["simulated"]) for one in told["engines"]] == [
        ("vllm", "vllm", True),
        ("friendli", "friendli-container", True),
    ]
    assert told["calibration"]["client_ok"] in {True, False}
    assert told["calibration"]["events"] > 0
    assert [one["can_run"] if "can_run" in one else one["down"] for one in told["probes"]] == ["", ""]
    assert {"cpu", "cores", "kernel", "python"} <= told["machine"].keys()
    assert "emptied before each leg" in told["cache"]
    assert all(len(digest) == 64 for digest in told["digests"].values())


def test_a_page_needs_no_network_and_names_what_is_simulated(two: tuple[Ended, Path]) -> None:
    page = (two[1] / "report.html").read_text(encoding="utf-8")
    assert "simulated" in page
    assert 'src="http' not in page
    assert 'href="http' not in page


def test_a_report_is_made_again_from_what_is_stored(two: tuple[Ended, Path]) -> None:
    results = (two[1] / "results.json").read_bytes()
    (two[1] / "report.html").unlink()
    ended = benchmark("report", str(two[1]))
    assert ended.code == 0, ended.err
    assert (two[1] / "report.html").exists()
    assert (two[1] / "results.json").read_bytes() == results
    assert str(two[1] / "report.html") in ended.out


def test_stored_runs_are_compared_as_unpaired(two: tuple[Ended, Path], tmp_path: Path) -> None:
    ended = benchmark("compare", str(two[1]), str(two[1]), "--out", str(tmp_path / "both"))
    assert ended.code == 0, ended.err
    assert "unpaired" in ended.out
    assert (tmp_path / "both" / "report.html").exists()


def test_the_gateway_is_measured_beside_its_engine(engines: tuple[str, str], tmp_path: Path) -> None:
    with gateway(tmp_path, upstream=engines[0], model="simulated-vllm") as address:
        both = ("--engine", f"direct={engines[0]}", "--engine", f"gateway=grpc://{address}")
        vllm = [word if "=" not in word else f"{word},profile=vllm" for word in both]
        given = (*SMALL, "-n", "4", "--seed", "5", "--out", str(tmp_path / "run"), "--json")
        ended = benchmark("run", *vllm, *given)
    assert ended.code == 0, ended.err
    rows = pq.read_table(tmp_path / "run" / "requests.parquet").to_pylist()
    through = [row for row in rows if row["engine"] == "gateway"]
    assert len(through) == 4 * 14
    assert {row["place_in_round"] for row in through} == {0, 1}  # also after the engine itself was asked the same
    assert sum(row["cached_tokens"] or 0 for row in rows) == 0
    assert all(row["error"] is None and row["accepted"] is not None and row["chunk_times"] for row in through)
    assert all(row["accepted"] is None for row in rows if row["engine"] == "direct")
    primary = {row["metric"] for row in ended.result["comparison"] if row["p_holm"] is not None}
    assert primary == {"ttfa", "e2e", "output_throughput"}


def test_two_names_for_one_engine_whose_cache_nobody_tends_are_a_problem(
    engines: tuple[str, str], tmp_path: Path
) -> None:
    both = [word for name in "ab" for word in ("--engine", f"{name}={engines[0]},profile=generic")]
    ended = benchmark("run", *both, *SMALL, "-n", "1", "--out", str(tmp_path / "run"), "--plain")
    assert ended.code == 0, ended.err
    assert "a and b may be one engine with one prefix cache" in manifest(tmp_path / "run")["problems"][0]
    told = json.loads((tmp_path / "run" / "results.json").read_text(encoding="utf-8"))
    grave = [one["text"] for one in told["problems"] if one["grave"]]
    assert [text for text in grave if "came from a prefix cache, though no prompt begins like another" in text]
    assert "! a and b may be one engine" in ended.out


def test_an_engine_that_dies_midway_costs_nothing_of_what_was_measured(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with simulated() as (stays, _), simulated() as (dies, victim):
        both = ("--engine", f"stays={stays},profile=vllm", "--engine", f"dies={dies},profile=vllm")
        with begun("run", *both, *SMALL, "-n", "50", "--out", str(out), "--json") as process:
            until(process, round_=2)
            victim.kill()
            told, said = process.communicate()
    assert process.returncode == 5, said
    assert json.loads(told.splitlines()[-1])["ending"] == "broken"
    assert "dies is gone" in manifest(out)["problems"][0]
    rows = pq.read_table(out / "requests.parquet").to_pylist()
    assert {row["engine"] for row in rows if row["round"] == 0 and row["error"] is None} == {"stays", "dies"}
    assert (out / "report.html").exists()


def test_an_interrupted_run_is_closed_and_reported(engines: tuple[str, str], tmp_path: Path) -> None:
    out = tmp_path / "run"
    with begun("run", "--vllm-url", engines[0], *SMALL, "-n", "200", "--out", str(out), "--json") as process:
        until(process, round_=2)
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 130
    assert manifest(out)["ending"] == "interrupted"
    assert pq.read_table(out / "requests.parquet").num_rows >= 14
    assert (out / "report.html").exists()


def test_a_killed_run_can_be_reported_later(engines: tuple[str, str], tmp_path: Path) -> None:
    out = tmp_path / "run"
    with begun("run", "--vllm-url", engines[0], *SMALL, "-n", "200", "--out", str(out), "--json") as process:
        until(process, round_=2)
        process.kill()
    ended = benchmark("report", str(out))
    assert ended.code == 0, ended.err
    assert pq.read_table(out / "requests.parquet").num_rows >= 14
    assert "not calibrated" in ended.out


def test_a_gate_answers_by_its_exit_code(engines: tuple[str, str], tmp_path: Path) -> None:
    given = (*SMALL, "-n", "4", "--max-iterations", "4", "--measure", "tpot.p50", "--max-regress", "50%", "--json")
    slower = ("--engine", f"base={engines[0]},profile=vllm", "--engine", f"new={engines[1]},profile=friendli")
    ended = benchmark("gate", *slower, *given, "--out", str(tmp_path / "run"))
    assert ended.result["client_ok"] is False or ended.result["gate"]["verdict"] == "regressed"
    assert ended.code == (1 if ended.result["client_ok"] else 3), ended.err
    assert manifest(tmp_path / "run")["gate"]["measures"][0]["verdict"] == "regressed"


def test_a_sweep_measures_several_loads(engines: tuple[str, str], tmp_path: Path) -> None:
    swept = ("--load", "closed", "--from", "1", "--to", "4", "--points", "3", "-n", "1", "--workload", "chat,output=4")
    ended = benchmark(
        "sweep", "--vllm-url", engines[0], *swept, "--workers", "1", "--out", str(tmp_path / "run"), "--quiet"
    )
    assert ended.code == 0, ended.err
    assert ended.out == ""
    points = manifest(tmp_path / "run")["sweep"]
    assert [point["value"] for point in points][:2] == [1.0, 2.0]
    assert all(set(point["saturated"]) <= {"vllm"} for point in points)
    measured = pq.read_table(tmp_path / "run" / "requests.parquet")
    assert set(measured["round"].to_pylist()) == {number for point in points for number in point["rounds"]}


def test_a_sweep_of_an_open_load_says_where_the_knee_is(engines: tuple[str, str], tmp_path: Path) -> None:
    queue = ("timing.kind=queue", "timing.service_s=0.05", "timing.service=constant")  # 20 requests a second
    swept = ("--from", "100", "--to", "200", "--points", "2", "--seconds", "0.5", "-n", "1", "--seed", "3")
    with simulated(pace=queue) as (narrow, _):
        both = ("--engine", f"narrow={narrow},profile=vllm", "--engine", f"wide={engines[0]},profile=vllm")
        given = (*both, *swept, "--workload", "chat,output=3", "--workers", "1", "--out", str(tmp_path / "run"))
        ended = benchmark("sweep", *given)
    assert ended.code == 0, ended.err
    points = manifest(tmp_path / "run")["sweep"]
    assert points[0]["value"] == 100
    assert all("narrow" in point["saturated"] for point in points)
    told = "narrow (simulated) is saturated at 100 requests/s already, the lowest load: its knee lies below."
    assert told in ended.out
    assert (tmp_path / "run" / "report.html").read_text(encoding="utf-8").count(told) >= 2  # on top, and beside loads
    knees = json.loads((tmp_path / "run" / "results.json").read_text())["knees"]
    assert knees[0] == {"engine": "narrow", "keeps_up_at": None, "saturated_at": 100}
    assert knees[1]["engine"] == "wide"
    rows = pq.read_table(tmp_path / "run" / "requests.parquet").to_pylist()
    assert all(row["error"] is None for row in rows)
    asked = {name: sorted(row["prompt"] for row in rows if row["engine"] == name) for name in ("narrow", "wide")}
    assert asked["narrow"] == asked["wide"]
