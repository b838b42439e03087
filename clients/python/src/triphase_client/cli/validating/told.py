"""What was found: a response as the result that the reports of `triphase-model` take.

Rule: what this version does not know is passed over, but for a severity, which then counts as an error: nothing that a
gateway finds may be told as less than it is.
"""

import json
from collections.abc import Mapping
from typing import Final

from triphase.model.v1 import Edit, Finding, Way, model_config_service_pb2
from triphase.model.v1 import ValidateModelConfigResponse as Response
from triphase_model.validator import findings, fixes
from triphase_model.validator.checking import Result
from triphase_model.validator.findings import Severity
from triphase_model.validator.reports.forms import Form, report
from triphase_model.validator.rule import Unanswered

from triphase_client.cli.validating.engines import ENGINES

_SEVERITIES: Final[Mapping[int, Severity]] = {
    model_config_service_pb2.SEVERITY_INFO: Severity.INFO,
    model_config_service_pb2.SEVERITY_WARNING: Severity.WARNING,
}


def result_of(response: Response, *, name: str) -> Result:
    """Returns the result; `name` is the repository's."""
    return Result(
        name=name,
        findings=tuple(_finding(finding) for finding in response.findings),
        unanswered=tuple(Unanswered(rule=one.rule, why=one.why) for one in response.unanswered),
    )


def reported(result: Result, form: str) -> str:
    """Returns the report in a form by its name."""
    return report(result, Form(form))


def _finding(told: Finding) -> findings.Finding:
    at = told.location
    ways = {way.name: made for way in told.fix.ways if (made := _way(way))}
    return findings.Finding(
        rule=told.rule,
        title=told.title,
        severity=_SEVERITIES.get(told.severity, Severity.ERROR),
        engines=frozenset(engine for engine, number in ENGINES.items() if number in told.engines),
        message=told.message,
        at=findings.Location(file=at.file, pointer=at.pointer, line=at.line or None),
        evidence=tuple(findings.Evidence(witness=one.witness, says=one.says) for one in told.evidence),
        fix=fixes.Fix(ways=ways) if ways else None,
    )


def _way(told: Way) -> fixes.Remedy | fixes.Refusal | None:
    match told.WhichOneof("outcome"):
        case "remedy":
            edits = tuple(made for edit in told.remedy.edits if (made := _edit(edit)))
            return fixes.Remedy(why=told.remedy.why, risk=told.remedy.risk, edits=edits)
        case "refusal":
            return fixes.Refusal(why=told.refusal.why)
        case _:
            return None


def _edit(told: Edit) -> fixes.Edit | None:
    match told.WhichOneof("change"):
        case "set_value":
            try:
                value = json.loads(told.set_value.value_json)
            except ValueError:  # no way that we could tell
                return None
            return fixes.SetValue(file=told.file, pointer=told.set_value.pointer, value=value)
        case "remove_value":
            return fixes.RemoveValue(file=told.file, pointer=told.remove_value.pointer)
        case "text":
            return fixes.WriteText(file=told.file, text=told.text)
        case "reheader":
            unwrapped, stated = told.reheader.unwrapped, told.reheader.format or None
            return fixes.Reheader(file=told.file, unwrapped=unwrapped, format=stated)
        case _:
            return None
