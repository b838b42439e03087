"""Engines as everything that is shown calls them: a simulated one says so wherever its name stands.

Its rule: names become labels here, once, before anything is drawn, so that no chart, table or sentence has to think of
it. What is written for programs (`results.py`) keeps the names.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from triphase_benchmark.report.gathered import Gathered
from triphase_benchmark.report.inputs import Inputs
from triphase_benchmark.report.words import SIMULATED

_One = TypeVar("_One")


def labelled(inputs: Inputs, found: Gathered) -> tuple[Inputs, Gathered]:
    """Both with labels in place of names."""
    labels = {name: name + SIMULATED for name in inputs.facts.simulated}

    def by_label(values: Mapping[str, _One]) -> dict[str, _One]:
        return {labels.get(name, name): value for name, value in values.items()}

    def names_of(names: Iterable[str]) -> frozenset[str]:
        return frozenset(labels.get(name, name) for name in names)

    shown = replace(
        inputs,
        facts=replace(
            inputs.facts,
            engines=tuple(replace(one, label=labels.get(one.name)) for one in inputs.facts.engines),
            sweep=tuple(
                point if point.saturated is None else replace(point, saturated=names_of(point.saturated))
                for point in inputs.facts.sweep
            ),
        ),
        rounds=tuple(replace(row, engine=labels.get(row.engine, row.engine)) for row in inputs.rounds),
        comparison=tuple(
            replace(row, engine=labels.get(row.engine, row.engine), baseline=labels.get(row.baseline, row.baseline))
            for row in inputs.comparison
        ),
    )
    return shown, replace(
        found,
        spreads={(labels.get(name, name), measure): one for (name, measure), one in found.spreads.items()},
        counts=by_label(found.counts),
        flows=by_label(found.flows),
        asked={(number, labels.get(name, name)): asked for (number, name), asked in found.asked.items()},
    )
