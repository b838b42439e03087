"""The truth log of an engine that really ran, as a table and as Parquet."""

import asyncio
import time
from pathlib import Path

import aiohttp
import pyarrow.parquet as pq
import pytest
from triphase_benchmark.records.truth import TRUTH, truth_table, write_truth
from triphase_model.engine.simulated.serving.listening import serve_simulated
from triphase_model.engine.simulated.serving.profiles import settings_of


async def served(log: Path) -> None:
    """Two answers, the second of which is broken off."""
    settings = settings_of("paced", given=["lengths.cv=0", "timing.first_s=0.001", "timing.token_s=0.001"], seed=4)
    async with serve_simulated(settings, truth=log) as running, aiohttp.ClientSession(running.url) as http:
        asked = {"messages": [{"role": "user", "content": "a b"}], "stream": True, "max_tokens": 5, "ignore_eos": True}
        for key, fault in (("1", None), ("2", {"kind": "reset", "at": "stream", "after_chunks": 2})):
            body = asked | {"simulate": {"fault": fault}}
            async with http.post("/v1/chat/completions", json=body, headers={"x-request-id": key}) as response:
                try:
                    await response.read()
                except aiohttp.ClientError:
                    assert fault is not None


@pytest.fixture
def log(tmp_path: Path) -> Path:
    asyncio.run(served(tmp_path / "truth.jsonl"))
    return tmp_path / "truth.jsonl"


def test_the_log_as_a_table(log: Path) -> None:
    epoch_ns = time.monotonic_ns() - 60_000_000_000
    table = truth_table(log, epoch_ns=epoch_ns)
    assert table.schema.remove_metadata() == TRUTH
    assert table.schema.metadata[b"seed"] == b"4"
    whole, broken = table.to_pylist()
    assert (whole["request"], whole["outcome"], whole["finish_reason"]) == ("1", "completed", "length")
    assert (whole["input_tokens"], whole["output_tokens"]) == (6, 5)
    assert (broken["fault"], broken["outcome"], broken["finish_reason"]) == ("reset", "reset", None)
    assert broken["chunk_tokens"] == [1, 1]
    for row in (whole, broken):
        times = [row["received"], row["admitted"], row["chunk_due"][0], *row["chunk_sent"], row["ended"]]
        assert times == sorted(times)
        assert 0 < row["received"] <= row["ended"] < 120_000_000_000


def test_parquet_keeps_every_value(log: Path) -> None:
    parquet = log.with_suffix(".parquet")
    assert write_truth(log, parquet, epoch_ns=7) == 2
    assert pq.read_table(parquet).to_pylist() == truth_table(log, epoch_ns=7).to_pylist()


def test_a_line_that_was_not_finished_is_left_out(log: Path) -> None:
    log.write_bytes(log.read_bytes()[:-10])
    assert truth_table(log).num_rows == 1


def test_another_file_is_no_truth_log(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("{}\n")
    with pytest.raises(ValueError, match="not a truth log"):
        write_truth(tmp_path / "other", tmp_path / "out")
