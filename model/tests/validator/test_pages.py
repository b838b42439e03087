"""The pages and the table of rules say the same, and every part of a page is there."""

import re
from importlib.resources import files

import pytest
from triphase_model.validator.catalog import FAMILIES, RULES
from triphase_model.validator.explaining import explanation, heading, summary
from triphase_model.validator.rule import Rule

PAGES = files("triphase_model.validator") / "pages"
PARTS = ["Finds", "Bad because", "Example", "Mend", "Source"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_has_its_part_of_a_page_with_its_title_and_severity(rule: Rule) -> None:
    lines = explanation(rule).splitlines()
    assert (lines[0], lines[2]) == (f"## {heading(rule)}", summary(rule))
    assert re.findall(r"^\*\*(.+?):\*\* \S", explanation(rule), re.MULTILINE) == PARTS


@pytest.mark.parametrize("family", FAMILIES)
def test_a_page_has_no_part_without_a_rule(family: str) -> None:
    name, rules = FAMILIES[family]
    headings = re.findall(r"^## (.+)$", (PAGES / f"{name}.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == [heading(rule) for rule in rules]


def test_codes_are_given_once_and_begin_with_their_family() -> None:
    codes = [rule.code for rule in RULES]
    assert len(set(codes)) == len(codes) > 110
    assert all(re.fullmatch(rf"{family}\d\d", rule.code) for family, (_, rules) in FAMILIES.items() for rule in rules)


def test_every_page_belongs_to_a_family() -> None:
    assert sorted(page.name for page in PAGES.iterdir()) == sorted(f"{name}.md" for name, _ in FAMILIES.values())
