import json
from pathlib import Path

import pytest
from report.runs import a_run
from triphase_benchmark.report.gathered import Gathered
from triphase_benchmark.report.inputs import Inputs
from triphase_benchmark.report.writing import PAGE, PICTURE, RESULTS, write_report


def test_a_report_is_three_files(run: Inputs, found: Gathered, tmp_path: Path) -> None:
    written = write_report(run, tmp_path, found)
    assert {path.name for path in written} == {PAGE, PICTURE, RESULTS} == {path.name for path in tmp_path.iterdir()}
    assert (tmp_path / PAGE).read_text().startswith("<!doctype html>")
    assert json.loads((tmp_path / RESULTS).read_text())["engines"] == ["vllm", "friendli"]


def test_an_old_picture_does_not_stay_where_nothing_is_compared(found: Gathered, tmp_path: Path) -> None:
    (tmp_path / PICTURE).write_bytes(b"of an earlier run")
    write_report(a_run(comparison=[]), tmp_path, found)
    assert {path.name for path in tmp_path.iterdir()} == {PAGE, RESULTS}


def test_a_folder_that_cannot_be_written_is_an_error_and_leaves_nothing(
    run: Inputs, found: Gathered, tmp_path: Path
) -> None:
    (tmp_path / RESULTS).mkdir()
    with pytest.raises(OSError, match=RESULTS):
        write_report(run, tmp_path, found)
    assert {path.name for path in tmp_path.iterdir()} == {RESULTS}
