"""A stage for courses, whose legs ask nobody and whose figures are made up."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.metrics.tables import ROUNDS
from triphase_benchmark.plan.making import make_plan
from triphase_benchmark.plan.values import Load, Round
from triphase_benchmark.records.folder import RunFolder
from triphase_benchmark.report.progress import Snapshot
from triphase_benchmark.run.conducting import Stage, requests_of
from triphase_benchmark.run.legs import Legs
from triphase_benchmark.run.wanted import Wanted
from triphase_benchmark.run.watching import Watch


class MadeUpLegs(Legs):
    """Legs at two engines whose rounds are made up: `new` takes `ratios[number]` times as long as `base`."""

    def __init__(self, ratios: Sequence[float]) -> None:
        self._ratios = ratios
        self.rows: list[dict[str, Any]] = []
        self.asked: list[list[int]] = []

    def run(self, rounds: Iterable[Round], *, load: Load, places: int | None) -> None:
        assert (load, places) == (Load.CLOSED, 2)
        self.asked.append([one.number for one in rounds])
        for number in self.asked[-1]:
            for engine, value in (("base", 0.1), ("new", 0.1 * self._ratios[number])):
                row = {"round": number, "engine": engine, "metric": "e2e", "statistic": "p50", "value": value, "n": 99}
                self.rows.append(row)


class MadeUpStage(Stage):
    """A stage whose table of rounds is that of its legs."""

    def rounds(self) -> pa.Table:
        assert isinstance(self.legs, MadeUpLegs)
        return pa.Table.from_pylist(self.legs.rows, ROUNDS)


def staged(ratios: Sequence[float], folder: Path, *, rounds: int) -> tuple[MadeUpStage, list[Snapshot]]:
    """A stage with a plan of so many rounds, and what its display is shown."""
    engines = tuple(Engine(name=name, url="http://127.0.0.1:9") for name in ("base", "new"))
    wanted = Wanted(engines=engines, out=folder, argv=(), seed=7, load="closed:2", iterations=rounds)
    wish, shown = wanted.wish(), list[Snapshot]()
    plan = make_plan(wish)
    watch = Watch(wanted.names, rounds=rounds, planned=requests_of(plan), now=lambda: 0.0, show=shown.append)
    return MadeUpStage(wish=wish, plan=plan, legs=MadeUpLegs(ratios), watch=watch, folder=RunFolder(folder)), shown
