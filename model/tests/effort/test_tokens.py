"""Whether prompts differ as tokens: by a SentencePiece model, proved for tokenizers of bytes, else not evaluated."""

import json
from typing import Any

import pytest
from repositories.clean import repository
from triphase_model.effort import tokens
from triphase_model.effort.tokens import TokenCheck, compared, loss_of, tokenizer_of
from triphase_model.validator.repository import Repository, read_repository
from triphase_model.validator.source import Source


def read(base: str, **changed: bytes | None) -> Repository:
    made = {**repository(base), **changed}
    return read_repository(Source.of_files({name: data for name, data in made.items() if data is not None}))


def tokenizer() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(repository("qwen3")["tokenizer.json"])
    return value


def test_the_reference_model_s_own_tokenizer_is_asked() -> None:
    made = read("reference")
    check = compared(made, ["Reasoning: low<|end|>", "Reasoning: high<|end|>", "1 + 1"])
    assert (check.differ, check.why) == (True, "by tokenizer.model")
    assert len(check.counts) == 3
    assert check.counts[0] > 0
    assert (tokenizer_of(made).file, tokenizer_of(made).kind) == ("tokenizer.model", "sentencepiece")


def test_texts_that_the_tokenizer_takes_for_the_same_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    same = [{"count": 3, "digest": "d"}, {"count": 3, "digest": "d"}]
    monkeypatch.setattr(tokens, "answer_of", lambda *_: json.dumps(same).encode() + b"\n")
    assert compared(read("reference"), ["a", "b"]) == TokenCheck(differ=False, why="by tokenizer.model", counts=(3, 3))


def test_a_tokenizer_of_bytes_needs_no_asking() -> None:
    made = read("qwen3")
    assert compared(made, ["a", "b"]) == TokenCheck(differ=True, why="tokenizer.json encodes bytes and loses none")
    assert compared(made, ["\u00e9", "e\u0301"]).differ is False
    assert tokenizer_of(made).kind == "tokenizers"


def _normalizes(value: dict[str, Any]) -> None:
    value["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]}


def _cuts(value: dict[str, Any]) -> None:
    removed = {"type": "Split", "behavior": "Removed"}
    value["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [removed, {"type": "ByteLevel"}]}


def _prefixes(value: dict[str, Any]) -> None:
    value["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": True}


def _lacks(value: dict[str, Any]) -> None:
    del value["model"]["vocab"]["a"]


def _strips(value: dict[str, Any]) -> None:
    value["added_tokens"][0]["rstrip"] = True


def _unigram(value: dict[str, Any]) -> None:
    value["model"]["type"] = "Unigram"


def _marks(value: dict[str, Any]) -> None:
    value["model"]["end_of_word_suffix"] = "</w>"


@pytest.mark.parametrize("change", [_normalizes, _cuts, _prefixes, _lacks, _strips, _unigram, _marks])
def test_a_tokenizer_that_may_lose_something_is_not_evaluated(change: Any) -> None:
    value = tokenizer()
    assert loss_of(value) == ""
    change(value)
    check = compared(read("qwen3", **{"tokenizer.json": json.dumps(value).encode()}), ["a", "b"])
    assert check.differ is None
    assert check.why.startswith("not evaluated: tokenizer.json ")


@pytest.mark.parametrize("value", [None, [], "x", {}, {"model": 3}, {"model": {"type": "BPE", "vocab": []}}], ids=repr)
def test_whatever_stands_in_the_file_is_at_most_not_evaluated(value: object) -> None:
    assert loss_of(value)


def test_without_a_tokenizer_or_levels_nothing_is_evaluated() -> None:
    made = read("qwen3", **{"tokenizer.json": None})
    assert compared(made, ["a", "b"]).differ is None
    assert tokenizer_of(made).file == ""
    assert compared(read("qwen3"), ["a"]).differ is None


def test_a_model_that_cannot_be_used_is_not_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    made = read("reference")
    monkeypatch.setattr(tokens, "answer_of", lambda *_: b"")
    assert compared(made, ["a", "b"]).why == "not evaluated: tokenizer.model could not be used within limits"


def test_a_process_that_cannot_be_started_is_not_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> bytes:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(tokens, "answer_of", fails)
    assert compared(read("reference"), ["a", "b"]).why == "not evaluated: No such file or directory"


def test_text_that_is_no_unicode_is_not_evaluated() -> None:
    assert compared(read("reference"), ["\ud800", "b"]).differ is None
