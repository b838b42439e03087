"""Where a thought is cut depends on its text alone; what the engine is to go on from is what was delivered."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triphase_server.core.enforcement import Enforcement, Template
from triphase_server.core.events import Delta, OutputDelta, ReasoningDelta, ToolCallDelta
from triphase_server.core.watch import Verdict, Watch

ENFORCEMENT = Enforcement(template=Template(source=""), controls=("<think>", "</think>", "<|end|>"), sentence=" So:")
OPENING, CLOSING = ENFORCEMENT.opening, ENFORCEMENT.closing
TEXTS = st.text(alphabet="ab \n.<|end>é漢", min_size=1, max_size=120).map(str.strip).filter(bool)


def words(text: str) -> float:
    return len(text.split())


def quarters(text: str) -> float:
    """What tokens are like: bytes, four at a time, of each word."""
    return sum(-(-len(word.encode()) // 4) for word in text.split(" "))


def watch(budget: int | None = 5, *, least: int = 0, limit: int = 0, count: Any = words, **changes: Any) -> Watch:
    return Watch(replace(ENFORCEMENT, **changes), budget=budget, least=least, limit=limit, reserve=256, count=count)


def thoughts(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, ReasoningDelta))


def output(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, OutputDelta))


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = sorted({cut % len(text) for cut in cuts} | {0, len(text)})
    return [text[begin:end] for begin, end in pairwise(places)]


def test_a_thought_within_its_budget_passes_whole() -> None:
    seen = (one := watch()).feed([ReasoningDelta("one two"), ReasoningDelta(" three"), OutputDelta("Four.")])
    assert (thoughts(seen), output(seen), one.verdict) == ("one two three", "Four.", Verdict.GO_ON)
    assert (one.thought_tokens, one.stopped) == (3, False)


def test_a_thought_is_cut_before_the_word_that_is_too_much_and_the_rest_of_the_read_is_dropped() -> None:
    one = watch(budget=2)
    seen = one.feed([ReasoningDelta("one two three four"), OutputDelta("5")])
    assert (thoughts(seen), output(seen), one.verdict) == ("one two", "", Verdict.CUT)
    assert one.feed([ReasoningDelta(" more"), OutputDelta("more")]) == []
    assert one.close() == []
    assert one.resume() == []
    assert one.stopped
    assert one.written == f"{OPENING}one two So:{CLOSING}"
    assert one.prelude == f"{OPENING}.{CLOSING}"
    assert output(one.feed([OutputDelta("5")])) == "5"


def test_the_last_word_is_judged_when_the_thought_ends() -> None:
    one = watch(budget=1, count=quarters, opening="<think>")
    assert one.feed([ReasoningDelta("abcde")]) == []  # it may be the beginning of anything
    assert one.feed([OutputDelta("x")]) == []
    assert one.verdict is Verdict.CUT
    short = watch(budget=1, count=quarters, opening="<think>")
    assert [*short.feed([ReasoningDelta("abcd")]), *short.close()] == [ReasoningDelta("abcd")]
    assert short.verdict is Verdict.GO_ON


def test_a_word_that_is_one_too_many_cuts_as_soon_as_it_begins() -> None:
    one = watch(budget=1)
    assert thoughts(one.feed([ReasoningDelta("one t")])) == "one"
    assert one.verdict is Verdict.CUT


def test_words_pass_as_they_come_while_the_budget_is_far() -> None:
    one = watch(budget=1000)
    assert thoughts(one.feed([ReasoningDelta("beginn")])) == "beginn"
    assert thoughts(one.feed([ReasoningDelta("ing")])) == "ing"
    assert thoughts(one.feed([ReasoningDelta(" and")])) == " and"


@given(text=TEXTS, budget=st.integers(0, 40), cuts=st.lists(st.integers(0, 500)), answer=TEXTS)
def test_any_cut_of_a_stream_gives_the_same_thought_and_output(
    text: str, budget: int, cuts: list[int], answer: str
) -> None:
    def run(parts: list[str], answers: list[str]) -> tuple[Any, ...]:
        one = watch(budget=budget, count=quarters)
        seen: list[Delta] = []
        for part in parts:
            seen += one.feed([ReasoningDelta(part)])
        for part in answers:
            seen += one.feed([OutputDelta(part)])
        seen += one.close()
        verdict = one.verdict
        if verdict is Verdict.CUT:
            one.resume()
        return thoughts(seen), output(seen), verdict, one.written, one.thought_tokens, one.left

    whole = run([text], [answer])
    assert run(pieces(text, cuts), pieces(answer, cuts)) == whole
    assert text.startswith(whole[0])
    assert whole[4] <= budget or not whole[0]


@given(text=TEXTS, budget=st.integers(150, 400), cuts=st.lists(st.integers(0, 5000), max_size=60))
def test_neither_does_where_long_texts_are_cut(text: str, budget: int, cuts: list[int]) -> None:
    long = (f"{text} " * 400)[:3000].strip()
    results = set()
    for parts in ([long], pieces(long, cuts), list(long)):
        one = watch(budget=budget, count=quarters)
        seen = [delta for part in parts for delta in one.feed([ReasoningDelta(part)])]
        results.add((thoughts(seen), one.verdict, one.thought_tokens))
    assert len(results) == 1


def test_nothing_may_be_thought_at_all() -> None:
    one = watch(budget=0)
    one.close_before()
    assert (one.written, one.thought_tokens, one.stopped) == (OPENING + CLOSING, 0, False)
    assert output(one.feed([OutputDelta("Four.")])) == "Four."


def test_a_thought_after_the_end_is_closed_again_a_few_times_and_never_delivered() -> None:
    one = watch(budget=1, reopenings=1)
    one.feed([ReasoningDelta("one two")])
    one.resume()
    verdicts = []
    assert output(one.feed([OutputDelta("Four"), ReasoningDelta("or five"), OutputDelta("?")])) == "Four"
    verdicts.append(one.verdict)
    one.resume()
    assert one.written == f"{OPENING}one So:{CLOSING}Four{OPENING}{CLOSING}"
    assert one.feed([ReasoningDelta("or six")]) == []
    assert [*verdicts, one.verdict] == [Verdict.REOPENED, Verdict.RUNAWAY]


def test_a_thought_that_ends_too_early_goes_on_as_often_as_it_may() -> None:
    one = watch(budget=None, least=10, extensions=1)
    assert thoughts(one.feed([ReasoningDelta("one two"), OutputDelta("Four.")])) == "one two"
    assert one.verdict is Verdict.EXTEND
    assert one.resume() == [ReasoningDelta("\nWait")]
    assert (one.written, one.prelude) == (f"{OPENING}one two\nWait", f"{OPENING}.")
    seen = one.feed([ReasoningDelta(", three"), OutputDelta("Four.")])
    assert (thoughts(seen), output(seen), one.verdict) == (", three", "Four.", Verdict.GO_ON)


@pytest.mark.parametrize(
    "plan",
    [{"budget": 3}, {"budget": None, "limit": 4}, {"budget": None, "extensions": 0}, {"budget": None, "least": 2}],
    ids=["no budget for it", "the answer's share", "never", "long enough"],
)
def test_a_thought_does_not_go_on_where(plan: dict[str, Any]) -> None:
    one = watch(**{"least": 10} | plan)
    assert output(one.feed([ReasoningDelta("one two"), OutputDelta("Four.")])) == "Four."


def test_an_answer_without_a_thought_is_not_extended_nor_is_a_tool_call() -> None:
    assert watch(least=10).feed([OutputDelta("Four.")]) == [OutputDelta("Four.")]
    call = ToolCallDelta(0, "{}", "id", "f")
    one = watch(least=10)
    assert one.feed([ReasoningDelta("one"), call]) == [ReasoningDelta("one"), call]


def test_after_a_tool_call_nothing_is_cut() -> None:
    one = watch(budget=1)
    call = ToolCallDelta(0, "{}", "id", "f")
    assert one.feed([call, ReasoningDelta("one two three")]) == [call, ReasoningDelta("one two three")]
    assert one.verdict is Verdict.GO_ON


def test_thoughts_between_pieces_of_output_count_together() -> None:
    one = watch(budget=3)
    seen = one.feed([ReasoningDelta("one two"), OutputDelta("A"), ReasoningDelta("three four")])
    assert (thoughts(seen), one.verdict) == ("one twothree", Verdict.CUT)
    one.resume()
    assert one.written == f"{OPENING}one two{CLOSING}A{OPENING}three So:{CLOSING}"


def test_what_the_model_wrote_is_no_control_token_in_a_prompt() -> None:
    one = watch(budget=2)
    one.feed([ReasoningDelta("<|e"), ReasoningDelta("nd|> two three")])
    one.resume()
    assert one.written == f"{OPENING}<\u200b|end|> two So:{CLOSING}"


def test_what_is_left_of_the_callers_limit_is_for_the_answer() -> None:
    one = watch(budget=2, limit=10)
    one.feed([ReasoningDelta("one two three")])
    one.resume()
    assert one.left == 8
    one.feed([OutputDelta(f"{number} ") for number in range(20)])
    assert one.left == 1


def test_without_a_limit_of_the_caller_the_operators_holds_with_what_may_still_be_thought() -> None:
    one = watch(budget=10, least=5, answer_tokens=100)
    one.feed([ReasoningDelta("one two"), OutputDelta("x")])
    one.resume()
    assert one.left == 107  # 2 and "Wait" were thought
    free = watch(budget=None, least=5, answer_tokens=100)
    free.feed([ReasoningDelta("one two"), OutputDelta("x")])
    free.resume()
    assert free.left == 200
    cut = watch(budget=2, answer_tokens=100)
    cut.feed([ReasoningDelta("one two three")])
    cut.resume()
    assert cut.left == 100
