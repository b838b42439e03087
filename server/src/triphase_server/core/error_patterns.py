"""What an upstream's error really is, where its status does not say: by words in its body.

Rule: engines answer 500 to what is the request's own fault, above all a prompt that is too long. Taken at its word, it
is tried again elsewhere and opens the circuit, so that one caller could take a model from all others. The first pattern
that fits gives another status, and the table of `classify.py` says what that means. A 4xx is left alone unless one
names it: engines repeat there what the caller wrote, whose words must not become failures of the engine. Patterns are
plain texts, so that none can cost much; of the body nothing is kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass

ANY_FAILURE = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPattern:
    """An error whose body contains a text, whatever the case of its letters, is taken for one with another status.

    Attributes:
        contains: The text, as it stands in the body.
        status: The status that it must have; `ANY_FAILURE` = any from 500 on. An error inside a successful response has
            the one that it names, else 500.
        treat_as: The status that it is taken for.
    """

    contains: str
    status: int = ANY_FAILURE
    treat_as: int = 400


# How engines say that a prompt is too long: vLLM and OpenAI; llama-cpp-python; llama.cpp's own server; TGI; SGLang.
_TOO_LONG = (
    "maximum context length",
    "exceed context window",
    "exceeds the available context size",
    "`inputs` tokens + `max_new_tokens` must be <=",
    "longer than the model's context length",
)
BUILT_IN = tuple(ErrorPattern(contains=text) for text in _TOO_LONG)


def meant_status(status: int, text: str, patterns: Iterable[ErrorPattern]) -> int:
    """Returns the status that an error with this `text` stands for: by `patterns`, then by what is known of engines."""
    folded = text.casefold()
    fitting = (p for p in (*patterns, *BUILT_IN) if _is_about(status, p) and p.contains.casefold() in folded)
    found = next(fitting, None)
    return status if found is None else found.treat_as


def concerned(status: int, patterns: Iterable[ErrorPattern]) -> bool:
    """Says whether the body can matter: whether a pattern is about this status."""
    return any(_is_about(status, pattern) for pattern in (*patterns, *BUILT_IN))


def _is_about(status: int, pattern: ErrorPattern) -> bool:
    return pattern.status == status or (pattern.status == ANY_FAILURE and status >= 500)
