"""Finds the texts of control tokens in other texts, and takes their power.

Its rule: who writes a text must not make this slow. There are hundreds of control tokens, most of which begin alike, so
that one after the other would be tried at every letter of a text that is made for it: beginnings that several have in
common are compared once. Texts of one letter are letters of every text, and no control tokens.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

_ZERO_WIDTH_SPACE = "\u200b"


def first_control(text: str, controls: tuple[str, ...]) -> str:
    """Returns the first control token's text that `text` holds, or nothing; of two at one place the longer."""
    found = _search(controls).search(text)
    return found.group() if found else ""


def all_controls(text: str, controls: tuple[str, ...]) -> list[str]:
    """Returns the control tokens' texts that `text` holds, in their order."""
    return _search(controls).findall(text)


def defused(text: str, controls: tuple[str, ...]) -> str:
    """Returns the text with a zero-width space in each control token's text: it reads the same and controls nothing."""
    search = _search(controls)
    while search.search(text):
        text = search.sub(lambda found: found.group()[:1] + _ZERO_WIDTH_SPACE + found.group()[1:], text)
    return text


@lru_cache(maxsize=256)  # controls come from the configuration
def _search(controls: tuple[str, ...]) -> "re.Pattern[str]":
    texts = sorted({text for text in controls if len(text) > 1})
    return re.compile("|".join(_patterns(texts)) or "(?!)")


def _patterns(texts: Iterable[str]) -> Iterator[str]:
    """Yields a pattern for all texts with the same first letter; `texts` are sorted, and none is empty."""
    for _, alike in groupby(texts, key=itemgetter(0)):
        same = list(alike)
        prefix = _common(same[0], same[-1])
        rests = [text[len(prefix) :] for text in same]
        branches = "|".join(_patterns(rest for rest in rests if rest))
        optional = "?" if "" in rests else ""
        yield re.escape(prefix) + (f"(?:{branches}){optional}" if branches else "")


def _common(first: str, last: str) -> str:
    """Returns what sorted texts have in common at their beginning, which is what the first and the last have."""
    differ = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[:differ]
