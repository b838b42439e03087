"""`effort.json`: a probe for other programs.

Its rule: keys stand in the order of docs/effort-probe.md; what is undefined is null, and NaN or an infinity never
appears. Ratios, p-values and lengths are there only where the verdict may have figures; single answers always are.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from math import exp
from typing import Any, Final

from triphase_benchmark.effort.evidence import Evidence, Pair, source_of
from triphase_benchmark.effort.facts import LevelFacts
from triphase_benchmark.effort.outcome import Probed
from triphase_benchmark.effort.values import Sample, Source
from triphase_benchmark.report.effort.tables import notes

FORMAT: Final = "triphase-benchmark-effort"
VERSION: Final = 1


def results(probed: Probed) -> str:
    """The whole file, as text."""
    return json.dumps(told(probed), indent=1, allow_nan=False) + "\n"


def told(probed: Probed) -> dict[str, Any]:
    """All of it, as JSON can have it."""
    evidence, design = probed.evidence, probed.design
    source = source_of([sample for sample in probed.samples if not sample.failure])
    return {
        "format": FORMAT,
        "version": VERSION,
        "ending": probed.ending,
        "verdict": probed.judgement.verdict.value,
        "reason": probed.judgement.reason,
        "groups": [list(group) for group in probed.judgement.groups],
        "counted_by": None if evidence is None else evidence.source.value,
        "levels": [_level(facts) for facts in probed.facts],
        "pairs": [] if evidence is None else [_pair(pair, design.seed) for pair in evidence.pairs],
        "trend": _trend(evidence),
        "twin": _twin(evidence),
        "positive_control": _control(evidence),
        "notes": list(notes(probed)),
        "engine": asdict(probed.asked),
        "design": {
            "levels": list(design.names),
            "prompts": len(design.prompts),
            "stages": [asdict(stage) for stage in design.stages],
            "stage": probed.stage,
            "seed": design.seed,
            "alpha": design.alpha,
            "equivalence": design.equivalence,
            "margin": design.margin,
        },
        "requests": {"planned": probed.planned, "answered": len(probed.samples)},
        "began": probed.began,
        "took_s": probed.took_s,
        "argv": list(probed.argv),
        "tool_version": probed.tool_version,
        "machine": dict(probed.machine),
        "samples": [_sample(sample, source) for sample in probed.samples],
    }


def _level(facts: LevelFacts) -> dict[str, Any]:
    return {
        "level": facts.name,
        "answers": facts.asked,
        "failed": facts.failed,
        "cut": facts.cut,
        "empty": facts.empty,
        "reasoning_tokens": facts.tokens,
        "answer_characters": facts.answer_characters,
        "right": facts.right,
        "checked": facts.checked,
        "accuracy": None if facts.accuracy is None else list(facts.accuracy),
        "over_budget": facts.over,
        "applied": list(facts.applied),
    }


def _pair(pair: Pair, seed: int) -> dict[str, Any]:
    interval = pair.interval(seed=seed)
    return {
        "low": pair.low,
        "high": pair.high,
        "ratio": pair.ratio,
        "interval": None if interval is None else [interval.low, interval.high],
        "p_longer": pair.longer,
        "p_shorter": pair.shorter,
        "p_not_equal": pair.equal,
        "prompts": int(pair.differences.size),
    }


def _trend(evidence: Evidence | None) -> dict[str, float] | None:
    if evidence is None or evidence.trend is None:
        return None
    return {"page_l": evidence.trend[0], "p": evidence.trend[1]}


def _twin(evidence: Evidence | None) -> dict[str, Any] | None:
    if evidence is None or not evidence.twin_differences.size:
        return None
    return {
        "level": evidence.twin,
        "ratio": exp(float(evidence.twin_differences.mean())),
        "p": evidence.twin_p_value,
        "prompts": int(evidence.twin_differences.size),
    }


def _control(evidence: Evidence | None) -> dict[str, Any] | None:
    if evidence is None or not evidence.control_differences.size:
        return None
    return {
        "arm": evidence.control,
        "level": evidence.twin,
        "ratio": exp(float(evidence.control_differences.mean())),
        "prompts": int(evidence.control_differences.size),
    }


def _sample(sample: Sample, source: Source | None) -> Mapping[str, Any]:
    cell = sample.cell
    return {
        "number": cell.number,
        "prompt": cell.prompt,
        "draw": cell.draw,
        "arm": cell.arm,
        "seed": cell.seed,
        "failure": sample.failure or None,
        "detail": sample.detail or None,
        "reasoning_tokens": None if source is None else sample.reasoning.get(source),
        "output_tokens": sample.output_tokens,
        "answer_characters": sample.answer_characters,
        "finish_reason": sample.finish_reason,
        "closed": sample.closed,
        "right": sample.right,
        "applied": sample.applied or None,
        "took_s": sample.took_s,
    }
