"""A whole run whose workers are on the two nodes of a local Ray cluster: `tox -e ray`.

Both nodes are of this machine, so their clocks are one; that clocks may differ is proven without Ray, by the default
tests of the benchmark's fleet.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from run_fakes.processes import begun, simulated, until

RUN = ("--requests", "12", "--warmup", "2", "--load", "closed:4", "--seed", "7", "--json")


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Its address for clients. It is a process of its own, as a user's would be."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-P", str(Path(__file__).with_name("two_nodes.py")), str(port)]
    environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert any(line == "ready\n" for line in process.stdout), "the cluster did not start"
            yield f"ray://127.0.0.1:{port}"
        finally:
            process.stdin.close()
            process.wait(120)


@pytest.fixture(scope="module")
def engine() -> Iterator[str]:
    with simulated() as (url, _):
        yield url


def manifest(out: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((out / "manifest.json").read_text())
    return told


def test_a_run_on_two_nodes_is_the_plan_of_one_machine(cluster: str, engine: str, tmp_path: Path) -> None:
    folders = {workers: tmp_path / str(number) for number, workers in enumerate((cluster, "ray", "2"))}
    for workers, out in folders.items():
        arguments = ("run", "--vllm-url", engine, "-n", "3", *RUN, "--workers", workers, "--out", str(out))
        with begun(*arguments) as process:
            told, said = process.communicate()
        assert process.returncode == 0, said
        assert json.loads(told.splitlines()[-1])["ending"] == "whole"
        assert (out / "report.html").exists()
    assert len({json.dumps(manifest(out)["digests"]) for out in folders.values()}) == 1
    tables = {workers: pq.read_table(out / "requests.parquet") for workers, out in folders.items()}
    planned = {workers: table.select(["round", "request", "prompt", "warm_up"]) for workers, table in tables.items()}
    order = [("round", "ascending"), ("request", "ascending")]
    assert planned[cluster].sort_by(order).equals(planned["2"].sort_by(order))
    assert planned["ray"].sort_by(order).equals(planned["2"].sort_by(order))
    assert set(tables[cluster]["worker"].to_pylist()) == {0, 1}  # one for each node, which has a core to spare
    assert tables[cluster]["error"].null_count == tables[cluster].num_rows
    assert any("2 hosts" in note for note in manifest(folders[cluster])["notes"])
    for row in tables[cluster].to_pylist():
        assert 0 < row["scheduled"] <= row["sent"] < row["chunk_times"][0] <= row["ended"]


def test_an_interrupted_run_has_what_all_nodes_measured(cluster: str, engine: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ("run", "--vllm-url", engine, "-n", "200", *RUN, "--workers", cluster, "--out", str(out))
    with begun(*arguments) as process:
        until(process, round_=3)
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == 130
    assert manifest(out)["ending"] == "interrupted"
    rows = pq.read_table(out / "requests.parquet").to_pylist()
    assert {row["worker"] for row in rows if row["round"] == 0 and row["error"] is None} == {0, 1}


def test_a_cluster_that_is_not_there_is_one_line(engine: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"ray://127.0.0.1:{free.getsockname()[1]}"
        arguments = ("run", "--vllm-url", engine, *RUN, "--workers", address, "--out", str(tmp_path / "run"))
        with begun(*arguments) as process:
            _, said = process.communicate()
    assert process.returncode == 2
    (line,) = (line for line in said.splitlines() if line.startswith("triphase-benchmark: "))
    assert line.startswith(f"triphase-benchmark: --workers {address}: ")
