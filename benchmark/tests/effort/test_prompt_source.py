"""Questions from a built-in set or a file, and what is wrong with a file."""

import json
from pathlib import Path

import pytest
from triphase_benchmark.effort.prompt_source import prompts_of
from triphase_benchmark.plan.problems import BadInput


def read(folder: Path, *rows: object) -> list[tuple[str, str | None]]:
    file = folder / "own.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return [(prompt.turns[-1][1], prompt.answer) for prompt in prompts_of(str(file), seed=1, count=9)]


def test_sets_give_as_many_as_are_needed() -> None:
    assert len(prompts_of("general", seed=1, count=9)) == 9
    assert prompts_of("sums", seed=1, count=2)[0].turns[0][1].startswith("What is")


def test_rows_of_a_file_with_and_without_answers(tmp_path: Path) -> None:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "b"}]
    found = read(tmp_path, {"prompt": "a", "answer": 4}, {"messages": messages, "answer": "no"}, {"prompt": "a"})
    assert found == [("a", "4"), ("b", "no")]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"answer": "4"}, "own.jsonl:1: no prompt: it has no prompt"),
        ({"prompt": "a", "answer": [4]}, "answer is neither a text nor a number"),
        ({"prompt": "a", "answer": True}, "answer is neither a text nor a number"),
        ({"prompt": "a", "answer": " "}, "answer is empty"),
        ({"prompt": "a", "turns": ["b"]}, "it takes one turn"),
        ({"prompt": "a", "extra_body": {"stream": False}}, "may not set stream"),
    ],
)
def test_a_wrong_row_is_told_with_its_line(row: object, told: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=told):
        read(tmp_path, row)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for text, told in [("poems", "is none: it takes general, sums or a file"), ("missing.jsonl", "cannot be read")]:
        with pytest.raises(BadInput, match=told):
            prompts_of(str(tmp_path / text) if "." in text else text, seed=1, count=9)
    (tmp_path / "empty.json").write_text("[]", encoding="utf-8")
    with pytest.raises(BadInput, match="has no prompts"):
        prompts_of(str(tmp_path / "empty.json"), seed=1, count=9)
