"""The command `simulate` of the benchmark: its truth log is Parquet where its file is called so."""

import json
import signal
import socket
import urllib.request
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from run_fakes.processes import QUICK, begun, benchmark
from triphase_benchmark.records.truth import TRUTH, truth_table

OPTIONS = ("simulate", "--port", "0", "--announce", *(word for setting in QUICK for word in ("--set", setting)))


def asked(url: str) -> None:
    body = {"messages": [{"role": "user", "content": "a b"}], "max_tokens": 3, "ignore_eos": True}
    headers = {"content-type": "application/json", "x-request-id": "one"}
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_truth_log_is_parquet_once_the_engine_has_stopped(stop: signal.Signals, tmp_path: Path) -> None:
    truth = tmp_path / "truth.parquet"
    with begun(*OPTIONS, "--truth", str(truth)) as engine:
        assert engine.stdout is not None
        asked(json.loads(engine.stdout.readline())["url"])
        engine.send_signal(stop)
        _, told = engine.communicate()
    assert (engine.returncode, told) == (0, "")
    table = pq.read_table(truth)
    assert table.schema.remove_metadata() == TRUTH
    assert [(row["request"], row["output_tokens"]) for row in table.to_pylist()] == [("one", 3)]
    assert [path.name for path in tmp_path.iterdir()] == ["truth.parquet"]


def test_a_log_of_another_name_is_lines_and_so_is_that_of_an_engine_that_was_killed(tmp_path: Path) -> None:
    for name, log in (("truth.jsonl", "truth.jsonl"), ("truth.parquet", "truth.parquet.jsonl")):
        with begun(*OPTIONS, "--truth", str(tmp_path / name)) as engine:
            assert engine.stdout is not None
            url = json.loads(engine.stdout.readline())["url"]
            asked(url)
            asked(url)  # by then the line of the first is written
            engine.kill()
        assert truth_table(tmp_path / log).num_rows >= 1


def test_an_engine_that_cannot_serve_leaves_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        ended = benchmark("simulate", "--port", port, "--truth", str(tmp_path / "truth.parquet"))
    assert ended.code == 2
    assert "cannot listen on" in ended.err
    assert list(tmp_path.iterdir()) == []
