"""The folder of a run: `manifest.json`, `requests.parquet`, and the parts of it that workers write.

Its rule: a folder can be read at any time. As long as there is no `requests.parquet`, its parts are the requests, and a
part that breaks off (its writer was killed, the disk was full) counts as far as it is whole. A folder of another
version of the tables is refused with one error. Requests are closed turn by turn, so that whoever reads them so needs
not hold them all. Which columns there are is `schema.py`.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from heapq import merge
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from triphase_benchmark.records.schema import REQUESTS, VERSION
from triphase_benchmark.records.writer import RecordsLost

_PART = "requests-{}.arrows"
# As large as row groups get, so that a reader of many requests need not hold them all.
_ROWS_OF_GROUP = 65_536
_METADATA = {b"triphase.tables": str(VERSION).encode()}
# Times differ from one another, so a dictionary of them is lost work, and their steps are small.
_TIMES = ("scheduled", "sent", "responded", "ended", "chunk_times.list.element")
_DICTIONARIES = [name for name in REQUESTS.names if name not in ("prompt", "chunk_times", *_TIMES)]
_ENCODING: Mapping[str, Any] = {
    "compression": "zstd",
    "use_dictionary": _DICTIONARIES,
    "column_encoding": dict.fromkeys(_TIMES, "DELTA_BINARY_PACKED"),
}
# For files on a disk: what is read ahead for a slow store is held until the end.
_FORMAT = ds.ParquetFileFormat(default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=False))


class BadFolder(ValueError):
    """The folder is none of a run, or none that this version can read."""


class RunFolder:
    """The files of one run; `path` must exist."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def parts(self) -> Path:
        """Where workers write while a run lasts."""
        return self.path / "parts"

    @property
    def requests(self) -> Path:
        """All requests, once the run is closed."""
        return self.path / "requests.parquet"

    def part(self, worker: int) -> Path:
        """The file of one worker."""
        return self.parts / _PART.format(worker)

    def write_manifest(self, values: Mapping[str, Any]) -> None:
        """Replaces the manifest in one go; the tables' version is added. Raises RecordsLost."""
        text = msgspec.json.format(msgspec.json.encode({**values, "tables": VERSION}), indent=1) + b"\n"
        fresh = self.path / "manifest.json.new"
        try:
            fresh.write_bytes(text)
            fresh.replace(self.path / "manifest.json")
        except OSError as error:
            raise RecordsLost(error.errno, f"{fresh}: {error.strerror}") from error

    def read_manifest(self) -> dict[str, Any]:
        """Returns the manifest. Raises BadFolder."""
        path = self.path / "manifest.json"
        try:
            manifest = msgspec.json.decode(path.read_bytes())
        except FileNotFoundError:
            raise BadFolder(f"{self.path} holds no run: there is no manifest.json") from None
        except (OSError, msgspec.DecodeError) as error:
            raise BadFolder(f"{path} cannot be read: {error}") from None
        version = manifest.get("tables") if isinstance(manifest, dict) else None
        if version != VERSION:
            raise BadFolder(f"{self.path} holds tables of version {version}, and this program reads version {VERSION}")
        return dict(manifest)

    def dataset(self) -> ds.Dataset:
        """All requests, read when they are asked for; of a run that was not closed, in memory. Raises BadFolder."""
        if not self.requests.exists():
            return ds.dataset(pa.Table.from_batches(self._batches(), REQUESTS))
        try:
            found = ds.dataset(self.requests, format=_FORMAT)
        except (OSError, pa.ArrowInvalid) as error:
            raise BadFolder(f"{self.requests} cannot be read: {error}") from None
        if not found.schema.equals(REQUESTS):
            raise BadFolder(f"{self.requests} holds other columns than those of version {VERSION}")
        return found

    def read_requests(self) -> pa.Table:
        """Returns all requests at once, of a run that was closed or not. Raises BadFolder."""
        return self.dataset().to_table()

    def close(self) -> None:
        """Makes one file of all parts, and removes them. Raises RecordsLost; the parts then stand."""
        fresh = self.path / "requests.parquet.new"
        try:
            self._merge(fresh)
            fresh.replace(self.requests)
        except OSError as error:
            with suppress(OSError):
                fresh.unlink()
            reason = error.strerror or str(error)
            raise RecordsLost(error.errno, f"{fresh}: {reason}; all requests are kept in {self.parts}") from error
        for path in self._part_files():
            path.unlink()
        if self.parts.is_dir() and not any(self.parts.iterdir()):
            self.parts.rmdir()

    def _merge(self, path: Path) -> None:
        waiting: list[pa.RecordBatch] = []
        schema = REQUESTS.with_metadata(_METADATA)
        with pq.ParquetWriter(path, schema, **_ENCODING) as writer:
            for batch in self._batches():
                waiting.append(batch.cast(schema))
                if sum(one.num_rows for one in waiting) >= _ROWS_OF_GROUP:
                    writer.write_table(pa.Table.from_batches(waiting))
                    waiting = []
            if waiting:
                writer.write_table(pa.Table.from_batches(waiting))
        with path.open("rb") as file:
            os.fsync(file.fileno())  # before the parts go

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """Of all parts, the turn that came first first: each worker's are in order already."""
        yield from merge(*(whole_batches(path, REQUESTS) for path in self._part_files()), key=_turn)

    def _part_files(self) -> list[Path]:
        return sorted(self.parts.glob(_PART.format("*")))


def _turn(batch: pa.RecordBatch) -> tuple[int, int]:
    """Which turn a batch is of, by its first row."""
    return batch.column("round")[0].as_py(), batch.column("place_in_round")[0].as_py()


def whole_batches(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Gives the batches of a part, none empty, up to where it breaks off. Raises BadFolder for another schema."""
    with path.open("rb") as file:
        try:
            stream = pa.ipc.open_stream(file)
        except (OSError, pa.ArrowInvalid):  # it broke off in its head: nothing was written yet
            return
        if not stream.schema.equals(schema):
            raise BadFolder(f"{path} holds other columns than those of version {VERSION}")
        while True:
            try:
                batch = stream.read_next_batch()
            except (StopIteration, OSError, pa.ArrowInvalid):
                return
            if batch.num_rows:
                yield batch
