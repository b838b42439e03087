"""The case that this validator was made for: a Qwen3 whose template was removed and whose README names a Llama.

Everything else in it is right, and each published repair of it does harm. Exactly two things are told, and the harmful
repairs are told as the faults that they make.
"""

import json

import pytest
from repositories.clean import ORDINARY, repository
from repositories.editing import (
    Change,
    Files,
    checked,
    deleting,
    dropping,
    mended,
    replacing,
    setting,
    the,
    weighty,
    writing,
)
from triphase_model.validator.checking import Verdict
from triphase_model.validator.fixes import Remedy

CONFIG = "config.json"
TOKENIZER = "tokenizer_config.json"


def broken_model() -> Files:
    files = repository("qwen3")
    deleting("chat_template.jinja")(files)
    replacing("README.md", "Qwen/Qwen3-8B", "meta-llama/Meta-Llama-3.1-8B")(files)
    return files


def test_broken_model() -> None:
    result = checked(broken_model())
    assert [(finding.rule, finding.severity) for finding in result.findings] == [("C01", "error"), ("F13", "warning")]
    assert result.verdict is Verdict.ERRORS


def test_its_two_choices_make_it_clean_and_nothing_else_is_touched() -> None:
    files = broken_model()
    assert mended(files).files == {}
    made = mended(files, C01="chatml", F13="remove")
    assert set(made.files) == {"chat_template.jinja", "README.md"}
    assert made.after.findings == ()
    assert b"base_model" not in made.files["README.md"]


def test_the_case_as_it_is_told_with_many_defects_is_found_and_mended_without_harm() -> None:
    files = broken_model()
    setting(CONFIG, "vocab_size", to=ORDINARY)(files)
    setting(CONFIG, "eos_token_id", to=40)(files)
    setting(CONFIG, "num_hidden_layers", to=2)(files)
    setting(TOKENIZER, "model_max_length", to=512)(files)
    setting("generation_config.json", "pad_token_id", to=-1)(files)
    assert weighty(checked(files)) == {"C01", "F13", "V01", "T04", "A06", "K10", "T05"}
    made = mended(files, C01="chatml", F13="remove", K10="positions")
    assert made.after.findings == ()
    clean = json.loads(repository("qwen3")[CONFIG])
    assert json.loads(made.files[CONFIG]) == clean


@pytest.mark.parametrize(
    ("repair", "told"),
    [
        (setting(CONFIG, "vocab_size", to=ORDINARY), "V01"),
        (setting(CONFIG, "model_type", to="llama"), "A04"),
        (setting(TOKENIZER, "eos_token", to="<|eot_id|>"), "V06"),
        (setting(TOKENIZER, "bos_token", to="<|begin_of_text|>"), "V06"),
        (setting(CONFIG, "num_hidden_layers", to=2), "A06"),
        (setting(CONFIG, "intermediate_size", to=14336), "A21"),
        (writing("chat_template.jinja", "{% for m in messages %}<|eot_id|>{{ m.content }}{% endfor %}"), "C13"),
    ],
)
def test_published_repairs_are_told_as_faults(repair: Change, told: str) -> None:
    files = broken_model()
    repair(files)
    assert told in weighty(checked(files))


def test_the_repairs_by_the_readme_are_refused_by_name() -> None:
    files = repository("qwen3")
    setting(CONFIG, "vocab_size", to=ORDINARY)(files)
    setting(CONFIG, "model_type", to="llama")(files)
    result = checked(files)
    for rule, way in (("V01", "tokenizer"), ("A04", "readme")):
        fix = the(result, rule).fix
        assert fix is not None
        assert not isinstance(fix.ways[way], Remedy)


@pytest.mark.parametrize(
    "difference",
    [
        setting(CONFIG, "bos_token_id", to=None),
        dropping(CONFIG, "bos_token_id"),
        setting(TOKENIZER, "pad_token", to="<|im_end|>"),
        setting(TOKENIZER, "model_max_length", to=1e30),
        setting(TOKENIZER, "bos_token", to="<|endoftext|>"),
        setting("generation_config.json", "eos_token_id", to=262),
        setting(CONFIG, "rope_scaling", to={"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 10240}),
        setting(CONFIG, "torch_dtype", to="float16"),
        dropping(CONFIG, "rope_scaling"),
        dropping(TOKENIZER, "added_tokens_decoder"),
        writing("model.onnx", "x"),
        writing("notes.json", "{not read"),
        writing("README.md", "no front matter"),
        writing("README.md", "---\nbase_model: deepseek-ai/DeepSeek-R1-0528-Qwen3-8B\n---\n"),
        writing("README.md", "---\nbase_model: someone/of-no-known-family\n---\n"),
    ],
)
def test_differences_that_are_healthy_are_not_told(difference: Change) -> None:
    files = repository("qwen3")
    difference(files)
    if "pad_token" in files[TOKENIZER].decode() and b'"pad_token": "<|im_end|>"' in files[TOKENIZER]:
        setting("generation_config.json", "pad_token_id", to=262)(files)
    assert weighty(checked(files)) == set()
