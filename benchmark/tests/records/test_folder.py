import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from triphase_benchmark.records.folder import BadFolder, RunFolder
from triphase_benchmark.records.schema import REQUESTS, VERSION
from triphase_benchmark.records.writer import RecordsLost, RowsWriter


def row(number: int, **more: Any) -> dict[str, Any]:
    known = {"round": 0, "place_in_round": 0, "engine": "a", "host": "h", "worker": 0, "request": number}
    known |= {
        "prompt": f"p{number}",
        "warm_up": False,
        "scheduled": 0,
        "chunk_times": [1, 2],
        "chunk_output": [True, True],
    }
    return {**known, "shared_reads": 0, "reasoning_characters": 0, "output_characters": 2, **more}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path)
    made.parts.mkdir()
    for worker in range(2):
        with RowsWriter(made.part(worker), REQUESTS) as writer:
            for number in range(3):
                writer.write([row(number, worker=worker)])
    return made


def rows(folder: RunFolder) -> list[tuple[int, int]]:
    table = folder.read_requests()
    assert table.schema.equals(REQUESTS)
    return sorted(zip(table["worker"].to_pylist(), table["request"].to_pylist(), strict=True))


ALL = [(worker, number) for worker in range(2) for number in range(3)]


def test_a_run_that_was_not_closed_is_read_from_its_parts(folder: RunFolder) -> None:
    assert rows(folder) == ALL
    torn = folder.part(1)
    torn.write_bytes(torn.read_bytes()[:-200])
    assert rows(folder) == ALL[:-1]


def test_a_closed_run_is_one_file_of_the_same_rows(folder: RunFolder) -> None:
    before = folder.read_requests().sort_by([("worker", "ascending"), ("request", "ascending")])
    folder.close()
    assert sorted(path.name for path in folder.path.iterdir()) == ["requests.parquet"]
    assert folder.read_requests().equals(before)
    metadata = pq.read_schema(folder.requests).metadata
    assert metadata[b"triphase.tables"] == str(VERSION).encode()


def test_a_run_is_closed_turn_by_turn_whichever_worker_had_them(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.parts.mkdir()
    turns = [(number, place) for number in range(3) for place in range(2)]
    for worker in range(2):
        with RowsWriter(folder.part(worker), REQUESTS) as writer:
            for number, place in turns[worker:]:  # the second worker had nothing of the first turn
                writer.write([row(0, worker=worker, round=number, place_in_round=place)])
    folder.close()
    closed = folder.read_requests()
    found = list(zip(closed["round"].to_pylist(), closed["place_in_round"].to_pylist(), strict=True))
    assert found == sorted(found)
    assert found == sorted([*turns, *turns[1:]])


def test_a_run_without_a_request_is_a_table_without_a_row(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.read_requests().num_rows == 0
    folder.close()
    assert folder.read_requests().num_rows == 0


def test_where_the_file_cannot_be_written_the_parts_stay(folder: RunFolder) -> None:
    (folder.path / "requests.parquet.new").mkdir()
    with pytest.raises(RecordsLost, match="all requests are kept in"):
        folder.close()
    assert rows(folder) == ALL


def test_the_manifest_comes_back_with_the_version_of_the_tables(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_manifest({"seed": 42, "engines": ["a"]})
    folder.write_manifest({"seed": 43})
    assert folder.read_manifest() == {"seed": 43, "tables": VERSION}
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "holds no run: there is no manifest.json"),
        ("{broken", "cannot be read"),
        ("[]", f"tables of version None, and this program reads version {VERSION}"),
        (json.dumps({"tables": VERSION + 1}), f"tables of version {VERSION + 1}, and this program reads"),
    ],
)
def test_a_folder_that_is_none_gets_one_clear_error(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BadFolder, match=message) as raised:
        RunFolder(tmp_path).read_manifest()
    assert "\n" not in str(raised.value)


def test_tables_of_other_columns_are_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    pq.write_table(pa.table({"n": [1]}), folder.requests)
    with pytest.raises(BadFolder, match="other columns"):
        folder.read_requests()
    folder.requests.write_bytes(b"PAR1")
    with pytest.raises(BadFolder, match="cannot be read"):
        folder.read_requests()
