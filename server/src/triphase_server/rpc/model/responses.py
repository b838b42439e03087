"""Values to wire: the result of a check as a `ValidateModelConfigResponse`.

Rule: one table for each enumeration. Texts of a repository may hold what UTF-8 cannot; that is replaced. The inverse is
the client's.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Final, assert_never

from triphase.model.v1 import (
    Counts,
    Edit,
    Evidence,
    Finding,
    Fix,
    Location,
    Refusal,
    Reheader,
    Remedy,
    RemoveValue,
    SetValue,
    Unanswered,
    ValidateModelConfigResponse,
    Way,
    model_config_service_pb2,
)
from triphase_model.validator import findings, fixes
from triphase_model.validator.checking import Result, Verdict
from triphase_model.validator.findings import Severity

from triphase_server.rpc.model.requests import ENGINES

_VERDICTS: Final[Mapping[Verdict, "model_config_service_pb2.Verdict.ValueType"]] = {
    Verdict.CLEAN: model_config_service_pb2.VERDICT_CLEAN,
    Verdict.WARNINGS: model_config_service_pb2.VERDICT_WARNINGS,
    Verdict.ERRORS: model_config_service_pb2.VERDICT_ERRORS,
    Verdict.UNANSWERED: model_config_service_pb2.VERDICT_UNANSWERED,
}
_SEVERITIES: Final[Mapping[Severity, "model_config_service_pb2.Severity.ValueType"]] = {
    Severity.INFO: model_config_service_pb2.SEVERITY_INFO,
    Severity.WARNING: model_config_service_pb2.SEVERITY_WARNING,
    Severity.ERROR: model_config_service_pb2.SEVERITY_ERROR,
}
_KINDS: Final[Mapping[fixes.Kind, "model_config_service_pb2.FixKind.ValueType"]] = {
    fixes.Kind.AUTO: model_config_service_pb2.FIX_KIND_AUTO,
    fixes.Kind.CHOICE: model_config_service_pb2.FIX_KIND_CHOICE,
    fixes.Kind.NONE: model_config_service_pb2.FIX_KIND_NONE,
}
# How a witness that is a file, or a value in one, is written.
_FILE: Final = re.compile(r"(\S+\.(?:json|jinja|model|safetensors|md|gguf|bin|tiktoken|txt|py))(?: (/.*))?", re.DOTALL)


def to_response(result: Result) -> ValidateModelConfigResponse:
    """Returns the message of a result."""
    counted = Counter(finding.severity for finding in result.findings)
    counts = Counts(
        errors=counted[Severity.ERROR],
        warnings=counted[Severity.WARNING],
        infos=counted[Severity.INFO],
        unanswered=len(result.unanswered),
    )
    return ValidateModelConfigResponse(
        verdict=_VERDICTS[result.verdict],
        findings=[_finding(finding) for finding in result.findings],
        unanswered=[Unanswered(rule=_text(one.rule), why=_text(one.why)) for one in result.unanswered],
        counts=counts,
    )


def _finding(finding: findings.Finding) -> Finding:
    at = finding.at
    return Finding(
        rule=finding.rule,
        title=finding.title,
        severity=_SEVERITIES[finding.severity],
        engines=sorted(ENGINES[engine] for engine in finding.engines),
        message=_text(finding.message),
        location=Location(file=_text(at.file), pointer=_text(at.pointer), line=at.line or 0),
        evidence=[_evidence(evidence) for evidence in finding.evidence],
        fix=_fix(finding),
    )


def _evidence(evidence: findings.Evidence) -> Evidence:
    found = _FILE.fullmatch(evidence.witness)
    file, pointer = (found[1], found[2] or "") if found else ("", "")
    return Evidence(
        witness=_text(evidence.witness), says=_text(evidence.says), file=_text(file), pointer=_text(pointer)
    )


def _fix(finding: findings.Finding) -> Fix:
    ways = finding.fix.ways if finding.fix else {}
    return Fix(kind=_KINDS[findings.kind_of_fix(finding)], ways=[_way(name, way) for name, way in ways.items()])


def _way(name: str, way: fixes.Remedy | fixes.Refusal) -> Way:
    match way:
        case fixes.Remedy():
            edits = [_edit(edit) for edit in way.edits]
            return Way(name=name, remedy=Remedy(why=_text(way.why), risk=_text(way.risk), edits=edits))
        case fixes.Refusal():
            return Way(name=name, refusal=Refusal(why=_text(way.why)))
        case _:
            assert_never(way)


def _edit(edit: fixes.Edit) -> Edit:
    file = _text(edit.file)
    match edit:
        case fixes.SetValue():
            value = SetValue(pointer=_text(edit.pointer), value_json=json.dumps(edit.value))
            return Edit(file=file, set_value=value)
        case fixes.RemoveValue():
            return Edit(file=file, remove_value=RemoveValue(pointer=_text(edit.pointer)))
        case fixes.WriteText():
            return Edit(file=file, text=_text(edit.text))
        case fixes.Reheader():
            reheader = Reheader(unwrapped=_text(edit.unwrapped), format=_text(edit.format or ""))
            return Edit(file=file, reheader=reheader)
        case _:
            assert_never(edit)


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
