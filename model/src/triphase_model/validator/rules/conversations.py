"""Family C again: what of a conversation a template takes, and what it needs of whoever serves it.

Rule: what a healthy template merely cannot do is worth knowing and no more, since a gateway or engine can make up for
it; what it silently leaves out of a conversation is worse. What breaks a template is `template.py`.
"""

from collections.abc import Callable, Iterator
from typing import Final

from triphase_model.validator.findings import Engine, Problem, Severity
from triphase_model.validator.rendering import probes
from triphase_model.validator.rendering.results import Seen
from triphase_model.validator.repository import Repository
from triphase_model.validator.rule import Check, Rule
from triphase_model.validator.rules.template import THOUGHTS, TOLD_ELSEWHERE, loses, shown, used_template

_NOT_ALL: Final = frozenset({Engine.TGI, Engine.LLAMA_CPP, Engine.FRIENDLI})


def _cannot(probe: str, what: str) -> Check:
    """A check that a conversation renders at all, where the simplest one does."""

    def check(repository: Repository) -> Iterator[Problem]:
        used = used_template(repository)
        failed = used[1].failed(probe) if used and used[1].text("user") is not None else None
        if used and failed and failed.failure not in TOLD_ELSEWHERE:
            message = f"the template does not take {what}: {failed.detail}"
            yield Problem(message=message, at=used[0].at)

    return check


def _cannot_or_loses(probe: str, word: str, what: str) -> Check:
    """Both of the above, for what few templates can do."""
    fails, drops = _cannot(probe, what), loses(probe, word, f"the template leaves out {what}")

    def check(repository: Repository) -> Iterator[Problem]:
        yield from fails(repository)
        yield from drops(repository)

    return check


def _sees(what: Seen, message: str) -> Check:
    """A check for things in the source that not every engine understands."""

    def check(repository: Repository) -> Iterator[Problem]:
        used = used_template(repository)
        sight = next((sight for sight in used[1].seen if sight.what is what), None) if used else None
        if used and sight:
            yield Problem(message=message, at=used[0].at)

    return check


def _thinking(begins: Callable[[str, str, str], bool], message: str) -> Check:
    """A check for thoughts that the prompt itself opens or closes."""

    def check(repository: Repository) -> Iterator[Problem]:
        used = used_template(repository)
        text = used[1].text("user") if used else None
        tail = text.rpartition(probes.USER)[2] if text is not None and probes.USER in text else ""
        found = next((pair for pair in THOUGHTS if begins(tail, *pair)), None)
        if used and found:
            yield Problem(message=f"{message} {found[0]}", at=used[0].at, evidence=(shown("one user message", tail),))

    return check


def _opens(tail: str, opening: str, closing: str) -> bool:
    return tail.rfind(opening) > tail.rfind(closing)


def _closes(tail: str, opening: str, closing: str) -> bool:
    return closing in tail and not _opens(tail, opening, closing)


RULES: Final = (
    Rule(code="C17", title="System messages are dropped", severity=Severity.WARNING,
         check=loses("system", probes.SYSTEM, "the template leaves out the system message")),
    Rule(code="C18", title="System messages are refused", severity=Severity.INFO,
         check=_cannot("system", "a system message")),
    Rule(code="C19", title="No developer messages", severity=Severity.INFO,
         check=_cannot_or_loses("developer", probes.DEVELOPER, "a developer message")),
    Rule(code="C20", title="Users must not speak twice", severity=Severity.INFO,
         check=_cannot("users_in_a_row", "two user messages in a row")),
    Rule(code="C21", title="No later system messages", severity=Severity.INFO,
         check=_cannot_or_loses("late_system", probes.SYSTEM, "a later system message")),
    Rule(code="C22", title="No content in parts", severity=Severity.INFO,
         check=_cannot_or_loses("parts", probes.USER, "content in parts")),
    Rule(code="C23", title="No tools", severity=Severity.INFO,
         check=_cannot_or_loses("tools", probes.TOOL, "tools")),
    Rule(code="C24", title="No tool results", severity=Severity.INFO,
         check=_cannot_or_loses("tool_result", probes.RESULT, "results of tools")),
    Rule(code="C25", title="No empty content beside tool calls", severity=Severity.INFO,
         check=_cannot("null_content", "null as content beside tool calls")),
    Rule(code="C26", title="The prompt opens the thoughts", severity=Severity.INFO,
         check=_thinking(_opens, "thoughts begin in the prompt, not in the answer:")),
    Rule(code="C27", title="The prompt closes the thoughts", severity=Severity.INFO,
         check=_thinking(_closes, "by default the prompt says that thinking is over:")),
    Rule(code="C28", title="The template reads the date", severity=Severity.INFO,
         check=_sees(Seen.DATE, "prompts change with the date: caches of prompts are worth less")),
    Rule(code="C29", title="A statement that few engines know", severity=Severity.INFO, engines=_NOT_ALL,
         check=_sees(Seen.GENERATION, "{% generation %} is a statement that not every engine understands")),
)  # fmt: skip
