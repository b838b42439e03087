"""Sentences from templates: `{name}` stands for one of the texts of that name, `{2-90}` for a number.

Its rule: a text is a function of its stream of chance. Texts may have names in them too. What is capitalized is the
first letter of a text, so that the same words serve inside of sentences and at their beginning.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from triphase_benchmark.plan.chance import Chance

Grammar = Mapping[str, Sequence[str]]

_SLOT = re.compile(r"\{(?:(\d+)-(\d+)|(\w+))\}")


def expanded(template: str, grammar: Grammar, chance: Chance) -> str:
    """The template with all of its slots filled, and all of theirs."""
    pieces: list[str] = []
    for literal, least, most, name in _parts(template):
        pieces.append(literal)
        if name:
            pieces.append(expanded(chance.one_of(grammar[name]), grammar, chance))
        elif most:
            pieces.append(str(chance.between(least, most)))
    return "".join(pieces)


def sentence(template: str, grammar: Grammar, chance: Chance) -> str:
    """The same, with a capital at its beginning."""
    text = expanded(template, grammar, chance)
    return text[:1].upper() + text[1:]


@lru_cache(maxsize=4096)
def _parts(template: str) -> tuple[tuple[str, int, int, str], ...]:
    """Each slot with the literal text before it, and what is left at the end."""
    parts: list[tuple[str, int, int, str]] = []
    end = 0
    for match in _SLOT.finditer(template):
        least, most, name = match.groups()
        parts.append((template[end : match.start()], int(least or 0), int(most or 0), name or ""))
        end = match.end()
    return (*parts, (template[end:], 0, 0, ""))
