"""The rolling summary of the thoughts: feeds them to the step cutter and says, for each step that ended, what is new.

Its rule: a part comes at once when its step has ended, never says again what a standing part says, never makes the
summary longer than the detail allows, and where a step takes something back, stands for the part that is taken back.
Where steps end is `steps.py`; what is kept of one is `compress.py`; what is taken back is `claims.py`.
"""
# ruff: noqa: RUF001 - full-width signs are meant

import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_letters, digits

from triphase_server.core.request import SummaryDetail
from triphase_server.core.summary.allowance import ALLOWANCES, OVERDRAFT
from triphase_server.core.summary.claims import Claim, Claims
from triphase_server.core.summary.clauses import Clause, Correction, split, without_opening
from triphase_server.core.summary.code import telling_line
from triphase_server.core.summary.compress import Extract, extract, terms_of
from triphase_server.core.summary.steps import Step, StepCutter
from triphase_server.core.summary.takeback import REJECTS
from triphase_server.core.summary.terms import Said
from triphase_server.core.summary.texts import Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryPart:
    """One part of the reasoning summary; `replaces` is the index of the part it corrects, `step` its whole source."""

    index: int
    text: str
    step: str
    replaces: int | None = None


# An outright correction speaks for the step it stands in and the next one that says something.
_CORRECTION_LASTS = 2
# After "hold on", "8, not 9" takes back the 9 of before for so many steps.
_DOUBT_LASTS = 3
_TORN = f"{ascii_letters}{digits}_.,"
_INSIGNIFICANT = re.compile(r"[\s.,;:!?'\"`“”‘’*。，；：！？、،؛؟…]+")
# In the unit of a new word's worth: a correction is told where it can be, and so is what the thoughts begin with.
_CORRECTION_BONUS, _FIRST_BONUS = 3.0, 2.0


class RollingSummarizer:
    """Takes thoughts in pieces of any size and gives back the parts of the steps that ended in them.

    `detail` is any but `NONE`, which asks for no summary at all. Parts are numbered from `next_index` on, which tells
    the number of the part to come. What is remembered is bounded, whatever is fed.
    """

    def __init__(self, detail: SummaryDetail, *, next_index: int = 0) -> None:
        self._allowance = ALLOWANCES[detail]
        self._cutter = StepCutter()
        self._said = Said()
        self._claims = Claims()
        self._texts = Texts()
        self._source = 0
        self._used = 0
        self.next_index = next_index
        self._correcting = 0
        self._doubting = 0

    def feed(self, text: str) -> list[SummaryPart]:
        """Returns the parts of the steps that ended in this text."""
        steps = self._cutter.feed(text)
        return self._parts(steps) if steps else []

    def close(self) -> list[SummaryPart]:
        """Ends a phase of thought: returns the part of the pending step, if it says anything. May be fed again."""
        return self._parts(self._cutter.close())

    def _parts(self, steps: list[Step]) -> list[SummaryPart]:
        return [part for step in steps if (part := self._part(step)) is not None]

    def _part(self, step: Step) -> SummaryPart | None:
        self._source += len(step.text)
        text = _whole_words(step)
        clauses, correction, done = _without_taken_back(split(telling_line(text, code=step.code)))
        if correction is Correction.STRONG:
            self._correcting = 0 if done else _CORRECTION_LASTS
        if not clauses:
            return None
        self._doubting = _DOUBT_LASTS if correction is Correction.WEAK else max(0, self._doubting - 1)
        found = terms_of(clauses)
        wrong = self._taken_back(text, found, correction)
        best = self._choose(clauses, correcting=done or (wrong is not None and wrong.index is not None))
        key = _key(best.text) if best else ""
        part = self._emit(step, best, key, wrong) if best else None
        self._note(best, found, part, key)
        return part

    def _note(self, best: Extract | None, found: dict[str, float], part: SummaryPart | None, key: str) -> None:
        """Remembers the claims of a step: what its part says, and what it left out."""
        if best is None or part is None:
            self._claims.add(Claim(terms=found, context=found))
            return
        if best.before:
            self._claims.add(Claim(terms=best.before, context=found))
        self._claims.add(Claim(terms=best.terms, context=found, index=part.index, key=key))
        if best.behind:
            self._claims.add(Claim(terms=best.behind, context=found))

    def _taken_back(self, text: str, found: dict[str, float], correction: Correction) -> Claim | None:
        if self._correcting:
            self._correcting -= 1
            return self._claims.outright(found.keys())
        wrong = set(REJECTS.findall(text)) if self._doubting else None
        claim = self._claims.rejected(found.keys(), wrong) if wrong else None
        if claim is None and correction is Correction.WEAK:
            claim = self._claims.perhaps(found.keys())
        return claim or self._claims.tainted(found.keys())

    def _choose(self, clauses: Sequence[Clause], *, correcting: bool) -> Extract | None:
        allowance = self._allowance
        room = int(allowance.grace + allowance.share * self._source) - self._used
        urgent = correcting or any(clause.answers for clause in clauses)
        longest = min(allowance.longest, room + OVERDRAFT * urgent)
        bonus = _CORRECTION_BONUS * correcting + _FIRST_BONUS * (not self._used)
        return extract(clauses, self._said, longest=longest, cost=allowance.price(room), bonus=bonus)

    def _emit(self, step: Step, best: Extract, key: str, wrong: Claim | None) -> SummaryPart | None:
        if wrong is not None:
            self._texts.take_back(wrong.key)
        if not self._texts.allow(key) or (wrong is None and self._says_nothing_new(best)):
            return None
        if wrong is not None:
            self._claims.take_back(wrong, now=best.terms.keys())
            self._correcting = 0
        self._texts.add(key)
        self._said.add(best.terms)
        self._used += len(best.text)
        self.next_index += 1
        return SummaryPart(
            index=self.next_index - 1,
            text=best.text,
            step=step.text,
            replaces=wrong.index if wrong is not None else None,
        )

    def _says_nothing_new(self, best: Extract) -> bool:
        return self._said.covers(best.terms) or (not best.answers and self._claims.repeated(best.terms.keys()))


def _whole_words(step: Step) -> str:
    text = step.text.lstrip(_TORN) if step.torn_start else step.text
    return text.rstrip(_TORN) if step.torn_end else text


def _without_taken_back(clauses: list[Clause]) -> tuple[list[Clause], Correction, bool]:
    """Drops what a step itself takes back.

    Returns what stands, the strongest correction in it, and whether a claim was dropped.
    """
    strongest, dropped = Correction.NONE, False
    kept: list[Clause] = []
    for clause in clauses:
        if clause.correction is Correction.STRONG:
            dropped = _drop_last_sentence(kept) or dropped
        strongest = max(strongest, clause.correction)
        kept += [clause] if clause.core else []
    return kept, strongest, dropped


def _drop_last_sentence(kept: list[Clause]) -> bool:
    dropped = False
    while kept:
        clause = kept.pop()
        dropped = dropped or bool(clause.terms)
        if clause.first:
            break
    return dropped


def _key(text: str) -> str:
    """What two parts have in common that say the same."""
    return _INSIGNIFICANT.sub("", without_opening(text)).casefold()
