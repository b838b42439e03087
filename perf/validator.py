"""How long the validator takes, and how much it reads: of the reference model, and of a large repository made by code.

Its rule: what is timed is a whole process, from its start to its end, and the repositories take turns. `validating.py`
is that process, and tells what its child took and what it read.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from perf.processes import ROOT
from perf.report import Verdict

_ROUNDS = 7
_MAKE = ROOT / "model/examples/make_examples.py"
_LARGE, _REFERENCE = "150 000 tokens, 40 files", "the reference model"
MOST_LARGE_S = 1.5
MOST_WEIGHTS_READ = 2_000_000
MOST_ALONE_S = 0.5
MOST_WHOLE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """One repository: the time of each process, its CPU time with its child's, and its child's time; sizes in bytes."""

    whole_s: Sequence[float]
    cpu_s: Sequence[float]
    rendering_s: Sequence[float]
    weights: int
    weights_read: int
    others_read: int

    @property
    def alone_s(self) -> list[float]:
        """The times without the renderer's child."""
        return [whole - child for whole, child in zip(self.whole_s, self.rendering_s, strict=True)]


def validations() -> dict[str, Validation]:
    """Measures both repositories, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, str(_MAKE), "--large", folder], check=True)
        folders = {_LARGE: Path(folder), _REFERENCE: Path(str(files("triphase_model") / "reference"))}
        found: dict[str, list[tuple[float, float, dict[str, Any]]]] = {name: [] for name in folders}
        for _ in range(_ROUNDS):
            for name, path in folders.items():
                found[name].append(_one(path))
        return {name: _joined(path, found[name]) for name, path in folders.items()}


def _one(folder: Path) -> tuple[float, float, dict[str, Any]]:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "perf.validating", str(folder)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    whole_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert told["exit_code"] == 0, done.stdout.decode()
    return whole_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, told


def _joined(folder: Path, runs: Sequence[tuple[float, float, dict[str, Any]]]) -> Validation:
    read: Mapping[str, int] = runs[-1][2]["read"]
    weights = [path for path in folder.iterdir() if path.suffix == ".safetensors"]
    of_weights = sum(read.get(path.name, 0) for path in weights)
    return Validation(
        whole_s=[whole_s for whole_s, _, _ in runs],
        cpu_s=[cpu_s for _, cpu_s, _ in runs],
        rendering_s=[told["rendering_s"] for _, _, told in runs],
        weights=sum(path.stat().st_size for path in weights),
        weights_read=of_weights,
        others_read=sum(read.values()) - of_weights,
    )


def verdicts(found: Mapping[str, Validation]) -> list[Verdict]:
    """Compares the figures with the targets."""
    large, reference = found[_LARGE], found[_REFERENCE]
    return [
        _time(f"{_LARGE}: the whole process", large.whole_s, MOST_LARGE_S),
        Verdict(
            target=f"{_LARGE}: less than {MOST_WEIGHTS_READ / 1e6:.1f} MB of weights read",
            found=f"{large.weights_read / 1e6:.2f} MB",
            met=large.weights_read < MOST_WEIGHTS_READ,
        ),
        _time(f"{_REFERENCE}: the process without the renderer's child", reference.alone_s, MOST_ALONE_S),
        _time(f"{_REFERENCE}: the whole process", reference.whole_s, MOST_WHOLE_S),
    ]


def _time(what: str, times: Sequence[float], most_s: float) -> Verdict:
    median_s = statistics.median(times)
    return Verdict(target=f"{what}, less than {most_s:.1f} s, p50", found=f"{median_s:.2f} s", met=median_s < most_s)


def table(found: Mapping[str, Validation]) -> Iterator[str]:
    """Yields the lines of the table."""
    yield "| `triphase-model check` | the process, s | | without its child, s | CPU, s | weights, MB | | others, MB |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    yield "| of | p50 | slowest | p50 | p50 | there | read | read |"
    for name, one in found.items():
        middle = [statistics.median(times) for times in (one.whole_s, one.alone_s, one.cpu_s)]
        times = (middle[0], max(one.whole_s), *middle[1:])
        sizes = (one.weights, one.weights_read, one.others_read)
        cells = (*(f"{value:.2f}" for value in times), *(f"{size / 1e6:.2f}" for size in sizes))
        yield f"| {name} | {' | '.join(cells)} |"


def as_json(found: Mapping[str, Validation]) -> dict[str, Any]:
    """Returns everything that was measured."""
    return {name: asdict(one) for name, one in found.items()}
