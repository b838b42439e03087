"""One check of a repository: reads it, has its templates rendered, applies the rules, and says how it ended.

Rule: errors decide before what could not be answered, that before warnings, and what is only worth knowing decides
nothing. This is the one way in for the command line and for whoever embeds the validator; it blocks, and starts a
process for each template. How results are printed is `reports/`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, TypeAlias

from triphase_model.validator.catalog import RULES
from triphase_model.validator.findings import EVERY_ENGINE, Engine, Finding, Severity
from triphase_model.validator.rendering.asking import render
from triphase_model.validator.rendering.results import Rendering
from triphase_model.validator.repository import Repository, read_repository
from triphase_model.validator.rule import Rule, Unanswered, apply
from triphase_model.validator.source import Source
from triphase_model.validator.vocabulary import NAMED

# Has a template rendered, with the texts of the special tokens by name.
Renderer: TypeAlias = Callable[[str, Mapping[str, str]], Rendering]

_MOST_TEMPLATES: Final = 8
_RENDERING: Final = "rendering"


class Verdict(IntEnum):
    """How a check ended; the numbers are the exit codes of `triphase-model check`."""

    CLEAN = 0
    WARNINGS = 10
    ERRORS = 20
    UNANSWERED = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is asked: rules by prefixes of their codes, and the engines that matter."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    engines: frozenset[Engine] = EVERY_ENGINE

    def rules(self) -> list[Rule]:
        """The rules that are asked for."""
        wanted = (rule for rule in RULES if not self.select or rule.code.startswith(self.select))
        return [rule for rule in wanted if not (self.ignore and rule.code.startswith(self.ignore))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a check found, the worst first."""

    name: str
    findings: tuple[Finding, ...]
    unanswered: tuple[Unanswered, ...]

    @property
    def verdict(self) -> Verdict:
        """How it ended."""
        severities = {finding.severity for finding in self.findings}
        ways = (
            (Severity.ERROR in severities, Verdict.ERRORS),
            (bool(self.unanswered), Verdict.UNANSWERED),
            (Severity.WARNING in severities, Verdict.WARNINGS),
        )
        return next((verdict for holds, verdict in ways if holds), Verdict.CLEAN)


def check(source: Source, selection: Selection | None = None, *, renderer: Renderer = render) -> Result:
    """Checks the files of a repository; `renderer` stands in for a new process for each template."""
    asked = selection or Selection()
    repository = with_renderings(read_repository(source), renderer)
    findings, unanswered = apply(asked.rules(), repository)
    unanswered += [
        Unanswered(rule=_RENDERING, why=f"{name}: {made.lost}")
        for name, made in repository.renderings.items()
        if made.lost is not None
    ]
    told = [told for finding in findings if (told := _for_engines(finding, asked.engines))]
    return Result(name=source.name, findings=tuple(sorted(told, key=_worst_first)), unanswered=tuple(unanswered))


def with_renderings(repository: Repository, renderer: Renderer = render) -> Repository:
    """The repository with each of its templates rendered; empty ones have nothing to render."""
    vocabulary = repository.vocabulary
    tokens = {key: text for key in NAMED if (text := vocabulary.named(key).text) is not None}
    templates = [template for template in repository.templates if template.text.strip()][:_MOST_TEMPLATES]
    return replace(repository, renderings={one.name: renderer(one.text, tokens) for one in templates})


def _for_engines(finding: Finding, engines: frozenset[Engine]) -> Finding | None:
    """The finding as far as it concerns some engines; None where it concerns none of them."""
    left = finding.engines & engines
    return replace(finding, engines=left) if left else None


_ORDER: Final[Sequence[Severity]] = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def _worst_first(finding: Finding) -> tuple[int, str, str, str]:
    return _ORDER.index(finding.severity), finding.rule, finding.at.file, finding.at.pointer
