"""What becomes of what was measured: one file of requests, the tables of rounds and comparison, and the report.

Its rule: it needs a folder and its manifest, nothing else, so that a run which was interrupted, or killed, is closed
and reported later by the same code (`triphase-benchmark report`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from triphase_benchmark.comparison.paired import compare
from triphase_benchmark.comparison.tokenizers import tokenizers_differ, tokens_per_character
from triphase_benchmark.comparison.verdicts import primary_of
from triphase_benchmark.engines.engine import Price
from triphase_benchmark.metrics.rounds import errors_of, rounds_of
from triphase_benchmark.metrics.tables import COMPARISON
from triphase_benchmark.metrics.turns import Stored
from triphase_benchmark.plan.values import Load
from triphase_benchmark.records.folder import BadFolder, RunFolder
from triphase_benchmark.report.gathered import Gathered, gathered
from triphase_benchmark.report.inputs import Inputs, inputs_of
from triphase_benchmark.report.writing import write_report
from triphase_benchmark.run.manifest import gateways_of

_TOKENIZERS = (
    "the engines count tokens differently ({}): compare requests per second and latencies of whole answers, not tokens"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A run as it was reported: what pages took, and which files there are."""

    inputs: Inputs
    found: Gathered
    files: tuple[Path, ...]


def rounds_table(requests: Stored, manifest: Mapping[str, Any]) -> pa.Table:
    """The table ROUNDS, under the conditions that a manifest tells. Raises BadFolder where it tells them wrongly."""
    try:
        load = Load(manifest.get("load_kind") or Load.CLOSED)
        slos = {str(name): float(limit) for name, limit in (manifest.get("slo") or {}).items()}
        priced = [one for one in manifest.get("engines") or () if one.get("price")]
        prices = {str(one["name"]): Price(**one["price"]) for one in priced}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadFolder(f"manifest.json tells load_kind, slo or a price as nothing that is known: {error}") from None
    return rounds_of(requests, load=load, slos=slos, prices=prices)


def comparison_table(rounds: pa.Table, manifest: Mapping[str, Any]) -> pa.Table:
    """The table COMPARISON; empty where the baseline ran no round, or nothing else did."""
    baseline = (manifest.get("configuration") or {}).get("baseline")
    names = set(rounds["engine"].to_pylist())
    if manifest.get("sweep") or not isinstance(baseline, str) or baseline not in names or len(names) < 2:
        return COMPARISON.empty_table()
    primary = primary_of(gateways=bool(gateways_of(manifest)))
    return compare(rounds, baseline=baseline, primary=primary, seed=manifest.get("seed") or 0)


def report(folder: RunFolder, manifest: dict[str, Any], *, requests: ds.Dataset, rounds: pa.Table) -> Reported:
    """Writes the tables and the report of a closed folder.

    Raises:
        OSError: A file could not be written; the requests are kept.
    """
    comparison = comparison_table(rounds, manifest)
    ratios = tokens_per_character(requests)
    if tokenizers_differ(ratios):
        told = ", ".join(f"{name} {ratio:.3f} tokens per character" for name, ratio in ratios.items())
        manifest = {**manifest, "problems": [*(manifest.get("problems") or ()), _TOKENIZERS.format(told)]}
    tables = {"rounds": rounds, "comparison": comparison}
    files = [_table_file(folder.path / f"{name}.parquet", table) for name, table in tables.items()]
    errors = errors_of(requests)
    inputs = inputs_of(manifest, requests=requests, rounds=rounds, comparison=comparison, errors=errors)
    found = gathered(inputs)
    pages = write_report(inputs, folder.path, found)
    every = (folder.path / "manifest.json", folder.requests, *files, *pages)
    return Reported(inputs=inputs, found=found, files=every)


def report_again(path: Path) -> Reported:
    """Closes a run that was not closed, and reports it.

    Raises:
        BadFolder: It holds no run that can be read.
        RecordsLost: The disk takes no more.
        OSError: The same.
    """
    folder = RunFolder(path)
    manifest = folder.read_manifest()
    if not folder.requests.exists():
        folder.close()
    requests = folder.dataset()
    return report(folder, manifest, requests=requests, rounds=rounds_table(requests, manifest))


def _table_file(path: Path, table: pa.Table) -> Path:
    fresh = path.with_name(f".{path.name}.part")
    pq.write_table(table, fresh, compression="zstd")
    fresh.replace(path)
    return path
