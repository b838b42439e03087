"""What cannot be measured, and what cannot be read: one clear line, an exit code, and nothing left behind."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from run_fakes.processes import benchmark, simulated


class _Pages(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        page = b"<html><body>Welcome</body></html>"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    do_GET = do_POST = _answer  # noqa: N815 - the names that the library looks for

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def html() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_engine_that_is_down_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        ended = benchmark(
            "run", "--engine", f"gone=http://127.0.0.1:{free.getsockname()[1]}", "-o", str(tmp_path / "run"), "-q"
        )
    assert ended.code == 4
    (line,) = ended.err.splitlines()
    assert line.startswith("triphase-benchmark: gone at http://127.0.0.1:")
    assert not (tmp_path / "run").exists()


def test_pages_of_html_are_told_from_answers(html: str, tmp_path: Path) -> None:
    ended = benchmark("run", "--engine", f"web={html},model=any", "-o", str(tmp_path / "run"), "-q")
    assert ended.code == 4
    assert "answers pages of HTML" in ended.err


def test_an_unknown_model_names_the_known_ones() -> None:
    with simulated() as (url, _):
        ended = benchmark("probe", "--engine", f"one={url},model=simulated-vlm", "--json")
        fine = benchmark("probe", "--engine", f"one={url}")
    assert fine.code == 0, fine.err
    assert "model: simulated-vllm" in fine.out
    findings = json.loads(ended.out)["probes"][0]["findings"]
    told = " ".join(finding["message"] for finding in findings)
    assert "did you mean simulated-vllm?" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (json.dumps({"tables": 0}), "holds tables of version 0"),
        ("{", "cannot be read"),
        (None, "holds no run"),
    ],
)
def test_a_folder_that_cannot_be_read_is_refused(text: str | None, told: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    ended = benchmark("report", str(tmp_path))
    assert ended.code == 2
    (line,) = ended.err.splitlines()
    assert told in line


# The nearest to a disk that is full which needs no rights: no file may grow beyond so many bytes.
FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
from triphase_benchmark.cli import main
main()
"""


def test_a_disk_that_fills_up_ends_the_run_in_one_line_and_costs_nothing_that_was_measured(tmp_path: Path) -> None:
    out = tmp_path / "run"
    small = (
        "--workload",
        "chat,output=20",
        "--requests",
        "12",
        "--warmup",
        "2",
        "--load",
        "closed:6",
        "--workers",
        "1",
    )
    with simulated("timing.token_s=0.01") as (url, _):
        arguments = ("run", "--vllm-url", url, "-n", "60", *small, "--out", str(out), "-q")
        full = subprocess.run(
            [sys.executable, "-P", "-c", FULL, *arguments], capture_output=True, text=True, check=False
        )
    assert full.returncode == 5, full.stderr
    (line,) = full.stderr.splitlines()
    assert "File too large" in line
    assert f"triphase-benchmark report {out}" in line
    again = benchmark("report", str(out))
    assert again.code == 0, again.err
    table = pq.read_table(out / "requests.parquet")
    assert table.num_rows >= 2 * 14
    assert table["error"].null_count == table.num_rows
    assert "File too large" in json.loads((out / "manifest.json").read_text())["problems"][0]
    assert (out / "report.html").exists()
