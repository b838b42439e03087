"""Finds the terms of a text: its numbers, identifiers, words, and pairs of signs in scripts without spaces.

What a term is worth is decided here too, by its kind and by how often the summary already said it, and what it tells:
that a clause negates, concludes or answers. Which piece of a text is kept on that ground: `compress.py`.
"""
# ruff: noqa: RUF001 - full-width signs are meant

import re
from collections.abc import Iterable
from typing import NamedTuple

from triphase_server.core.summary.phrases import (
    ANSWER_WORDS,
    CONCLUSION_SIGNS,
    CONCLUSION_WORDS,
    NEGATION_SIGNS,
    NEGATION_WORDS,
    STOP_WORDS,
)

_TERM = re.compile(
    r"[0-9]+(?:[.,:/][0-9]+)*|`[^`\n]{1,40}`"
    r"|[A-Za-z_$][\w$]*(?:['’][a-z]{1,3}|(?:(?:\.|::|->|/)[A-Za-z_][\w$]*)*(?:\(\))?)"
    r"|[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]{1,2}|[^\W_]{2,}"
)
_IDENTIFIER = re.compile(r"`|[_$0-9]|[a-z][A-Z]|[A-Za-z]\.[A-Za-z]|::|->|\(\)|[A-Z]{2,}\Z")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_NUMBER_WORTH, _NAME_WORTH, _WORD_WORTH, _WIDE_WORTH, _STALE = 1.5, 1.6, 1.0, 0.7, 0.25
_MOST_TERMS = 4096


# What the words of a text tell about it; plain integers, since a flag's operators cost more than all the rest here.
NEGATES, CONCLUDES, ANSWERS = 1, 2, 4


class Terms(NamedTuple):
    """The terms of a text in their plain form with their worth when new, and what its words tell (bits)."""

    worths: dict[str, float]
    tells: int


def terms(text: str) -> Terms:
    """Returns the terms of a text."""
    worths: dict[str, float] = {}
    tells = 0
    for token in _TERM.findall(text):
        key, worth, told = _TABLE.get(token) or _value(token)
        tells |= told
        if worth:
            worths[key] = worth
    if not text.isascii() or "=" in text:
        tells |= _signs(text)
    return Terms(worths, tells)


def _signs(text: str) -> int:
    negates = NEGATES if NEGATION_SIGNS.search(text) else 0
    return negates | (CONCLUDES if CONCLUSION_SIGNS.search(text) else 0)


def _value(token: str) -> tuple[str, float, int]:
    """The plain form of a term, its worth, and what it tells."""
    if "0" <= token[0] <= "9":
        return token, _NUMBER_WORTH, 0
    if token[0] >= "\u3040" and _WIDE.match(token):
        return token, _WIDE_WORTH if len(token) > 1 else 0.0, 0
    word = token.casefold()
    # Most words have letters alone, and small ones behind the first: they skip the patterns.
    if token[1:] == word[1:] and token.isalpha():
        return _TABLE.get(word) or (_stem(word), _worth_by_length(word), 0)
    if _IDENTIFIER.search(token) and word not in NEGATION_WORDS:
        return token.strip("`"), _NAME_WORTH, 0
    return _TABLE.get(word) or (_stem(word), _word_worth(word), NEGATES if word.endswith(("n't", "n’t")) else 0)


def _told(word: str) -> int:
    negates = NEGATES if word in NEGATION_WORDS else 0
    concludes = CONCLUDES if word in CONCLUSION_WORDS else 0
    return negates | concludes | (ANSWERS if word in ANSWER_WORDS else 0)


def _word_worth(word: str) -> float:
    return 0.0 if "'" in word or "’" in word else _worth_by_length(word)


def _worth_by_length(word: str) -> float:
    return _WORD_WORTH if len(word) > 3 else _WORD_WORTH / 2 if len(word) == 3 else 0.0


def _stem(word: str) -> str:
    """Takes off the commonest English endings, so that `primes` and `prime` are one term."""
    if word[-1] not in "sdg":
        return word
    for ending in ("ing", "es", "ed", "s"):
        if word.endswith(ending) and len(word) > len(ending) + 3:
            return word[: -len(ending)]
    return word


# About every other word of a text is in the tables: their values stand ready, with a small and with a capital letter.
_TABLE = {
    form: (_stem(word), 0.0 if word in STOP_WORDS else _word_worth(word), _told(word))
    for word in STOP_WORDS | NEGATION_WORDS | CONCLUSION_WORDS | ANSWER_WORDS
    for form in (word, word.capitalize())
}


class Said:
    """Remembers which terms the summary has said, up to a bound; beyond it the oldest are forgotten."""

    def __init__(self) -> None:
        self._terms: dict[str, None] = {}

    def worth(self, found: dict[str, float]) -> float:
        """What a text with these terms adds to the summary."""
        said = self._terms
        return sum([worth * _STALE if term in said else worth for term, worth in found.items()])

    def covers(self, found: Iterable[str]) -> bool:
        """Tells whether every one of these terms was said before."""
        return all(term in self._terms for term in found)

    def add(self, found: Iterable[str]) -> None:
        """Notes these terms as said."""
        self._terms.update(dict.fromkeys(found))
        while len(self._terms) > _MOST_TERMS:
            del self._terms[next(iter(self._terms))]
