"""Splits a step into clauses and takes off what says nothing.

Its rule: clauses end at punctuation and before subordinating words, never inside brackets, quotes, code or formulas;
openings and idle clauses of `phrases.py` go, all else stays as it was written. Which clauses are kept: `compress.py`.
"""
# ruff: noqa: RUF001, E501 - full-width signs are meant

import re
from collections.abc import Iterator
from enum import IntEnum

import msgspec

from triphase_server.core.summary.clean import lowered, one_line
from triphase_server.core.summary.phrases import (
    ANSWER_SIGNS,
    IDLE,
    NEGATION,
    OPENING,
    QUESTION,
)
from triphase_server.core.summary.takeback import BREAKS_OFF, OUTRIGHT, PERHAPS
from triphase_server.core.summary.terms import ANSWERS, CONCLUDES, NEGATES, terms

# A step has at most so many clauses, and no more than one for so many characters besides the first ones; what follows
# the last but one stays whole. This bounds the work on a step: written language never comes near it.
_MOST_CLAUSES, _FEWEST_CLAUSES, _CLAUSE_SIZE = 12, 2, 16
# A colon or a question mark is looked for in so many characters at the end of a clause.
_END_SIZE = 12
_SHORT = 14
_LONGEST_BREAK = 40

# The first class lets a search pass over letters at once; what follows it tells the kinds apart.
_BOUNDARY = re.compile(
    r"[\n.!?。！？؟۔।;；؛,，،、–—:：\s]"
    r"(?:(?P<sentence>(?<=\n)\s*|(?<=[.!?])(?<![.!?][.!?])[.!?]*+[\"”’)\]*_]*+\s++"
    r"|(?<=[。！？؟۔।])[。！？؟۔।]*+[”’」』）]*+\s*+)"
    r"|(?P<clause>(?<=[;；؛，،、：])\s*|(?<=[,:])\s+|(?<=[^\d\s)][–—])[–—]?\s*(?![\d\s(])|(?<=[^\d)]\s[–—])\s+(?![\d(]))"
    r"|(?P<word>(?<=\s))(?=(?:because|since|which|so that|while|whereas|although|though|but|therefore|meaning|so we|so the"
    r"|so it|then we|not because|instead of|rather than|потому что|который|weil|parce que|porque)\b))"
)
_CLOSED = re.compile(
    r"`[^`]*+`|\"[^\"]*+\"|“[^“”]*+”|「[^「」]*+」|『[^『』]*+』|《[^《》]*+》|\$\$.*?\$\$|\$[^$\n]*+\$"
    r"|\\\[(?:[^\\]|\\(?![\[\]]))*+\\\]|\\\((?:[^\\]|\\(?![()]))*+\\\)"
    r"|\([^()]*+\)|\[[^\[\]]*+\]|\{[^{}]*+\}|（[^（）]*+）",
    re.DOTALL,
)
_MAY_CLOSE = re.compile(r"[\[({`\"“「『《\\$（]")
_MARKUP = re.compile(r"(?m)^[ \t]*(?:(?:#{1,6}|>|[-*+•])[ \t]+|\d{1,2}[.)][ \t]+)+")
_BOLD = re.compile(r"(?<![\w*])\*\*([^*\n]+)\*\*(?![\w*])")
_EDGES = " \t\n,;:，；：、،؛.!。！…–—"
_CONDITION = re.compile(
    r"(?:if|when|unless|suppose|assuming|in case|provided|until|once|although|though|while|as long as|even if)\b"
    r"|如果|若|假设|假如|只有|当|虽然|もし|إذا|لو|عندما|если|когда|wenn|si\b|만약",
)
_DEPENDENT = re.compile(
    r"(?:which|because|since|that|and|or|who|whose|where|whereas|while|rather than|instead of|so that|with|for|to|as|than"
    r"|then|including|meaning|weil|parce que|porque|потому что)\b|而|并|和|以及",
)
_LIST_ITEM = re.compile(rf"[^\n,，、.!?]{{1,{_SHORT}}}[,，、](?=\s|[^\x00-\x7f])")
# A clause that cannot be the last one: a colon, or a Japanese clause that leads on. The first is asked of every clause.
_MAY_INTRODUCE = (":", "：", "、", ",")
_INTRODUCES = re.compile(r"[:：]\s*$|(?:と|ので|から|けど|が|て|で|なら|ば|たら|には|れば|場合は)[、,]\s*$")
_CONCLUDES = re.compile(r"\s*(?:and )?(?:so|thus|hence|then)\b|所以|إذن")
_ANNOUNCES = re.compile(
    r"(?:(?:so|okay|now|first|next|then|alright|well|and)[,.\s]+)*(?:let(?:'s|’s| me| us)\b|i(?:'ll|’ll| will| should| need to)\b"
    r"|the user (?:wants|asks|is asking)|we need to)|让我|我们来|我来|考え|دعن[يا]|давай",
)


class Correction(IntEnum):
    """Whether a clause takes back what came before: no; if it speaks of the same thing again; outright."""

    NONE = 0
    WEAK = 1
    STRONG = 2


class Clause(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A clause with its closing punctuation; `core` lacks it, and the empty openings; the flags are about its place.

    `core` is empty only where a clause says no more than that something may be wrong. `leans` is a clause that needs the one
    before it, `open` one whose negation may reach into the next one, `introduces` one that ends with a colon, `announces` one about what comes next.
    A msgspec Struct instead of a dataclass, as there are several for every sentence.
    """

    text: str
    correction: Correction
    core: str
    terms: dict[str, float]
    first: bool
    last: bool
    condition: bool
    leans: bool
    negated: bool
    open: bool
    introduces: bool
    concludes: bool
    answers: bool
    asks: bool
    announces: bool


def split(step: str) -> list[Clause]:
    """Returns the clauses of a step that say something."""
    text = _MARKUP.sub("", step)
    text = _BOLD.sub(r"\1", text) if "**" in text else text
    found, first = list[Clause](), True
    for piece, ends_sentence in _pieces(text):
        clause = _clause(piece, first=first, last=ends_sentence)
        if clause is not None:
            found.append(clause)
        first = ends_sentence or (first and (clause is None or not clause.core))
    return found


def _clause(piece: str, *, first: bool, last: bool) -> Clause | None:
    line = one_line(piece)
    whole = lowered(line)
    correction, low = _take_correction(whole, first=first)
    announces = first and _ANNOUNCES.match(low) is not None
    low = _after_opening(low) if first else low
    text = line[len(line) - len(low) :]
    core, low = text.strip(_EDGES), low.strip(_EDGES)
    core = "" if IDLE.fullmatch(low) else core
    if not core and correction is Correction.NONE:
        return None
    found = terms(core)
    negated = NEGATION.match(low) is not None
    tells = found.tells | (CONCLUDES if first and _CONCLUDES.match(whole) else 0)
    return Clause(
        text=text,
        core=core,
        correction=correction,
        terms=found.worths,
        first=first,
        last=last,
        condition=_CONDITION.match(low) is not None,
        leans=negated or _DEPENDENT.match(low) is not None,
        negated=negated,
        open=not last and bool(found.tells & NEGATES),
        introduces=text.endswith(_MAY_INTRODUCE) and _INTRODUCES.search(text[-_END_SIZE:]) is not None,
        concludes=bool(tells & CONCLUDES),
        answers=bool(tells & ANSWERS) or ANSWER_SIGNS.match(core) is not None,
        asks=QUESTION.search(text[-_END_SIZE:]) is not None,
        announces=announces,
    )


def _take_correction(low: str, *, first: bool) -> tuple[Correction, str]:
    """Takes the words of a correction off the start of a clause; within a sentence only those that break it off."""
    match = (OUTRIGHT if first else BREAKS_OFF).match(low)
    if match is not None:
        return Correction.STRONG, low[match.end() :].lstrip(_EDGES)
    weak = first and PERHAPS.match(low) is not None
    return Correction.WEAK if weak else Correction.NONE, low


def without_opening(text: str) -> str:
    """Takes the empty phrases off the start of a sentence, one after another."""
    return text[len(text) - len(_after_opening(lowered(text))) :]


def _after_opening(low: str) -> str:
    for _ in range(8):
        match = OPENING.match(low)
        if match is None or match.end() == 0:
            break
        low = low[match.end() :].lstrip(_EDGES)
    return low


def _pieces(text: str) -> list[tuple[str, bool]]:
    """The text cut at every boundary, each piece with whether a sentence ends with it."""
    pieces, begin = list[tuple[str, bool]](), 0
    most = min(_MOST_CLAUSES, _FEWEST_CLAUSES + len(text) // _CLAUSE_SIZE)
    for match in _open_boundaries(text):
        sentence = match.lastgroup == "sentence"
        if sentence or _worth_a_cut(text, begin, match):
            pieces.append((text[begin : match.end()], sentence))
            begin = match.end()
            if len(pieces) == most - 1:
                break
    pieces.append((text[begin:], True))
    return [(piece, ends) for piece, ends in pieces if piece.strip()]


def _open_boundaries(text: str) -> Iterator[re.Match[str]]:
    """The boundaries outside of brackets, quotes, code and formulas."""
    closed = [match.span() for match in _CLOSED.finditer(text)] if _MAY_CLOSE.search(text) else []
    closed.reverse()
    for match in _BOUNDARY.finditer(text):
        at = match.start()
        while closed and closed[-1][1] - 1 <= at:
            closed.pop()
        if not closed or closed[-1][0] >= at:
            yield match


def _worth_a_cut(text: str, begin: int, match: re.Match[str]) -> bool:
    """Tells whether the pieces on both sides are more than an item of a list."""
    if match.start() - begin < _SHORT // 2:
        return False
    end = match.end()
    return (
        _LIST_ITEM.match(text, end) is None or BREAKS_OFF.match(lowered(text[end : end + _LONGEST_BREAK])) is not None
    )
