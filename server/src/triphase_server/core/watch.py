"""Watches one answer whose thoughts the gateway bounds: what is delivered, and where its stream is to be left.

Its rule: a thought is delivered up to the last whole word that fits the budget. That depends on its text alone, so that
any cut of the stream gives the same thought; what came beyond it, in the same read too, is dropped. What the model is
to have written is kept along, from which another stream goes on. Asking for that one is `service/enforced.py`.
"""

import re
from collections.abc import Callable, Sequence
from enum import Enum, StrEnum, auto
from itertools import groupby
from math import ceil
from operator import itemgetter

from triphase_server.core.controls import defused
from triphase_server.core.enforcement import Enforcement
from triphase_server.core.events import Delta, OutputDelta, ReasoningDelta, ToolCallDelta

Count = Callable[[str], float]

# A word with the white space before it: tokenizers join little across, and where they do, too many are counted. Longer
# ones are taken apart, so that this is more than the tokens of any, each of which has at least one byte of UTF-8.
_WORD = re.compile(r"\s{0,24}\S{0,24}")
_MOST_WORD_TOKENS = 200


class Verdict(StrEnum):
    """What is to be done with the stream: read on, or leave it for a continuation; of a runaway there is none."""

    GO_ON = "go_on"
    CUT = "cut"
    EXTEND = "extend"
    REOPENED = "reopened"
    RUNAWAY = "runaway"


class _By(Enum):
    """Whose text a piece is."""

    GATEWAY = auto()
    THOUGHT = auto()
    ANSWER = auto()


class Watch:
    """Watches one answer over all streams that it comes by.

    `budget` bounds the tokens of its thoughts (`None` = nothing does), `least` is where they may end at the earliest,
    `limit` the caller's bound of all tokens, 0 = none, of which the answer has `reserve`, or half where that is less.
    `verdict` is to be looked at after each call: from one that is not `GO_ON` until `resume`, what comes is dropped.
    `stopped`: a thought that had begun was cut.
    """

    def __init__(
        self,
        enforcement: Enforcement,
        *,
        budget: int | None,
        least: int,
        limit: int,
        reserve: int,
        count: Count,
    ) -> None:
        self.verdict = Verdict.GO_ON
        self.stopped = False
        self.thought_tokens = 0.0
        self._enforcement = enforcement
        self._budget = budget
        self._least = least
        self._limit = limit
        self._reserve = min(reserve, limit // 2)
        self._count = count
        self._pieces: list[tuple[_By, str]] = []  # what the model is to have written
        self._word = ""  # the last word of a thought, as long as it may grow,
        self._shown = 0  # and how much of it was delivered
        self._thinking = False
        self._over = False  # no thought may come any more
        self._calls_tools = False
        self._extensions = 0
        self._reopenings = 0

    def feed(self, deltas: Sequence[Delta]) -> list[Delta]:
        """Takes deltas and returns those that are to be delivered."""
        shown: list[Delta] = []
        for delta in deltas:
            if self.verdict is not Verdict.GO_ON:
                break
            shown += self._thought(delta.text) if isinstance(delta, ReasoningDelta) else self._answer(delta)
        return shown

    def close(self) -> list[Delta]:
        """Takes the end of a stream; returns what was withheld."""
        return self._end_of_word() if self.verdict is Verdict.GO_ON else []

    def close_before(self) -> None:
        """Takes, before anything else, that nothing may be thought: what stands for it is in `written` at once."""
        self._over = True
        self._open()
        self._close()
        self.thought_tokens = 0.0

    def resume(self) -> list[Delta]:
        """Takes that the stream was left, and goes on with the next; returns what the gateway adds to the thought."""
        self.verdict, verdict = Verdict.GO_ON, self.verdict
        self._word, self._shown = "", 0
        if verdict is Verdict.EXTEND:
            self._extensions += 1
            self.thought_tokens += self._count(self._enforcement.extending)
            return self._told(self._enforcement.extending, by=_By.GATEWAY)
        self._open()
        if verdict is Verdict.REOPENED:
            self._reopenings += 1
        else:
            self._pieces.append((_By.GATEWAY, self._enforcement.sentence))
            self._over = self.stopped = True
        self._close()
        return []

    @property
    def written(self) -> str:
        """What the model is to have written by now; nothing of what it did write is a control token in it."""
        runs = ((by, "".join(text for _, text in run)) for by, run in groupby(self._pieces, key=itemgetter(0)))
        controls = self._enforcement.controls
        return "".join(text if by is _By.GATEWAY else defused(text, controls) for by, text in runs)

    @property
    def prelude(self) -> str:
        """What stands for `written` where a stream's text is told apart: a thought, and its end where it has ended."""
        return f"{self._enforcement.opening}." + ("" if self._thinking else self._enforcement.closing)

    @property
    def output_tokens(self) -> float:
        """Counts the tokens of the output by now."""
        return self._count("".join(text for by, text in self._pieces if by is _By.ANSWER))

    @property
    def left(self) -> int:
        """How many tokens a continuation may have: what is left of the caller's limit, else what the operator says.

        A thought that goes on has its budget beside that or, without one, as much again.
        """
        if self._limit:
            return max(self._limit - ceil(self.thought_tokens + self.output_tokens), 1)
        answer = self._enforcement.answer_tokens
        if not self._thinking:
            return answer
        return answer + (answer if self._budget is None else max(self._budget - ceil(self.thought_tokens), 0))

    def _thought(self, text: str) -> list[Delta]:
        if self._calls_tools:  # there is no going on from a call
            return [ReasoningDelta(text)]
        if self._over:
            again = self._reopenings < self._enforcement.reopenings
            self.verdict = Verdict.REOPENED if again else Verdict.RUNAWAY
            return []
        self._open()
        return self._words(text)

    def _words(self, text: str) -> list[Delta]:
        """Delivers the words that fit, the last one only while its tokens cannot matter yet."""
        text, shown = self._word + text, self._shown
        begin, end = 0, shown
        self._word, self._shown = "", 0
        while self.verdict is Verdict.GO_ON and begin < len(text):
            word = _WORD.match(text, begin)
            assert word is not None
            if word.end() < len(text):
                begin = word.end() if self._count_in(word.group()) else begin
                end = max(end, begin)
            elif self._is_full():
                self.verdict = Verdict.CUT
            else:
                end = len(text) if self._fits(_MOST_WORD_TOKENS) else end
                self._word, self._shown = word.group(), end - begin
                begin = len(text)
        return self._told(text[shown:end])

    def _end_of_word(self) -> list[Delta]:
        """Delivers the last word of a thought that has ended, or cuts the thought before it."""
        word, shown = self._word, self._shown
        self._word, self._shown = "", 0
        return self._told(word[shown:]) if self._count_in(word) else []

    def _count_in(self, word: str) -> bool:
        """Counts a word that is whole; returns whether it fits, and cuts the thought where it does not."""
        tokens = self._count(word) if word else 0
        if not self._fits(tokens):
            self.verdict = Verdict.CUT
            return False
        self.thought_tokens += tokens
        return True

    def _told(self, text: str, *, by: _By = _By.THOUGHT) -> list[Delta]:
        if not text:
            return []
        self._pieces.append((by, text))
        return [ReasoningDelta(text)]

    def _answer(self, delta: OutputDelta | ToolCallDelta) -> list[Delta]:
        shown = self._end_of_word()
        if self.verdict is Verdict.GO_ON and isinstance(delta, OutputDelta) and self._is_to_go_on():
            self.verdict = Verdict.EXTEND
        if self.verdict is not Verdict.GO_ON:
            return shown
        self._close()
        if isinstance(delta, ToolCallDelta):
            self._calls_tools = True
        else:
            self._pieces.append((_By.ANSWER, delta.text))
        return [*shown, delta]

    def _is_to_go_on(self) -> bool:
        """Whether a thought that ends here is too short, and may go on without taking the answer's room."""
        if not self._thinking or self.thought_tokens >= self._least:
            return False
        room = self._fits(self._count(self._enforcement.extending) + 1)
        reserved = self._limit and self.left <= self._reserve
        return room and not reserved and self._extensions < self._enforcement.extensions

    def _open(self) -> None:
        if not self._thinking:
            opening = self._enforcement.opening
            self._pieces.append((_By.GATEWAY, opening))
            # The white space of it is thought to the engines that count tokens of thought.
            self.thought_tokens += self._count(opening.removeprefix(self._enforcement.marker.open))
            self._thinking = True

    def _close(self) -> None:
        if self._thinking:
            self._pieces.append((_By.GATEWAY, self._enforcement.closing))
            self._thinking = False

    def _is_full(self) -> bool:
        return self._budget is not None and self.thought_tokens >= self._budget

    def _fits(self, tokens: float) -> bool:
        return self._budget is None or self.thought_tokens + tokens <= self._budget
