"""A report of a million requests, by the clock and by memory: run where `TRIPHASE_BENCHMARK` is `full`.

The file has row groups of 65 536 requests, as the folder of a run has them, since a reader holds a whole one. What it
took is printed: `TRIPHASE_BENCHMARK=full pytest -s benchmark/tests/report/test_scale.py`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from report.runs import requests
from triphase_benchmark.records.schema import REQUESTS

MOST_S = 20.0
MOST_BYTES = 2e9
RENDER = """
import pathlib, resource, sys, time
import pyarrow.dataset
from report.runs import a_run
from triphase_benchmark.report.writing import write_report

folder = pathlib.Path(sys.argv[1])
begin = time.monotonic()
write_report(a_run(table=pyarrow.dataset.dataset(folder / "requests.parquet")), folder)
print(time.monotonic() - begin, time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.skipif(os.environ.get("TRIPHASE_BENCHMARK") != "full", reason="takes a minute; TRIPHASE_BENCHMARK=full")
def test_a_million_requests_are_drawn_in_time_and_memory(tmp_path: Path) -> None:
    path = tmp_path / "requests.parquet"
    with pq.ParquetWriter(path, REQUESTS, compression="zstd") as writer:
        for seed in range(10):
            writer.write_table(requests(each=6_250, chunks=64, seed=seed), row_group_size=65_536)
    command = [sys.executable, "-c", RENDER, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    seconds, busy, memory = map(float, done.stdout.split())
    print(f"\n1 000 000 requests, 64 000 000 chunks: {seconds:.1f} s, of which CPU {busy:.1f} s; {memory / 1e9:.2f} GB")
    assert seconds < MOST_S
    assert memory < MOST_BYTES
