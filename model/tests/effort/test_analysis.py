"""What the analysis says where there is no template to judge, and of what stands around one."""

import json

import pytest
from repositories.reasoning import TEMPLATES, repository
from triphase_model.effort.analysis import analyse
from triphase_model.validator.checking import Verdict
from triphase_model.validator.rendering.results import Rendering
from triphase_model.validator.source import Source

CONFIG = b'{"model_type": "qwen3"}'
NAMED = [{"name": "tool_use", "template": "{{ messages[0].content }}"}]

WITHOUT = {
    "no template": ({"config.json": CONFIG}, "there is no chat template: an engine refuses every chat"),
    "broken JSON": ({"tokenizer_config.json": b"{"}, "tokenizer_config.json cannot be read, so no chat template"),
    "a pointer": (
        {"tokenizer_config.json": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"},
        "tokenizer_config.json cannot be read",
    ),
    "no default": (
        {"tokenizer_config.json": json.dumps({"chat_template": NAMED}).encode()},
        "none of the chat templates is the default one",
    ),
    "empty": ({"chat_template.jinja": b" \n"}, "the chat template chat_template.jinja is empty"),
}


@pytest.mark.parametrize(("files", "why"), WITHOUT.values(), ids=list(WITHOUT))
def test_where_there_is_no_template_it_says_why(files: dict[str, bytes], why: str) -> None:
    made = analyse(Source.of_files(files))
    assert made.problem.startswith(why)
    assert (made.verdict, made.template) == (Verdict.ERRORS, None)


def test_a_process_that_cannot_be_started_is_no_fault_of_the_repository() -> None:
    lost = Rendering(lost="no process could be started for it: Cannot allocate memory")
    made = analyse(Source.of_files(repository(TEMPLATES["qwen3"])), renderer=lambda *_: lost)
    assert (made.problem, made.verdict) == (lost.lost, Verdict.UNANSWERED)


def test_the_template_of_the_tokenizer_s_configuration_counts_where_no_file_has_one() -> None:
    files = repository("", model_type="qwen3")
    del files["chat_template.jinja"]
    files["tokenizer_config.json"] = json.dumps({"chat_template": TEMPLATES["qwen3"]}).encode()
    made = analyse(Source.of_files(files))
    assert made.template is not None
    assert (made.template.name, made.family, made.classes.variable) == (
        "tokenizer_config.json",
        "qwen3",
        "enable_thinking",
    )


def test_special_tokens_are_those_of_the_repository() -> None:
    template = "{{ bos_token + 'x' }}{{ messages[0].content }}"
    assert analyse(Source.of_files(repository(template))).problem == ""
    without = repository(template) | {"tokenizer_config.json": b"{}"}
    assert "'bos_token' is undefined" in analyse(Source.of_files(without)).problem
