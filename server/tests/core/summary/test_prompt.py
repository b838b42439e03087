"""The summary of a prompt: the request is found, what came with it is named, everything else stays private."""

import re
import unicodedata
from typing import Protocol

from hypothesis import given
from hypothesis import strategies as st
from triphase_server.core.request import GenerationRequest, ImagePart, Message, Part, Role, TextPart, Tool
from triphase_server.core.summary.prompt import LONGEST_SUMMARY, summarize_prompt


class Prompt(Protocol):
    """What the tests need of a prompt of the corpus."""

    id: str
    text: str
    key_terms: tuple[str, ...]
    language: str
    images: int
    tools: int
    turns: int


def request(*parts: Part, tools: int = 0, turns: int = 1, others: tuple[Message, ...] = ()) -> GenerationRequest:
    earlier = (Message(role=Role.USER, content=(TextPart("before"),)), Message(role=Role.ASSISTANT)) * (turns - 1)
    return GenerationRequest(
        model="m",
        messages=(*earlier, Message(role=Role.USER, content=parts), *others),
        tools=tuple(Tool(name=f"secret_tool_{number}") for number in range(tools)),
    )


def plain(text: str) -> str:
    return re.sub(r"\W+", "", text.casefold())


def of(text: str) -> str:
    return summarize_prompt(request(TextPart(text)))


def test_the_corpus_is_what_was_promised(prompts: list[Prompt]) -> None:
    assert len(prompts) >= 40


def test_each_prompt_of_the_corpus(prompts: list[Prompt]) -> None:
    for prompt in prompts:
        images = [ImagePart("https://example.org/secret.png")] * prompt.images
        line = summarize_prompt(request(TextPart(prompt.text), *images, tools=prompt.tools, turns=prompt.turns))
        assert 0 < len(line) <= LONGEST_SUMMARY
        assert all(term.casefold() in line.casefold() for term in prompt.key_terms), (prompt.id, line)
        asked, _, extras = line.partition(" — ")
        assert plain(asked) in plain(prompt.text), prompt.id
        for count, noun in ((prompt.images, "image"), (prompt.tools, "tool")):
            assert (f"{count} {noun}" in extras) == (count > 0)
        assert (f"{prompt.turns} turns" in extras) == (prompt.turns > 1)
        assert extras.endswith(prompt.language) if prompt.language else "Chinese" not in extras


def test_only_the_last_user_turn_is_told() -> None:
    secret = tuple(
        Message(role=role, content=(TextPart("The secret is hidden. What is it?"),))
        for role in Role
        if role != Role.USER
    )
    line = summarize_prompt(request(TextPart("What is 2 + 2?"), others=secret, turns=2, tools=1))
    assert line == "What is 2 + 2? — 2 turns, 1 tool"


def test_without_words() -> None:
    assert summarize_prompt(GenerationRequest(model="m", messages=())) == "No message of the user"
    assert summarize_prompt(request()) == "No text"
    assert of(" \n\t ") == "No text"
    assert summarize_prompt(request(ImagePart("data:,"))) == "Images without text — 1 image"
    assert of("9" * 400) == "Text that cannot be shortened"
    assert of("x" * 1000) == "Text that cannot be shortened — 1,000 characters"


def test_a_long_sentence_is_shortened_at_a_word() -> None:
    line = of("Explain " + "the very long story of the house " * 20)
    assert len(line) <= LONGEST_SUMMARY
    assert line.startswith("Explain the very long story")
    assert line.endswith("…")


def test_pasted_matter_asks_for_nothing() -> None:
    assert of("```\nWhat is this?\n```") == "``` What is this? ```"
    assert of("> Is it you?\n\nAnswer this mail.") == "Answer this mail."
    assert of("> What is it?\n" * 60).startswith("> What is it?")


def test_the_request_may_stand_at_either_end_of_a_huge_turn() -> None:
    pasted = "The quick report says that nothing happened in the north. " * 40_000
    assert of(f"Count the words of this report.\n\n{pasted}").startswith("Count the words of this report.")
    assert of(f"{pasted}\n\nCount the words of this report.").startswith("Count the words of this report.")
    assert of(f"<doc>{pasted}</doc>\nCount the words.").startswith("Count the words.")
    assert of(f"```\n{pasted}\n```\nCount the words.").startswith("Count the words.")
    assert "The quick report" in of(f"<doc>{pasted}")


def test_the_request_may_stand_at_either_end_of_many_sentences() -> None:
    pasted = "The report says that nothing happened. " * 100
    assert of(f"Count the words of this report. {pasted}").startswith("Count the words of this report.")
    assert of(f"{pasted} Count the words of this report.").startswith("Count the words of this report.")
    assert of(f"{pasted}").startswith("The report says")


def test_many_parts_are_bounded() -> None:
    parts = [TextPart("This is a part of the text. ")] * 5000
    line = summarize_prompt(request(*parts, TextPart("Sort the parts by length.")))
    assert line == "Sort the parts by length. — 140,025 characters"


def test_greetings_and_courtesies_go() -> None:
    assert of("Hello there, could you please sort these numbers?") == "Sort these numbers"
    assert of("Hello!") == "Hello!"
    assert of("Please sort these numbers.") == "Sort these numbers."
    assert of("Your task is to sort these numbers?") == "Sort these numbers?"


@given(st.lists(st.text(max_size=400), max_size=4), st.integers(0, 3), st.integers(0, 3), st.integers(1, 4))
def test_any_prompt_gives_one_clean_line(texts: list[str], images: int, tools: int, turns: int) -> None:
    parts: list[Part] = [*(TextPart(text) for text in texts if text), *[ImagePart("data:,")] * images]
    line = summarize_prompt(request(*parts, tools=tools, turns=turns))
    assert 0 < len(line) <= LONGEST_SUMMARY
    assert not any(unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} for sign in line)
    assert "secret" not in line
