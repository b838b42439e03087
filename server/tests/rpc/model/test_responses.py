"""What a result is on the wire, and that the client makes the same result of it."""

import json
from typing import Any

import pytest
from repositories.clean import repository
from repositories.editing import Fault, checked
from repositories.faults import ALL
from triphase.model.v1 import ValidateModelConfigResponse, model_config_service_pb2
from triphase_client.cli.validating.told import result_of
from triphase_model.validator.checking import Result, Verdict
from triphase_model.validator.findings import Engine, Evidence, Finding, Location, Severity
from triphase_model.validator.fixes import Reheader, RemoveValue, SetValue, WriteText, automatic
from triphase_model.validator.rule import Unanswered
from triphase_server.rpc.model.responses import to_response

EDITS = (
    SetValue(file="f", pointer="/a", value={"n": [1, 2.5, 10**30, None, True]}),
    RemoveValue(file="f", pointer="/b"),
    Reheader(file="w", unwrapped="module."),
    Reheader(file="w", format="pt"),
    WriteText(file="g", text="\n"),
)


def finding(severity: Severity = Severity.ERROR, **fields: Any) -> Finding:
    given: dict[str, Any] = {
        "rule": "X01",
        "title": "t",
        "severity": severity,
        "engines": frozenset({Engine.TGI, Engine.VLLM}),
        "message": "m",
        "at": Location(file="f"),
        "evidence": (),
        "fix": None,
    }
    return Finding(**given | fields)


def result(*findings: Finding, unanswered: int = 0) -> Result:
    return Result(name="m", findings=findings, unanswered=(Unanswered(rule="X02", why="it failed"),) * unanswered)


@pytest.mark.parametrize("fault", ALL, ids=str)
def test_what_leaves_here_is_the_same_at_the_client(fault: Fault) -> None:
    files = repository(fault.base)
    for change in fault.changes:
        change(files)
    found = checked(files)
    sent = to_response(found).SerializeToString()
    assert result_of(ValidateModelConfigResponse.FromString(sent), name=found.name) == found


def test_every_kind_of_edit_keeps_its_value() -> None:
    found = result(finding(fix=automatic(*EDITS, why="y", risk="r", harmful="no")), unanswered=1)
    response = to_response(found)
    edits = response.findings[0].fix.ways[0].remedy.edits
    assert [edit.WhichOneof("change") for edit in edits] == [
        "set_value",
        "remove_value",
        "reheader",
        "reheader",
        "text",
    ]
    assert json.loads(edits[0].set_value.value_json) == EDITS[0].value
    assert response.findings[0].fix.kind == model_config_service_pb2.FIX_KIND_AUTO
    assert result_of(response, name="m") == found


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (result(), model_config_service_pb2.VERDICT_CLEAN),
        (result(finding(Severity.INFO)), model_config_service_pb2.VERDICT_CLEAN),
        (result(finding(Severity.WARNING)), model_config_service_pb2.VERDICT_WARNINGS),
        (result(finding(Severity.WARNING), unanswered=2), model_config_service_pb2.VERDICT_UNANSWERED),
        (result(finding(), unanswered=1), model_config_service_pb2.VERDICT_ERRORS),
    ],
)
def test_the_verdict_is_that_of_the_check(found: Result, verdict: int) -> None:
    response = to_response(found)
    assert response.verdict == verdict
    assert response.counts.unanswered == len(found.unanswered)
    assert len(Verdict) == len(model_config_service_pb2.Verdict.values()) - 1


def test_findings_are_counted_by_severity() -> None:
    counts = to_response(result(finding(), finding(Severity.INFO), finding(Severity.INFO))).counts
    assert (counts.errors, counts.warnings, counts.infos, counts.unanswered) == (1, 0, 2, 0)


@pytest.mark.parametrize(
    ("witness", "file", "pointer"),
    [
        ("tokenizer_config.json /pad_token", "tokenizer_config.json", "/pad_token"),
        ("config.json /a/b c~1d", "config.json", "/a/b c~1d"),
        ("chat_template.jinja", "chat_template.jinja", ""),
        ("original/params.json", "original/params.json", ""),
        ("model.embed_tokens.weight", "", ""),
        ("the tokenizer", "", ""),
        ("rendering tools", "", ""),
    ],
)
def test_a_witness_that_is_a_file_is_told_as_one(witness: str, file: str, pointer: str) -> None:
    evidence = to_response(result(finding(evidence=(Evidence(witness=witness, says="s"),)))).findings[0].evidence[0]
    assert (evidence.witness, evidence.file, evidence.pointer) == (witness, file, pointer)


def test_what_no_utf_8_can_hold_is_replaced() -> None:
    message = to_response(result(finding(message="a\udcffb"))).findings[0].message
    assert message == "a?b"


def test_what_a_newer_gateway_says_is_told_as_far_as_it_is_known() -> None:
    response = to_response(result(finding(Severity.INFO, fix=automatic(*EDITS, why="y"))))
    told = response.findings[0]
    told.engines.append(99)  # type: ignore[arg-type]
    told.fix.ways.add(name="new")
    told.fix.ways[0].remedy.edits.add(file="new")
    assert result_of(response, name="m") == result(finding(Severity.INFO, fix=automatic(*EDITS, why="y")))
    told.severity = 99  # type: ignore[assignment]
    assert result_of(response, name="m").verdict is Verdict.ERRORS
