"""Probes of populations that have ended, as reports take them."""

from typing import Any

from triphase_benchmark.effort.evidence import evidence_of
from triphase_benchmark.effort.facts import facts_of
from triphase_benchmark.effort.outcome import Asked, Probed

from effort_fakes.population import Population, design_of, played

ASKED = Asked(
    engine="vllm",
    url="http://127.0.0.1:8000",
    model="some-model",
    version="1.2",
    profile="vllm",
    field="reasoning_effort",
    prompts="general",
    temperature=0.6,
    limit=8192,
    concurrency=4,
)


def a_probe(population: Population, **asked: Any) -> Probed:
    """What is made of a whole probe of it."""
    course = played(population)
    design = design_of(population)
    judgement = course.judgement
    assert judgement is not None
    evidence = evidence_of(course.samples, design) if judgement.telling else None
    facts = {name: getattr(ASKED, name) for name in ASKED.__slots__} | asked
    return Probed(
        asked=Asked(**facts),
        design=design,
        ending="whole",
        stage=course.stage + 1,
        planned=course.planned,
        samples=tuple(course.samples),
        judgement=judgement,
        evidence=evidence,
        facts=facts_of(course.samples, design, evidence),
        notes=("a note",),
        took_s=61.0,
        began="2026-11-26T00:00:00+00:00",
        argv=("triphase-benchmark", "effort", "--seed", "1"),
        tool_version="0.1.0",
        machine={"cpu": "some"},
    )
