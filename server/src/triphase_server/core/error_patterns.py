"""What an upstream's error really is, where its status does not say: by words in its body.

Rule: engines answer 500 to what is the request's own fault, above all a prompt that is too long. Taken at its word, it
is tried again elsewhere and opens the circuit, so that one caller could take a model from all others. The first pattern
that fits gives another status, and the table of `classify.py` says what that means. Patterns are plain texts, so that
none can cost much; of the body nothing is kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass

ANY_ERROR = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPattern:
    """An error whose body contains a text, whatever the case of its letters, is taken for one with another status.

    Attributes:
        contains: The text, as it stands in the body.
        status: The status that it must have; `ANY_ERROR` = any, and errors inside a successful response too.
        treat_as: The status that it is taken for.
    """

    contains: str
    status: int = ANY_ERROR
    treat_as: int = 400


# How engines say that a prompt is too long: vLLM and OpenAI; llama-cpp-python; llama.cpp's own server; TGI; SGLang.
_TOO_LONG = (
    "maximum context length",
    "exceed context window",
    "exceeds the available context size",
    "`inputs` tokens + `max_new_tokens` must be <=",
    "longer than the model's context length",
)
BUILT_IN = tuple(ErrorPattern(contains=text, status=500) for text in _TOO_LONG)


def meant_status(status: int, text: str, patterns: Iterable[ErrorPattern]) -> int:
    """Returns the status that an error with this `text` stands for: by `patterns`, then by what is known of engines."""
    folded = text.casefold()
    fitting = (p for p in (*patterns, *BUILT_IN) if p.status in (ANY_ERROR, status) and p.contains.casefold() in folded)
    found = next(fitting, None)
    return status if found is None else found.treat_as


def concerned(status: int, patterns: Iterable[ErrorPattern]) -> bool:
    """Says whether the body can matter: whether a pattern is about this status."""
    return any(pattern.status in (ANY_ERROR, status) for pattern in (*patterns, *BUILT_IN))
