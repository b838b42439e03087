"""The demo as a person starts it, and how long it may take: of a quiet machine, hence by `tox -e scale` alone."""

import os
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

MOST_S = 120


@pytest.mark.skipif(os.environ.get("TRIPHASE_BENCHMARK") != "full", reason="takes a minute, and judges how long")
def test_the_demo_is_over_in_two_minutes_and_says_that_it_is_simulated(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    command = [sys.executable, "-P", "-m", "triphase_benchmark", "demo", "--plain", "--out", str(out)]
    began = monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    took_s = monotonic() - began
    print(f"{took_s:.0f} s")
    assert done.returncode == 0, done.stderr
    assert "friendli (simulated) against vllm (simulated)" in done.stdout
    assert (out / "report.html").exists()
    assert took_s < MOST_S
