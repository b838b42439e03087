"""What is known of each rule: its part of a page in `pages/`, one page for each family.

Rule: the pages are the one place where rules are explained, for readers of the repository and of `triphase-model
explain` alike. A part begins with a heading of code and title, and ends where the next one begins.
"""

from importlib.resources import files

from triphase_model.validator.catalog import FAMILIES
from triphase_model.validator.findings import EVERY_ENGINE
from triphase_model.validator.rule import Rule


def page_of(rule: Rule) -> str:
    """The page of the rule's family, as Markdown."""
    name, _ = FAMILIES[rule.code[0]]
    return (files("triphase_model.validator") / "pages" / f"{name}.md").read_text(encoding="utf-8")


def explanation(rule: Rule) -> str:
    """The rule's own part of it, with its heading."""
    parts = page_of(rule).split("\n## ")
    own = next((part for part in parts[1:] if part.startswith(f"{rule.code} ")), None)
    return f"## {own or heading(rule)}".strip() + "\n"


def summary(rule: Rule) -> str:
    """The line below the heading: severity and engines."""
    engines = "every engine" if rule.engines == EVERY_ENGINE else ", ".join(sorted(rule.engines))
    return f"*{rule.severity}, {engines}*"


def heading(rule: Rule) -> str:
    """The text of the heading of a rule."""
    return f"{rule.code} {rule.title}"
