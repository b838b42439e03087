"""What a rule is, and how one is applied: a check is a pure function of what was read, and its problems are findings.

Rule: a check that lacks what would tell says so, and its rule is unanswered; one that fails is a defect of ours, which
does the same and never ends a run. The table of all rules is `catalog.py`, the checks are `rules/`, one file for each
family, and the texts about them `pages/`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from triphase_model.validator.findings import EVERY_ENGINE, Engine, Finding, Problem, Severity
from triphase_model.validator.repository import Repository

Check: TypeAlias = Callable[[Repository], Iterable[Problem]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. The letter of its code is its family, and its page has the same code and title."""

    code: str
    title: str
    severity: Severity
    check: Check
    engines: frozenset[Engine] = EVERY_ENGINE


class CannotTell(Exception):
    """What a check needs was not given to it; the message is for whoever asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A rule that could not be evaluated, and why."""

    rule: str
    why: str


def apply(rules: Sequence[Rule], repository: Repository) -> tuple[list[Finding], list[Unanswered]]:
    """All findings of some rules, in the order of the rules, and those rules that failed."""
    findings: list[Finding] = []
    unanswered: list[Unanswered] = []
    for rule in rules:
        try:
            findings += [_finding(rule, problem) for problem in rule.check(repository)]
        except CannotTell as error:
            unanswered.append(Unanswered(rule=rule.code, why=str(error)))
        except Exception as error:  # see the rule of this file
            unanswered.append(
                Unanswered(rule=rule.code, why=f"its check failed: {type(error).__name__}: {_said(error)}")
            )
    return findings, unanswered


def _said(error: Exception) -> str:
    """What an error says, but for the place of a file, which is nobody's business who asked over a network."""
    return error.strerror or "" if isinstance(error, OSError) else str(error)


def _finding(rule: Rule, problem: Problem) -> Finding:
    return Finding(
        rule=rule.code,
        title=rule.title,
        severity=problem.severity or rule.severity,
        engines=problem.engines if problem.engines is not None else rule.engines,
        message=problem.message,
        at=problem.at,
        evidence=problem.evidence,
        fix=problem.fix,
    )
