import errno
import io
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from triphase_benchmark.records.folder import whole_batches
from triphase_benchmark.records.writer import RecordsLost, RowsWriter

SCHEMA = pa.schema([pa.field("n", pa.int64(), nullable=False), pa.field("times", pa.list_(pa.int64()), nullable=False)])


def row(n: int) -> dict[str, Any]:
    return {"n": n, "times": [n, n + 1]}


def numbers(path: Path) -> list[int]:
    return [n for batch in whole_batches(path, SCHEMA) for n in batch["n"].to_pylist()]


def test_rows_can_be_read_while_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "part"
    with RowsWriter(path, SCHEMA) as writer:
        assert numbers(path) == []
        writer.write([row(0), row(1)])
        assert numbers(path) == [0, 1]
        writer.write([])
        writer.write([row(2)])
        assert numbers(path) == [0, 1, 2]
    assert numbers(path) == [0, 1, 2]


def test_wherever_a_file_breaks_off_the_batches_before_are_read(tmp_path: Path) -> None:
    path, ends = tmp_path / "part", [0]
    with RowsWriter(path, SCHEMA) as writer:
        for n in range(3):
            writer.write([row(n)])
            ends.append(path.stat().st_size)
    data = path.read_bytes()
    torn = tmp_path / "torn"
    for size in {*range(0, len(data), 5), *ends, *(end - 1 for end in ends[1:]), len(data)}:
        torn.write_bytes(data[:size])
        whole = sum(end <= size for end in ends[1:])
        assert numbers(torn) == list(range(whole))


def test_a_row_that_does_not_fit_the_schema_is_refused(tmp_path: Path) -> None:
    with RowsWriter(tmp_path / "part", SCHEMA) as writer, pytest.raises(ValueError, match="n is null"):
        writer.write([{"n": None, "times": []}])


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "part").touch()
    with pytest.raises(RecordsLost, match="File exists"):
        RowsWriter(tmp_path / "part", SCHEMA)


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Files of this process may have 2,000 bytes: the nearest to a full disk that needs no rights."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("small_disk")
def test_what_was_written_before_the_disk_was_full_is_kept(tmp_path: Path) -> None:
    path, written = tmp_path / "part", 0
    writer = RowsWriter(path, SCHEMA)
    with pytest.raises(RecordsLost, match="what was written before is kept") as raised:  # noqa: PT012
        for n in range(100):
            writer.write([row(n)])
            written += 1
    assert raised.value.errno == errno.EFBIG
    with pytest.raises(RecordsLost, match="closed after an error"):
        writer.write([row(7)])
    writer.close()
    assert 0 < written < 100
    assert numbers(path) == list(range(written))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a device that is full")
def test_a_full_device_is_told_by_its_name() -> None:
    writer = RowsWriter.__new__(RowsWriter)
    writer._path, writer._schema, writer._stream, writer._broken = Path("/dev/full"), SCHEMA, None, False
    writer._file = io.FileIO("/dev/full", "w")
    with pytest.raises(RecordsLost, match=r"/dev/full: No space left on device") as raised:
        writer.write([row(0)])
    assert raised.value.errno == errno.ENOSPC
    writer.close()
