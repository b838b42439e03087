"""A result for programs: our own JSON, SARIF 2.1.0, and the workflow commands of GitHub.

Rule: the JSON form has every member of every finding and is what other tools should read; the others hold what their
readers show. SARIF: https://docs.oasis-open.org/sarif/sarif/v2.1.0/; the commands: GitHub's "Workflow commands".
"""

import json
import urllib.parse
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final, assert_never

from triphase_model.validator.checking import Result
from triphase_model.validator.findings import Finding, Location, Severity
from triphase_model.validator.fixes import Edit, Fix, Refusal, Reheader, Remedy, RemoveValue, SetValue, WriteText
from triphase_model.validator.mending import Mended, Step
from triphase_model.validator.reports.text import harmless

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final[Mapping[Severity, str]] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}
_COMMANDS: Final[Mapping[Severity, str]] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "notice",
}


def json_report(result: Result) -> str:
    """The whole result as one JSON object."""
    return json.dumps(_result(result), indent=2, ensure_ascii=True)


def mended_json_report(mended: Mended) -> str:
    """What was tried, which files are other ones now, what a copy lacks, and the result of the check after it."""
    source = mended.source
    whole = {
        "steps": [_step(step) for step in mended.steps],
        "files": sorted(mended.files),
        "headers": sorted(mended.headers),
        "left_out": {"unseen": source.unseen, "escaping": source.escaping, "irregular": source.odd},
        "after": _result(mended.after),
    }
    return json.dumps(whole, indent=2, ensure_ascii=True)


def _step(step: Step) -> dict[str, Any]:
    return {
        "rule": step.finding.rule,
        "title": step.finding.title,
        "location": _location(step.finding.at),
        "way": step.way,
        **_way(step.remedy),
        "taken_back": step.taken_back,
    }


def _result(result: Result) -> dict[str, Any]:
    return {
        "name": result.name,
        "verdict": result.verdict.name.lower(),
        "findings": [_finding(finding) for finding in result.findings],
        "unanswered": [{"rule": one.rule, "why": one.why} for one in result.unanswered],
    }


def _location(at: Location) -> dict[str, Any]:
    return {"file": at.file, "pointer": at.pointer, "line": at.line}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "title": finding.title,
        "severity": finding.severity,
        "engines": sorted(finding.engines),
        "message": finding.message,
        "location": _location(finding.at),
        "evidence": [{"witness": evidence.witness, "says": evidence.says} for evidence in finding.evidence],
        "ways": _ways(finding.fix),
    }


def _ways(fix: Fix | None) -> dict[str, Any]:
    return {name: _way(way) for name, way in (fix.ways if fix else {}).items()}


def _way(way: Remedy | Refusal) -> dict[str, Any]:
    match way:
        case Remedy():
            return {"why": way.why, "risk": way.risk, "edits": [_edit(edit) for edit in way.edits]}
        case Refusal():
            return {"refused": way.why}
        case _:
            assert_never(way)


def _edit(edit: Edit) -> dict[str, Any]:
    """An edit of a JSON file as an operation of RFC 6902, with the file; of a text as its whole; of weights by name."""
    match edit:
        case SetValue():
            return {"file": edit.file, "op": "add", "path": edit.pointer, "value": edit.value}
        case RemoveValue():
            return {"file": edit.file, "op": "remove", "path": edit.pointer}
        case WriteText():
            return {"file": edit.file, "text": edit.text}
        case Reheader():
            return {"file": edit.file, "header": {"unwrapped": edit.unwrapped, "format": edit.format}}
        case _:
            assert_never(edit)


def sarif_report(result: Result) -> str:
    """One run of SARIF."""
    told = {finding.rule: finding for finding in result.findings}
    rules = [
        {"id": code, "shortDescription": {"text": told[code].title}, "name": _camel(told[code].title)}
        for code in sorted(told)
    ]
    driver = {"name": "triphase-model", "version": version("triphase-model"), "rules": rules}
    notes = [{"level": "error", "message": {"text": f"{one.rule}: {one.why}"}} for one in result.unanswered]
    run = {
        "tool": {"driver": driver},
        "results": [_sarif_result(finding) for finding in result.findings],
        "invocations": [{"executionSuccessful": not notes, "toolExecutionNotifications": notes}],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=True)


def _camel(title: str) -> str:
    return "".join(word.capitalize() for word in title.replace("-", " ").replace("'", "").split())


def _sarif_result(finding: Finding) -> dict[str, Any]:
    region = {"region": {"startLine": finding.at.line}} if finding.at.line is not None else {}
    # A URI reference (RFC 3986): names hold spaces and more.
    uri = urllib.parse.quote(finding.at.file, errors="surrogatepass")
    place: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": uri}} | region}
    if finding.at.pointer:
        place["logicalLocations"] = [{"fullyQualifiedName": finding.at.pointer, "kind": "member"}]
    lines = [finding.message, *(f"{evidence.witness}: {evidence.says}" for evidence in finding.evidence)]
    return {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": "\n".join(lines)},
        "locations": [place],
    }


def github_report(result: Result) -> str:
    """A workflow command for each finding."""
    lines = [_command(finding) for finding in result.findings]
    lines += [f"::error title={_property(one.rule)}::{_data(one.why)}" for one in result.unanswered]
    return "\n".join(lines)


def _command(finding: Finding) -> str:
    line = f",line={finding.at.line}" if finding.at.line is not None else ""
    place, title = _property(finding.at.file), _property(f"{finding.rule} {finding.title}")
    return f"::{_COMMANDS[finding.severity]} file={place}{line},title={title}::{_data(finding.message)}"


def _data(text: str) -> str:
    # The escapes of the runner itself; whatever else could begin a line of its own is shown.
    return harmless(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
