"""Compares runs that are stored: each engine of a later one with its like in the first.

Its rule: always *unpaired*, since whatever changed between the runs is in the ratio and in no interval. Two runs that
were not made alike (load, workload, objectives) are compared all the same, and it is said what differs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from triphase_benchmark.comparison.pairs import Measure
from triphase_benchmark.comparison.unpaired import compare_unpaired
from triphase_benchmark.comparison.verdicts import primary_of
from triphase_benchmark.metrics.rounds import errors_of
from triphase_benchmark.metrics.tables import COMPARISON
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.records.folder import RunFolder
from triphase_benchmark.report.inputs import Inputs, inputs_of
from triphase_benchmark.run.closing import rounds_table
from triphase_benchmark.run.manifest import gateways_of

_ALIKE = (
    "load",
    "workload",
    "slo",
    "configuration.measured",
    "configuration.shared_prefix",
    "machine.cpu",
    "machine.gpu",
)


class StoredRun:
    """One of them. Raises BadFolder where there is none. Its engines are called NAME@FOLDER."""

    def __init__(self, path: Path, *, label: str) -> None:
        folder = RunFolder(path)
        self.manifest = folder.read_manifest()
        if self.manifest.get("sweep"):
            raise BadInput(f"{path} holds a sweep, whose rounds are of different loads: it cannot be compared")
        self.label = label
        requests = folder.read_requests()
        self.names = tuple(dict.fromkeys(requests["engine"].to_pylist()))
        self.rounds = self._named(rounds_table(requests, self.manifest))
        self.requests = self._named(requests)

    def called(self, engine: str) -> str:
        """An engine's name here."""
        return f"{engine}@{self.label}"

    def _named(self, table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index("engine")
        names = pc.binary_join_element_wise(table["engine"], pa.scalar(self.label), "@")
        return table.set_column(place, table.schema.field(place), names)


def compare_stored(paths: Sequence[Path], *, argv: Sequence[str]) -> Inputs:
    """Compares runs with the first of them. Raises BadFolder and BadInput."""
    if len(paths) < 2:
        raise BadInput("a comparison needs two folders of runs at least")
    runs = [StoredRun(path, label=label) for path, label in zip(paths, _labels(paths), strict=True)]
    first = runs[0]
    primary = primary_of(gateways=any(gateways_of(run.manifest) for run in runs))
    tables = [_compared(first, run, primary) for run in runs[1:]]
    manifest = {
        **first.manifest,
        "argv": list(argv),
        "engines": [_engine(run, one) for run in runs for one in run.manifest.get("engines") or ()],
        "problems": [*_differences(runs), *_told(runs, "problems")],
        "notes": _told(runs, "notes"),
        "calibration": _calibration(runs),
    }
    requests = pa.concat_tables([run.requests for run in runs])
    return inputs_of(
        manifest,
        requests=requests,
        rounds=pa.concat_tables([run.rounds for run in runs]),
        comparison=pa.concat_tables(tables),
        errors=errors_of(requests),
    )


def _compared(first: StoredRun, run: StoredRun, primary: Sequence[Measure]) -> pa.Table:
    both = [name for name in run.names if name in first.names]
    pairs = [(name, name) for name in both]
    if not both and len(first.names) == len(run.names) == 1:  # one engine under two names
        pairs = [(first.names[0], run.names[0])]
    if not pairs:
        raise BadInput(
            f"no engine of {run.label} ({', '.join(run.names)}) is in {first.label} ({', '.join(first.names)}) too"
        )
    tables = [
        compare_unpaired(
            first.rounds, run.rounds, baseline=first.called(before), engine=run.called(after), primary=primary
        )
        for before, after in pairs
    ]
    return pa.concat_tables(tables) if tables else COMPARISON.empty_table()


def _labels(paths: Sequence[Path]) -> list[str]:
    """The names of the folders; where two are alike, their paths."""
    names = [path.resolve().name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def _engine(run: StoredRun, engine: dict[str, Any]) -> dict[str, Any]:
    return {**engine, "name": run.called(engine["name"])}


def _differences(runs: Sequence[StoredRun]) -> list[str]:
    first, *others = runs
    told = []
    for run in others:
        differing = [name for name in _ALIKE if _member(first.manifest, name) != _member(run.manifest, name)]
        if differing:
            told.append(f"{run.label} was not made like {first.label}: {', '.join(differing)} differ")
    return told


def _member(manifest: dict[str, Any], name: str) -> Any:
    value: Any = manifest
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _told(runs: Sequence[StoredRun], member: str) -> list[str]:
    return [f"{run.label}: {text}" for run in runs for text in run.manifest.get(member) or ()]


def _calibration(runs: Sequence[StoredRun]) -> dict[str, Any]:
    """Good where all were; else that of the first that was not."""
    told = [run.manifest.get("calibration") or {} for run in runs]
    return next((one for one in told if one.get("client_ok") is not True), told[0])
