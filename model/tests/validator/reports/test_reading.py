"""What the JSON form tells comes back as it was."""

import json

import pytest
from repositories.clean import repository
from repositories.editing import Fault, checked
from repositories.faults import ALL
from triphase_model.validator.checking import Result
from triphase_model.validator.findings import Engine, Evidence, Finding, Location, Severity, kind_of_fix
from triphase_model.validator.fixes import Fix, Kind, Refusal, Reheader, RemoveValue, SetValue, WriteText, automatic
from triphase_model.validator.reports.machine import json_report
from triphase_model.validator.reports.reading import result_of
from triphase_model.validator.rule import Unanswered


@pytest.mark.parametrize("fault", ALL, ids=str)
def test_a_result_comes_back_equal(fault: Fault) -> None:
    files = repository(fault.base)
    for change in fault.changes:
        change(files)
    result = checked(files)
    assert result_of(json.loads(json_report(result))) == result


def finding(severity: Severity, fix: Fix | None) -> Finding:
    return Finding(
        rule="X01",
        title="t",
        severity=severity,
        engines=frozenset({Engine.VLLM}),
        message="m \udcff",
        at=Location(file="f", pointer="/a", line=3),
        evidence=(Evidence(witness="w", says="s"),),
        fix=fix,
    )


EDITS = (
    SetValue(file="f", pointer="/a", value={"n": [1, 2.5, 10**30, None, True]}),
    RemoveValue(file="f", pointer="/b"),
    Reheader(file="w", unwrapped="module."),
    Reheader(file="w", format="pt"),
    WriteText(file="g", text="\n"),
)


def test_every_kind_of_edit_comes_back_and_what_was_unanswered_too() -> None:
    fix = automatic(*EDITS, why="y", risk="r", harmful="no")
    result = Result(
        name="n", findings=(finding(Severity.ERROR, fix),), unanswered=(Unanswered(rule="X02", why="it failed"),)
    )
    assert result_of(json.loads(json_report(result))) == result


@pytest.mark.parametrize(
    ("severity", "fix", "kind"),
    [
        (Severity.ERROR, automatic(*EDITS, why="y"), Kind.AUTO),
        (Severity.INFO, automatic(*EDITS, why="y"), Kind.CHOICE),
        (Severity.WARNING, Fix(ways={"one": automatic(why="y").ways["automatic"], "x": Refusal(why="n")}), Kind.CHOICE),
        (Severity.ERROR, Fix(ways={"x": Refusal(why="n")}), Kind.NONE),
        (Severity.ERROR, None, Kind.NONE),
    ],
)
def test_the_kind_of_a_fix_is_what_has_to_be_decided(severity: Severity, fix: Fix | None, kind: Kind) -> None:
    assert kind_of_fix(finding(severity, fix)) is kind
