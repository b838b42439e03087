"""A probe that has ended: all that a report is made of.

Its rule: a value, and the only thing that reports see. Without a verdict that may have figures there is no `evidence`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from triphase_benchmark.effort.design import Design
from triphase_benchmark.effort.evidence import Evidence
from triphase_benchmark.effort.facts import LevelFacts
from triphase_benchmark.effort.values import Judgement, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whom, and by what: facts for a report. `limit`: of an answer's tokens; `None`: the engine's own.

    `temperature`: `None`: the engine's own. `field`: the member that says the level. `prompts`: the name of the set.
    """

    engine: str
    url: str
    model: str
    version: str | None
    profile: str
    field: str
    prompts: str
    temperature: float | None
    limit: int | None
    concurrency: int
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """All of it. `ending`: whole, interrupted or broken; `stage`: the last that began, from 1. `took_s`: of asking."""

    asked: Asked
    design: Design
    ending: str
    stage: int
    planned: int
    samples: tuple[Sample, ...]
    judgement: Judgement
    evidence: Evidence | None
    facts: tuple[LevelFacts, ...]
    notes: tuple[str, ...]
    took_s: float
    began: str
    argv: tuple[str, ...]
    tool_version: str
    machine: Mapping[str, Any]
