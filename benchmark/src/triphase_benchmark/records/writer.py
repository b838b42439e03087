"""Rows of a table to a file of Arrow's streaming format, batch after batch.

Its rule: what is written once can be read, whatever comes after: a batch leaves in one go, and a reader takes those
that are whole (`folder.py`). Where a disk is full the writer takes no more, and what it wrote before stands.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import pyarrow as pa

Row = Mapping[str, Any]


class RecordsLost(OSError):
    """Rows could not be written; those of earlier calls stand."""


class RowsWriter:
    """Writes rows of one schema to `path`, which must not exist yet."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._schema = schema
        with _told(path):
            self._file: BinaryIO = path.open("xb", buffering=0)
        self._stream: pa.RecordBatchStreamWriter | None = None
        self._broken = False

    def write(self, rows: Sequence[Row]) -> None:
        """Adds rows, all or none. Raises RecordsLost, from then on each time; ValueError for rows of no such table."""
        if rows:
            self.write_batch(pa.RecordBatch.from_pylist(list(rows), schema=self._schema))

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Adds the rows of a batch, as `write`."""
        if self._broken:
            raise RecordsLost(f"{self._path}: closed after an error")
        batch.validate(full=True)
        for field, column in zip(self._schema, batch.columns, strict=True):
            if column.null_count and not field.nullable:  # which Arrow leaves to others
                raise ValueError(f"{field.name} is null in a row, and may not be")
        with _told(self._path):
            try:
                if self._stream is None:
                    self._stream = pa.ipc.new_stream(pa.PythonFile(_Whole(self._file), mode="w"), self._schema)
                self._stream.write_batch(batch)
            except OSError:
                self._broken = True
                raise

    def close(self) -> None:
        """Ends the file; also after an error. Raises RecordsLost."""
        with _told(self._path):
            try:
                if self._stream is not None and not self._broken:
                    self._stream.close()
            finally:
                self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Whole:
    """A file that writes all or raises: a write to a disk that is nearly full may take a part, and say so only then."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    @property
    def closed(self) -> bool:
        """Whether it is; the file is closed by its owner."""
        return self._file.closed

    def write(self, data: Any) -> int:
        """Writes all of it. Raises OSError."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest:
            rest = rest[self._file.write(rest) :]
        return size

    def flush(self) -> None:
        """Nothing waits: the file has no buffer."""

    def close(self) -> None:
        """Left to the owner."""


class _told:  # noqa: N801 - reads as a word of a sentence
    """Makes RecordsLost of any error of the system, with the file's name."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError) and not isinstance(error, RecordsLost):
            reason = error.strerror or str(error)
            raise RecordsLost(error.errno, f"{self._path}: {reason}; what was written before is kept") from error
