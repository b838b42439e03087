"""What looks wrong and is healthy: each is named, made in a repository, and never a finding of weight."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
from make_examples import EXAMPLES
from repositories.clean import repository
from repositories.editing import Change, checked, dropping, setting, weighty, writing
from repositories.families import family
from tensor_files import Files
from triphase_model.validator.rendering.asking import render

CONFIG: Final = "config.json"
TOKENIZER: Final = "tokenizer_config.json"
GENERATION: Final = "generation_config.json"
README: Final = "README.md"


def _has(files: Files, file: str, *path: str) -> Any:
    value = json.loads(files[file])
    for part in path:
        value = value[part]
    return value


# Each with what shows that the repository has it, so that a trap which was lost is not taken for one that is passed.
TRAPS: Final[Mapping[str, tuple[Callable[[], Files], Callable[[Files], bool]]]] = {
    "rows beyond the last token": (
        EXAMPLES["fixed-model"],
        lambda files: _has(files, CONFIG, "vocab_size") > len(_has(files, "vocab.json")) + 26,
    ),
    "no beginning of text": (lambda: repository("qwen3"), lambda files: _has(files, TOKENIZER, "bos_token") is None),
    "control tokens that the family does not call special": (
        EXAMPLES["fixed-model"],
        lambda files: not any(token["special"] for token in _has(files, "tokenizer.json", "added_tokens")[14:]),
    ),
    "padding is the end of text": (
        lambda: family("llama3"),
        lambda files: _has(files, GENERATION, "pad_token_id") in _has(files, GENERATION, "eos_token_id"),
    ),
    "a layer more, for multi-token prediction": (
        lambda: family("deepseek"),
        lambda files: _has(files, CONFIG, "num_hidden_layers") == 2
        and b"model.layers.2." in files["model.safetensors"],
    ),
    "a turn that ends with what begins an answer": (
        lambda: family("mistral"),
        lambda files: "add_generation_prompt" not in _has(files, TOKENIZER, "chat_template"),
    ),
    "tied, and its output stored all the same": (
        lambda: family("qwen2"),
        lambda files: _has(files, CONFIG, "tie_word_embeddings") and b"lm_head.weight" in files["model.safetensors"],
    ),
    "a head that is not hidden_size / heads": (
        lambda: repository("qwen3"),
        lambda files: _has(files, CONFIG, "head_dim") * _has(files, CONFIG, "num_attention_heads")
        != _has(files, CONFIG, "hidden_size"),
    ),
    "sizes inside text_config": (lambda: family("gemma3"), lambda files: "vocab_size" not in _has(files, CONFIG)),
    "the class of Qwen2's tokenizer": (
        lambda: repository("qwen3"),
        lambda files: _has(files, TOKENIZER, "tokenizer_class") == "Qwen2Tokenizer",
    ),
    "a template that refuses systems": (
        lambda: family("gemma2"),
        lambda files: "no system" in _has(files, TOKENIZER, "chat_template"),
    ),
    "another end in history than at last": (
        lambda: family("gpt_oss"),
        lambda files: "<|return|>" in _has(files, TOKENIZER, "chat_template"),
    ),
    "a turn that ends where the next one begins": (
        lambda: family("glm4"),
        lambda files: "<|user|>" not in _has(files, TOKENIZER, "chat_template"),
    ),
    "shapes of packed weights": (lambda: family("packed"), lambda files: b".qweight" in files["model.safetensors"]),
}  # fmt: skip


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_there_and_is_not_told(trap: str) -> None:
    make, is_there = TRAPS[trap]
    files = make()
    assert is_there(files)
    result = checked(files)
    assert [(f.rule, f.message) for f in result.findings if f.severity != "info"] == []
    assert result.unanswered == ()


@pytest.mark.parametrize(
    "changes",
    [
        (setting(CONFIG, "bos_token_id", to=None),),
        (dropping(CONFIG, "bos_token_id"),),
        (setting(TOKENIZER, "pad_token", to="<|im_end|>"), setting(GENERATION, "pad_token_id", to=262)),
        (setting(TOKENIZER, "model_max_length", to=1e30),),
        (setting(TOKENIZER, "bos_token", to="<|endoftext|>"),),
        (setting(GENERATION, "eos_token_id", to=262),),
        (setting(CONFIG, "eos_token_id", to=[262, 260]),),
        (setting(CONFIG, "rope_scaling",
                 to={"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 10240}),),
        (setting(CONFIG, "torch_dtype", to="float16"),),
        (dropping(CONFIG, "rope_scaling"),),
        (dropping(TOKENIZER, "added_tokens_decoder"),),
        (writing("model.onnx", "x"),),
        (writing("notes.json", "{not read"),),
        (writing(README, "no front matter"),),
        (writing(README, "---\nbase_model: deepseek-ai/DeepSeek-R1-0528-Qwen3-8B\n---\n"),),
        (writing(README, "---\nbase_model: someone/of-no-known-family\n---\n"),),
    ],
)  # fmt: skip
def test_differences_that_are_healthy_are_not_told(changes: tuple[Change, ...]) -> None:
    files = repository("qwen3")
    for change in changes:
        change(files)
    assert weighty(checked(files)) == set()


def test_where_no_token_ends_an_answer_the_next_turn_does() -> None:
    files = family("glm4")
    assert [finding.rule for finding in checked(files).findings if finding.rule == "T01"] == []
    setting(GENERATION, "eos_token_id", to=[256])(files)
    setting(CONFIG, "eos_token_id", to=256)(files)
    assert "T01" in weighty(checked(files))


def test_a_name_that_a_template_sets_itself_is_no_variable_of_it() -> None:
    source = (
        "{%- for m in messages -%}{%- set content = m.content -%}<|im_start|>{{ m.role }}\n{{ content }}<|im_end|>\n"
        "{%- endfor -%}{%- if add_generation_prompt -%}<|im_start|>assistant\n{%- endif -%}"
    )
    files = repository("qwen3")
    writing("chat_template.jinja", source)(files)
    assert weighty(checked(files)) == set()
    assert render(source, {}).variables == {"messages", "add_generation_prompt"}
