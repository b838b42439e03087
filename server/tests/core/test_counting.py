"""The estimate of tokens learns from whole answers, and stays as it is for an answer that has begun."""

import pytest
from triphase_server.core.counting import CharacterEstimate


def test_it_counts_at_its_first_ratio_until_it_has_learned() -> None:
    estimate = CharacterEstimate(3.0)
    assert estimate.counter()("abcdef") == 2
    before = estimate.counter()
    for _ in range(50):
        estimate.learn(characters=500, tokens=100)
    assert estimate.ratio == pytest.approx(5.0, abs=0.01)
    assert before("abcdef") == 2
    assert estimate.counter()("abcdef") < 2


@pytest.mark.parametrize(
    ("characters", "tokens", "ratio"),
    [(100, 31, 3.0), (0, 100, 3.0), (100_000, 100, 4.0), (1, 100, 2.5)],
    ids=["too short", "nothing", "absurdly long tokens", "absurdly short ones"],
)
def test_it_does_not_believe_everything(characters: int, tokens: int, ratio: float) -> None:
    estimate = CharacterEstimate(3.0)
    estimate.learn(characters=characters, tokens=tokens)
    assert estimate.ratio == pytest.approx(ratio)
