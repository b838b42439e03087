"""Every rule tells its fault and nothing else of weight; clean repositories have nothing told of weight."""

import pytest
from repositories.clean import repository
from repositories.editing import Fault, checked, weighty
from repositories.families import NAMES, family
from repositories.faults import ALL
from triphase_model.validator.catalog import RULES
from triphase_model.validator.checking import Verdict
from triphase_model.validator.findings import Severity


@pytest.mark.parametrize("base", ["reference", "qwen3"])
def test_clean_repositories_are_clean(base: str) -> None:
    result = checked(repository(base))
    assert (weighty(result), result.unanswered, result.verdict) == (set(), (), Verdict.CLEAN)


def test_a_repository_with_nothing_amiss_passes_every_rule() -> None:
    assert checked(repository("qwen3")).findings == ()


@pytest.mark.parametrize("name", NAMES)
def test_clean_repositories_of_other_families_are_clean(name: str) -> None:
    result = checked(family(name))
    assert [(finding.rule, finding.message) for finding in result.findings if finding.severity != "info"] == []
    assert result.unanswered == ()


@pytest.mark.parametrize("fault", ALL, ids=str)
def test_a_single_fault_is_told_by_its_rule_and_by_no_other(fault: Fault) -> None:
    files = repository(fault.base)
    for change in fault.changes:
        change(files)
    result = checked(files)
    assert fault.rule in {finding.rule for finding in result.findings}
    assert weighty(result) <= {fault.rule, *fault.also}
    assert result.unanswered == ()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_has_a_fault_that_it_tells(rule: object) -> None:
    told_elsewhere = {"S04", "S05"}  # links: test_source.py
    assert {rule.code} <= {fault.rule for fault in ALL} | told_elsewhere  # type: ignore[attr-defined]


def test_severities_are_those_of_the_rules_unless_a_finding_says_otherwise() -> None:
    files = repository("qwen3")
    del files["chat_template.jinja"]
    finding = next(finding for finding in checked(files).findings if finding.rule == "C01")
    assert finding.severity is Severity.ERROR
