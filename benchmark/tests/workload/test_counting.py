import sys
from hashlib import sha256
from importlib import resources
from pathlib import Path

import pytest
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.workload.counting import WordEstimate, counter_of

FOLDER = Path(str(resources.files("triphase_model") / "reference"))
TEXT = "The harbour office replaced 47 valves, because the floods came early."


def test_both_kinds_of_tokenizer_count_alike() -> None:
    by_pieces, by_json = counter_of(str(FOLDER / "tokenizer.model")), counter_of(str(FOLDER / "tokenizer.json"))
    assert by_pieces.count(TEXT) == by_json.count(TEXT) > 20
    assert by_pieces.exact
    assert by_json.exact
    assert by_json.digest == sha256((FOLDER / "tokenizer.json").read_bytes()).hexdigest() != by_pieces.digest


def test_a_folder_and_the_name_of_the_reference_model_are_taken() -> None:
    assert counter_of("reference").name == counter_of(str(FOLDER)).name == str(FOLDER / "tokenizer.model")


def test_without_a_tokenizer_it_is_an_estimate_and_says_so() -> None:
    counter = counter_of(None)
    assert (counter.name, counter.exact) == ("estimate", False)
    assert counter.digest is None
    assert counter.count("") == 0
    assert counter.count(TEXT) == round(13 * 1.06)
    assert WordEstimate(2.0).count(TEXT) == 26


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("tokenizer.model", b"nothing", "is no SentencePiece model"),
        ("tokenizer.json", b"{}", "is no tokenizer.json"),
        ("vocabulary.txt", b"a", "it takes a tokenizer.model, a tokenizer.json, or a folder"),
    ],
)
def test_a_file_that_is_no_tokenizer_is_told(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=told) as raised:
        counter_of(str(tmp_path / name))
    assert "\n" not in str(raised.value)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"has no tokenizer.model and no tokenizer.json"):
        counter_of(str(tmp_path))
    with pytest.raises(BadInput, match=r"it takes a tokenizer\.model"):
        counter_of(str(tmp_path / "tokenizer.model"))


def test_the_extra_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(BadInput, match=r"triphase-benchmark\[tokenizers\]"):
        counter_of(str(FOLDER / "tokenizer.json"))
