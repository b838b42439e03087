"""The child process that renders one template: reads it and its probes from standard input, answers a line for each.

Rule: limits come first and can only be lowered: memory, processor time, files. jinja2's sandbox keeps a template from
reaching Python, but not from filling memory or never ending, so nothing here may run in a process that matters. The
parent is `asking.py`, the environment `environment.py`. Run as `python -m triphase_model.validator.rendering.child`.
"""

import json
import re
import resource
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import jinja2
import jinja2.meta
from jinja2.exceptions import (
    SecurityError,
    TemplateAssertionError,
    TemplateRuntimeError,
    TemplateSyntaxError,
    UndefinedError,
)

from triphase_model.validator.rendering.environment import RaisedByTemplate, hugging_face_environment
from triphase_model.validator.rendering.literals import mined
from triphase_model.validator.rendering.results import Failure, Seen
from triphase_model.validator.rendering.screen import screened

MEMORY_BYTES: Final = 512 << 20
PROCESSOR_S: Final = 2
_MOST_CHARACTERS: Final = 1_000_000
_LONGEST_DETAIL: Final = 300
_GENERATION: Final = re.compile(r"\{%-?\s*generation\b")

# The first that fits says what went wrong; RaisedByTemplate before its own base.
_FAILURES: Final[tuple[tuple[type[BaseException], Failure], ...]] = (
    (RaisedByTemplate, Failure.RAISED),
    (SecurityError, Failure.BLOCKED),
    (UndefinedError, Failure.UNDEFINED),
    (TemplateAssertionError, Failure.UNKNOWN_NAME),
    (TemplateSyntaxError, Failure.SYNTAX),
    (MemoryError, Failure.LIMIT),
    (RecursionError, Failure.LIMIT),
    (OverflowError, Failure.LIMIT),
    (Exception, Failure.OTHER),
)


class _TooLong(MemoryError):
    pass


def main() -> None:
    """Answers everything that was asked."""
    _limit()
    asked = json.load(sys.stdin)
    environment = hugging_face_environment()
    try:
        tree = environment.parse(asked["source"])
        variables = sorted(jinja2.meta.find_undeclared_variables(tree))
        looked = {
            "variables": variables,
            "literals": mined(tree, variables),
            "seen": _seen(tree, asked["source"]),
        }
        template = environment.from_string(asked["source"])
    except Exception as error:  # whatever a template does to the compiler is an answer
        say({"refused": _failure(error), "detail": _detail(error), "line": getattr(error, "lineno", None)})
        return
    say(looked)
    for name, variables in asked["probes"].items():
        say({"probe": name} | rendered(template, {**asked["tokens"], **variables}))


def _limit() -> None:
    """Lowers what this process may have; not every system knows every limit."""
    limit_everything_but_time(memory_bytes=MEMORY_BYTES)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))


def limit_everything_but_time(*, memory_bytes: int) -> None:
    """Lowers what this process may have of memory and files."""
    limits = ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0))
    for kind, most in limits:
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def _seen(tree: jinja2.nodes.Template, source: str) -> list[dict[str, Any]]:
    sights = [{"what": sight.what, "line": sight.line, "detail": sight.detail} for sight in screened(tree)]
    marked = _GENERATION.search(source)
    if marked:
        line = source.count("\n", 0, marked.start()) + 1
        sights.append({"what": Seen.GENERATION, "line": line, "detail": "{% generation %}"})
    return sights


def rendered(template: jinja2.Template, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Answers one rendering: its text, or why there is none."""
    try:
        return {"text": _text(template, variables)}
    except Exception as error:  # as above
        return failed(error)


def failed(error: BaseException) -> dict[str, Any]:
    """Answers why there is no text."""
    return {"failure": _failure(error), "detail": _detail(error)}


def _text(template: jinja2.Template, variables: Mapping[str, Any]) -> str:
    pieces: list[str] = []
    length = 0
    for piece in template.generate(**variables):
        length += len(piece)
        if length > _MOST_CHARACTERS:
            raise _TooLong(f"more than {_MOST_CHARACTERS} characters")
        pieces.append(piece)
    return "".join(pieces)


def _failure(error: BaseException) -> Failure:
    # In a branch that is not always taken, jinja2 looks filters and tests up only when it gets there.
    if isinstance(error, TemplateRuntimeError) and str(error).startswith(("No filter named", "No test named")):
        return Failure.UNKNOWN_NAME
    return next(failure for kind, failure in _FAILURES if isinstance(error, kind))


def _detail(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:_LONGEST_DETAIL]


def say(answer: Mapping[str, Any]) -> None:
    """Writes one answer, as a line."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
