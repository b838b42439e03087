"""The case that this validator was made for: a Qwen3 whose template was removed and whose README names a Llama.

Everything else in it is right, and each published repair of it does harm. Exactly two things are told, and the harmful
repairs are told as the faults that they make. The repositories are those of `examples/`, read from their folders.
"""

import json
from pathlib import Path

import make_examples
import pytest
from make_examples import EXAMPLE, EXAMPLES, HERE, differences
from repositories.editing import Change, checked, mended, setting, the, weighty, whole, writing
from tensor_files import Files
from triphase_model.cli import app
from triphase_model.validator.checking import Verdict
from triphase_model.validator.fixes import Remedy
from typer.testing import CliRunner

CONFIG = "config.json"
TOKENIZER = "tokenizer_config.json"
CHOICE = {"C01": "chatml"}


def example(name: str) -> Files:
    return {path.name: path.read_bytes() for path in (HERE / name).iterdir()}


def command(*arguments: str | Path) -> int:
    return CliRunner().invoke(app, [str(argument) for argument in arguments]).exit_code


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_are_what_their_code_makes(name: str) -> None:
    assert differences(HERE / name, EXAMPLES[name]()) == []


def test_every_folder_of_examples_is_made_by_code() -> None:
    folders = {path.name for path in HERE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(EXAMPLES)


def test_an_example_that_was_changed_is_told_and_renewed(tmp_path: Path) -> None:
    files = EXAMPLES["fixed-model"]()
    make_examples.write(tmp_path / "model", files)
    (tmp_path / "model" / CONFIG).write_text("{}")
    (tmp_path / "model" / "more").touch()
    assert differences(tmp_path / "model", files) == [CONFIG, "more"]
    make_examples.write(tmp_path / "model", files)
    assert differences(tmp_path / "model", files) == []


def test_broken_model() -> None:
    result = checked(example("broken-model"))
    assert [(finding.rule, finding.severity) for finding in result.findings] == [("C01", "error"), ("F13", "warning")]
    assert (result.unanswered, result.verdict) == ((), Verdict.ERRORS)


def test_fixed_model_is_clean() -> None:
    result = checked(example("fixed-model"))
    assert (result.findings, result.unanswered, result.verdict) == ((), (), Verdict.CLEAN)


def test_fixed_model_is_what_one_choice_makes_of_broken_model(tmp_path: Path) -> None:
    assert set(mended(example("broken-model")).files) == {"README.md"}
    choices = [part for rule, way in CHOICE.items() for part in ("--apply", f"{rule}={way}")]
    assert command("fix", HERE / "broken-model", "--out", tmp_path / "mended", *choices) == 0
    assert differences(tmp_path / "mended", example("fixed-model")) == []


def test_broken_model_as_described_is_found_and_mended_without_harm() -> None:
    files = example("broken-model-as-described")
    assert weighty(checked(files)) == {"C01", "F13", "V01", "T04", "A06", "K10", "T05"}
    made = mended(files, **CHOICE, K10="positions")
    assert made.after.findings == ()
    after = whole(made)
    for name, data in example("fixed-model").items():
        if name != TOKENIZER:
            assert after[name] == data, name
    # How far beyond its positions a tokenizer may count is in no file, so the choice takes what the model has.
    assert json.loads(after[TOKENIZER]) == {**json.loads(example("fixed-model")[TOKENIZER]), "model_max_length": 40960}


def test_the_values_of_the_example_are_those_of_its_model() -> None:
    config = json.loads(example("fixed-model")[CONFIG])
    expected = {"num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8, "rope_theta": 1000000,
                "rms_norm_eps": 1e-06, "max_position_embeddings": 40960, "rope_scaling": None,
                "tie_word_embeddings": False}  # fmt: skip
    assert {key: config[key] for key in expected} == expected
    vocabulary = json.loads(example("fixed-model")["vocab.json"])
    with_added = len(vocabulary) + len(EXAMPLE.added)
    assert (len(vocabulary), with_added, config["vocab_size"]) == (512, 538, 640)


@pytest.mark.parametrize(
    ("repair", "told"),
    [
        (setting(CONFIG, "vocab_size", to=EXAMPLE.ordinary), "V01"),
        (setting(CONFIG, "vocab_size", to=EXAMPLE.ordinary + len(EXAMPLE.added)), "V01"),
        (setting(CONFIG, "model_type", to="llama"), "A04"),
        (setting(TOKENIZER, "eos_token", to="<|eot_id|>"), "V06"),
        (setting(TOKENIZER, "bos_token", to="<|begin_of_text|>"), "V06"),
        (setting(CONFIG, "num_hidden_layers", to=32), "A06"),
        (setting(CONFIG, "intermediate_size", to=14336), "A21"),
        (writing("chat_template.jinja", "{% for m in messages %}<|eot_id|>{{ m.content }}{% endfor %}"), "C13"),
    ],
)
def test_published_repairs_are_told_as_faults(repair: Change, told: str) -> None:
    files = example("broken-model")
    repair(files)
    assert told in weighty(checked(files)) - weighty(checked(example("broken-model")))


def test_the_repairs_by_the_readme_are_refused_by_name() -> None:
    files = example("broken-model")
    setting(CONFIG, "vocab_size", to=EXAMPLE.ordinary)(files)
    setting(CONFIG, "model_type", to="llama")(files)
    result = checked(files)
    for rule, way in (("V01", "tokenizer"), ("A04", "readme"), ("C01", "llama3")):
        fix = the(result, rule).fix
        assert fix is not None
        assert not isinstance(fix.ways[way], Remedy)
