from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from itertools import repeat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from triphase_benchmark.plan.chance import Chance, Purpose
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.workload.builtin.prose import sentences
from triphase_benchmark.workload.counting import WordEstimate, counter_of
from triphase_benchmark.workload.fitting import fitted
from triphase_benchmark.workload.ports import TokenCounter

FOLDER = Path(str(resources.files("triphase_model") / "reference"))


@dataclass(frozen=True, slots=True)
class Counting:
    """A tokenizer that is a formula."""

    formula: Callable[[str], int]
    name: str = "formula"
    exact: bool = True
    digest: str | None = None

    def count(self, text: str) -> int:
        return self.formula(text)


COUNTERS: dict[str, TokenCounter] = {
    "sentencepiece": counter_of(str(FOLDER / "tokenizer.model")),
    "tokenizers": counter_of(str(FOLDER / "tokenizer.json")),
    "bytes": Counting(lambda text: len(text.encode())),
    "words": Counting(lambda text: len(text.split())),
    "three letters": Counting(lambda text: sum(-(-len(word) // 3) for word in text.split(" "))),
    "one for the beginning": Counting(lambda text: 1 + len(text.split())),
}


def prose(seed: int) -> Iterator[str]:
    return sentences(Chance(seed, Purpose.PROMPTS, 0, 0))


@pytest.mark.parametrize("name", COUNTERS)
@settings(max_examples=25)
@given(tokens=st.integers(60, 2000), seed=st.integers(0, 1000))
def test_a_text_has_exactly_so_many_tokens(name: str, tokens: int, seed: int) -> None:
    made = fitted(COUNTERS[name], tokens, begin="Reference 7.", filler=prose(seed), end="\n\nWhy is that?")
    assert COUNTERS[name].count(made) == tokens
    assert made.startswith("Reference 7.")
    assert made.endswith("\n\nWhy is that?")


@given(tokens=st.integers(20, 3000))
def test_an_estimated_length_is_at_most_one_off(tokens: int) -> None:
    made = fitted(WordEstimate(), tokens, begin="Reference 7.", filler=prose(1))
    assert abs(WordEstimate().count(made) - tokens) <= 1


def test_a_longer_text_begins_as_the_shorter_one_does() -> None:
    short, long = (fitted(COUNTERS["tokenizers"], tokens, begin="", filler=prose(5)) for tokens in (400, 900))
    assert long.startswith(short[: len(short) - 20])


def test_what_must_stand_there_is_never_cut() -> None:
    with pytest.raises(BadInput, match="a prompt of 5 tokens is too short: what it must hold has 7 by formula"):
        fitted(COUNTERS["words"], 5, begin="one two three four", filler=prose(1), end=" five six seven")


def test_a_length_that_cannot_be_had_is_told() -> None:
    pairs = Counting(lambda text: 2 * len(text.split()))
    with pytest.raises(BadInput, match="no text of exactly 101 tokens was found by formula"):
        fitted(pairs, 101, begin="", filler=repeat("one two three"))
