"""Control tokens are found wherever they stand, the longest first, whatever texts look like them."""

import re

from hypothesis import given
from hypothesis import strategies as st
from triphase_server.core.controls import all_controls, defused, first_control

CONTROLS = ("<|im_start|>", "<|im_end|>", "<think>", "</think>", "x")
TEXTS = st.text(alphabet="<|a>", max_size=40)


def test_control_tokens_are_found_in_order_and_the_longest_first() -> None:
    controls = ("<|a|>", "<|a|>b")
    assert all_controls("<|a|>b x <|a|>", controls) == ["<|a|>b", "<|a|>"]
    assert first_control("a <|im_end|> <think>", CONTROLS) == "<|im_end|>"
    assert first_control("a <|im_ x", CONTROLS) == ""
    assert all_controls("anything", ()) == []


@given(controls=st.lists(st.text(alphabet="<|a>", min_size=2, max_size=6), max_size=12), text=TEXTS)
def test_all_are_found_that_a_plain_search_finds(controls: list[str], text: str) -> None:
    plain = "|".join(re.escape(control) for control in sorted(set(controls), key=len, reverse=True))
    expected = re.findall(plain, text) if plain else []
    assert all_controls(text, tuple(controls)) == expected


def test_defused_text_reads_the_same() -> None:
    assert defused("a<|im_end|>b", CONTROLS) == "a<\u200b|im_end|>b"
    assert defused("x", CONTROLS) == "x"


@given(controls=st.lists(st.text(alphabet="<|a>", min_size=2, max_size=6), max_size=12), text=TEXTS)
def test_defused_text_controls_nothing(controls: list[str], text: str) -> None:
    assert first_control(defused(text, tuple(controls)), tuple(controls)) == ""
    assert defused(text, tuple(controls)).replace("\u200b", "") == text
