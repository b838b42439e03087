"""What is wrong in the model repositories that a configuration names, for `triphase-server check` alone.

Rule: told as problems of the keys that name them, each repository once. Errors, and what could not be evaluated, are
errors here; what is only worth knowing is left to `triphase-model check`. Serving never looks at a repository.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from triphase_model.validator.checking import Result, check
from triphase_model.validator.findings import Finding, Severity, is_weighty
from triphase_model.validator.reports.text import harmless, placed
from triphase_model.validator.source import NotARepository, Source

from triphase_server.config import GatewayConfig, Problem, problem_at


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryProblem:
    """One problem, and whether it is more than a warning."""

    problem: Problem
    is_error: bool


def repository_problems(config: GatewayConfig, *, file: Path) -> Iterator[RepositoryProblem]:
    """Yields what is wrong, deployment after deployment; `file` is where `config` was read. Takes seconds for each."""
    told: set[str] = set()
    for name, deployment in config.deployments.items():
        if not deployment.repository or deployment.repository in told:
            continue
        told.add(deployment.repository)
        for message, is_error in _messages(Path(deployment.repository)):
            problem = problem_at(file, ("deployments", name, "repository"), message=message)
            yield RepositoryProblem(problem=problem, is_error=is_error)


def _messages(folder: Path) -> Iterator[tuple[str, bool]]:
    try:
        result = check(Source.of_folder(folder))
    except NotARepository as error:
        yield f"expected a model repository; {harmless(str(error))}", True
        return
    yield from _told(result)


def _told(result: Result) -> Iterator[tuple[str, bool]]:
    for finding in filter(is_weighty, result.findings):
        yield _sentence(finding), finding.severity is Severity.ERROR
    for one in result.unanswered:
        yield f"{one.rule} could not be evaluated: {harmless(one.why)}", True


def _sentence(finding: Finding) -> str:
    return f"{finding.rule} {finding.title}: {harmless(finding.message)} (at {placed(finding.at)})"
