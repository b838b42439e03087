"""How reasoning tokens are counted, and what is right."""

import pytest
from triphase_benchmark.effort.counting import Said, Split, is_right, reasoning_tokens, split
from triphase_benchmark.effort.values import Source


def counted(said: Said, *, tokenizer: bool = False) -> dict[Source, int]:
    return reasoning_tokens(said, split(said), count=len if tokenizer else None)


def test_usage_is_best() -> None:
    said = Said(thoughts="hm hm", output="4", counted_reasoning=7, counted_output=9)
    found = counted(said)
    assert found[Source.USAGE] == 7
    assert next(source for source in Source if source in found) is Source.USAGE


def test_an_estimate_says_that_it_is_one() -> None:
    found = counted(Said(thoughts="hm", output="4", counted_reasoning=7, estimated=True))
    assert Source.USAGE not in found
    assert found[Source.ESTIMATED_USAGE] == 7


def test_an_engine_that_counts_no_thoughts_although_it_sends_some_is_not_believed() -> None:
    found = counted(Said(thoughts="one two three", output="4", counted_reasoning=0), tokenizer=True)
    assert Source.USAGE not in found
    assert found[Source.TEXT] == len("one two three")
    assert counted(Said(thoughts="", output="4", counted_reasoning=0))[Source.USAGE] == 0


def test_the_text_is_counted_by_the_tokenizer_or_by_its_share_of_all_tokens_or_by_an_estimate() -> None:
    thoughts, answer = "a" * 30, "b" * 10
    said = Said(thoughts=thoughts, output=answer, counted_output=80)
    assert counted(said, tokenizer=True)[Source.TEXT] == 30
    assert counted(said)[Source.TEXT] == 60
    assert counted(Said(thoughts="one two three four", output="5"))[Source.TEXT] == 4
    assert counted(Said(thoughts="", output="5"))[Source.TEXT] == 0


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("<think>hm</think>\n4", Split(thoughts="hm", answer="4", source=Source.SPLIT, closed=True)),
        ("hm\n</think>\n4", Split(thoughts="hm", answer="4", source=Source.SPLIT, closed=True)),
        ("[THINK]hm[/THINK]4", Split(thoughts="hm", answer="4", source=Source.SPLIT, closed=True)),
        ("<think>hm", Split(thoughts="<think>hm", answer="", source=Source.SPLIT, closed=False)),
        ("<think></think>4", Split(thoughts="", answer="4", source=Source.SPLIT, closed=True)),
        ("4", Split(thoughts="", answer="4", source=None, closed=True)),
        ("", Split(thoughts="", answer="", source=None, closed=True)),
    ],
)
def test_thoughts_in_the_answer_end_at_the_closing_tag(output: str, expected: Split) -> None:
    assert split(Said(thoughts="", output=output)) == expected


def test_what_was_split_is_no_text_of_its_own() -> None:
    found = counted(Said(thoughts="", output="<think>one two</think>3"))
    assert found == {Source.SPLIT: 2}


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        ("47 + 38 = 85", "85", True),
        ("It is 1,085.", "1085", True),
        ("85 or 86", "85", False),
        ("**85.0**", "85", True),
        ("nothing", "85", False),
        ("", "85", False),
        ("-3", "-3", True),
        ("The answer is Paris.", "paris", True),
        ("Paris or Rome", "Paris", False),
        ("New York City", "york city", True),
        ("anything", "...", False),
    ],
)
def test_what_is_right(answer: str, expected: str, right: bool) -> None:
    assert is_right(answer, expected) is right
