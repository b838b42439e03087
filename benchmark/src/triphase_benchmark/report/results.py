"""`results.json`: all rounds, failures and the comparison as raw JSON, for other programs.

Its rule: the same run gives the same bytes. Keys stand in the order of docs/benchmark-report.md, the manifest's own
sorted; what is undefined is null, and NaN or an infinity never appears. Engine-given text stays as it came: it is data.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from triphase_benchmark.report.gathered import Counts, Gathered
from triphase_benchmark.report.inputs import Inputs
from triphase_benchmark.report.knees import knees
from triphase_benchmark.report.wrong import wrongs

FORMAT: Final = "triphase-benchmark-results"
VERSION: Final = 1


def results(inputs: Inputs, found: Gathered) -> str:
    """The whole file, as text."""
    told = {
        "format": FORMAT,
        "version": VERSION,
        "engines": list(inputs.engines),
        "simulated": list(inputs.facts.simulated),
        "client_ok": inputs.facts.calibration.client_ok,
        "problems": [asdict(one) for one in wrongs(inputs, found)],
        "requests": {name: _counts(found.counts[name]) for name in found.counts},
        "errors": [asdict(row) for row in inputs.errors],
        "comparison": [asdict(row) for row in inputs.comparison],
        "knees": [asdict(knee) for knee in knees(inputs)],
        "rounds": [asdict(row) for row in inputs.rounds],
        "manifest": _sorted(inputs.manifest),
    }
    return json.dumps(_plain(told), indent=1, allow_nan=False) + "\n"


def _counts(counts: Counts) -> Mapping[str, Any]:
    return {
        "planned": counts.planned,
        "succeeded": counts.succeeded,
        "warm_up": counts.warm_up,
        "failures": dict(sorted(counts.failures.items())),
        "token_chunks": counts.chunks,
        "shared_reads": counts.shared_reads,
        "input_tokens": counts.input_tokens,
        "cached_tokens": counts.cached_tokens,
    }


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _sorted(value[key]) for key in sorted(value, key=str)}
    return [_sorted(one) for one in value] if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    """The value as JSON can have it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
