"""The end of a probe: what was measured as one value, and its files.

Its rule: what needs statistics and charts is here, which are slow to load, so that asking need not wait for them.
"""

from pathlib import Path

from triphase_benchmark.effort.course import Course
from triphase_benchmark.effort.evidence import evidence_of
from triphase_benchmark.effort.facts import facts_of
from triphase_benchmark.effort.outcome import Asked, Probed
from triphase_benchmark.effort.values import Judgement, Verdict
from triphase_benchmark.report.effort.writing import write_effort
from triphase_benchmark.run.effort.greeting import Met
from triphase_benchmark.run.effort.wanted import EffortWanted
from triphase_benchmark.run.machine import machine_facts
from triphase_benchmark.run.manifest import tool_version
from triphase_benchmark.run.problems import Ending


def probed_of(wanted: EffortWanted, met: Met, course: Course, ending: Ending, *, began: str, took_s: float) -> Probed:
    """All that a report is made of; a probe that was interrupted has no verdict."""
    samples = tuple(sorted(course.samples, key=lambda sample: sample.cell.number))
    judgement = course.judgement
    if ending is Ending.INTERRUPTED or judgement is None:
        reason = f"interrupted after {len(samples)} of {course.planned} requests: what was measured is kept"
        judgement = Judgement(verdict=Verdict.INCONCLUSIVE, reason=reason)
    design = course.design
    evidence = evidence_of(samples, design) if judgement.telling and samples else None
    return Probed(
        asked=Asked(
            engine=wanted.engine.name,
            url=wanted.engine.url,
            model=met.model,
            version=met.probe.version,
            profile=wanted.engine.profile,
            field=wanted.field,
            prompts=wanted.prompts_name,
            temperature=wanted.temperature,
            limit=met.limit,
            concurrency=wanted.concurrency,
            simulated=met.simulated,
        ),
        design=design,
        ending=ending.value,
        stage=course.stage + 1,
        planned=course.planned,
        samples=samples,
        judgement=judgement,
        evidence=evidence,
        facts=facts_of(samples, design, evidence),
        notes=met.notes,
        took_s=took_s,
        began=began,
        argv=wanted.argv,
        tool_version=tool_version(),
        machine=machine_facts(),
    )


def written(probed: Probed, folder: Path) -> tuple[tuple[Path, ...], str]:
    """Writes all files; returns their paths, and why some are missing: empty where none is."""
    try:
        return write_effort(probed, folder), ""
    except OSError as error:
        return (), f"{error.filename or folder}: {error.strerror or error}"
