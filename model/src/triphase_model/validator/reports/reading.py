"""A result out of its JSON form: the inverse of `json_report` in `machine.py`, for a check that was made elsewhere.

Rule: what `json_report` wrote comes back equal. The input is trusted to be that; anything else is a KeyError,
ValueError or TypeError.
"""

from collections.abc import Mapping
from typing import Any

from triphase_model.validator.checking import Result
from triphase_model.validator.findings import Engine, Evidence, Finding, Location, Severity
from triphase_model.validator.fixes import Edit, Fix, Refusal, Reheader, Remedy, RemoveValue, SetValue, WriteText
from triphase_model.validator.rule import Unanswered


def result_of(report: Mapping[str, Any]) -> Result:
    """Returns the result of which this is the JSON form, parsed. The verdict follows from the findings."""
    return Result(
        name=report["name"],
        findings=tuple(_finding(finding) for finding in report["findings"]),
        unanswered=tuple(Unanswered(rule=one["rule"], why=one["why"]) for one in report["unanswered"]),
    )


def _finding(told: Mapping[str, Any]) -> Finding:
    return Finding(
        rule=told["rule"],
        title=told["title"],
        severity=Severity(told["severity"]),
        engines=frozenset(map(Engine, told["engines"])),
        message=told["message"],
        at=Location(**told["location"]),
        evidence=tuple(Evidence(**evidence) for evidence in told["evidence"]),
        fix=Fix(ways={name: _way(way) for name, way in told["ways"].items()}) if told["ways"] else None,
    )


def _way(told: Mapping[str, Any]) -> Remedy | Refusal:
    if "refused" in told:
        return Refusal(why=told["refused"])
    return Remedy(why=told["why"], risk=told["risk"], edits=tuple(_edit(edit) for edit in told["edits"]))


def _edit(told: Mapping[str, Any]) -> Edit:
    if "header" in told:
        return Reheader(file=told["file"], **told["header"])
    match told.get("op"):
        case "add":
            return SetValue(file=told["file"], pointer=told["path"], value=told["value"])
        case "remove":
            return RemoveValue(file=told["file"], pointer=told["path"])
        case _:
            return WriteText(file=told["file"], text=told["text"])
