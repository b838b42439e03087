"""The files of a report, into the folder of its run.

Its rule: the requests are read once for all of them, and each file is whole or not there: it is written beside its
place and moved. Without a comparison there is no picture, and one of an earlier report is not left to be taken for it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from triphase_benchmark.report.gathered import Gathered, gathered
from triphase_benchmark.report.inputs import Inputs
from triphase_benchmark.report.results import results

PICTURE: Final = "benchmark_comparison.png"
PAGE: Final = "report.html"
RESULTS: Final = "results.json"


def write_report(inputs: Inputs, folder: Path, found: Gathered | None = None) -> tuple[Path, ...]:
    """Writes all files and returns their paths. `found`: where the requests were gathered before. Raises `OSError`."""
    found = found or gathered(inputs)
    if not inputs.comparison:
        (folder / PICTURE).unlink(missing_ok=True)
    return tuple(put(folder / name, content) for name, content in _contents(inputs, found))


def _contents(inputs: Inputs, found: Gathered) -> Iterator[tuple[str, bytes]]:
    # Charts take a second to load, which no command waits for that draws none.
    from triphase_benchmark.report.page import page  # noqa: PLC0415
    from triphase_benchmark.report.picture import picture  # noqa: PLC0415

    yield RESULTS, results(inputs, found).encode()
    if inputs.comparison:
        yield PICTURE, picture(inputs, found)
    yield PAGE, page(inputs, found).encode()


def put(path: Path, content: bytes) -> Path:
    """Writes a file whole, and returns its path. Raises `OSError`."""
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return path
