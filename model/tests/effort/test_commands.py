"""`triphase-model effort` as a user runs it: reports, profiles, exit codes, one line where there is nothing to tell."""

import json
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from repositories.reasoning import of_family, repository
from triphase_model.cli import app
from triphase_model.effort.commands import EngineName
from triphase_model.effort.engines import ENGINES
from triphase_model.effort.profile import Status, read
from typer.testing import CliRunner, Result

REFERENCE = str(files("triphase_model") / "reference")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["effort", *arguments])


def written(path: Path, made: dict[str, bytes]) -> str:
    path.mkdir(exist_ok=True)
    for name, data in made.items():
        (path / name).write_bytes(data)
    return str(path)


def of(tmp_path: Path, template: str) -> str:
    return written(tmp_path / "model", repository(template))


def test_the_engines_of_the_option_are_those_that_are_known() -> None:
    assert {one.value for one in EngineName} == set(ENGINES)


def test_the_reference_model_is_graded() -> None:
    result = run(REFERENCE)
    assert (result.exit_code, result.stderr) == (0, "")
    last = "reference: effort=graded, variable=reasoning_effort (levels: none, low, medium, high)"
    assert result.stdout.splitlines()[-1] == last
    assert "\x1b" not in result.stdout


def test_colours_are_for_terminals_only() -> None:
    coloured = CliRunner().invoke(app, ["effort", REFERENCE, "--engine", "vllm"], color=True)
    assert "\x1b[32m" in coloured.stdout


def test_one_engine_alone_is_told(tmp_path: Path) -> None:
    result = run(written(tmp_path, of_family("qwen3")), "--engine", "vllm")
    lines = result.stdout.splitlines()
    assert result.exit_code == 10
    assert "  classes   {none} ≠ {minimal, low, medium, high, xhigh, max}" in lines
    assert "vllm" in lines
    assert "sglang" not in lines
    assert any(line.startswith("  5 closed  efforts stay apart") for line in lines)


def test_the_chain_in_words(tmp_path: Path) -> None:
    result = run(written(tmp_path, of_family("qwen3")), "--explain", "--engine", "vllm", "--engine", "friendli")
    assert "The prompt of none differs from medium in the generation prompt." in result.stdout
    assert "On vllm: vLLM 0.33 sets reasoning_effort if the template declares it, and enable_thinking" in result.stdout
    assert "{none} ≠ {minimal, low, medium, high, xhigh, max}; within one, prompts are equal." in result.stdout
    assert "All of minimal, low, medium, high, xhigh, max give the same prompt, byte for byte." in result.stdout
    assert "bound thoughts by thinking_token_budget" in result.stdout


@pytest.mark.parametrize("family", ["deepseek-v4", "hy3", "magistral", "gpt-oss", "smollm3"])
def test_every_family_can_be_explained(tmp_path: Path, family: str) -> None:
    folder = written(tmp_path / family, of_family(family))
    told, explained = run(folder), run(folder, "--explain")
    assert told.exit_code == explained.exit_code == (0 if family == "gpt-oss" else 10)
    assert told.stdout.splitlines()[-1] == explained.stdout.splitlines()[-1]
    assert told.stdout.splitlines()[-1].startswith(f"{family}: effort=")


def test_the_profile_is_the_answer_in_both_forms(tmp_path: Path) -> None:
    in_json, in_toml = run(REFERENCE, "--format", "json"), run(REFERENCE, "--format", "toml")
    assert json.loads(in_json.stdout) == tomllib.loads(in_toml.stdout)
    assert list(json.loads(in_json.stdout)["effort"]["levels"]) == ["none", "low", "medium", "high"]
    only = run(REFERENCE, "--format", "json", "--engine", "llama.cpp")
    assert list(json.loads(only.stdout)["effort"]["engines"]) == ["llama.cpp"]


@pytest.mark.parametrize("name", ["p.toml", "p.json"])
def test_a_profile_is_written_and_names_the_tokenizer_from_where_it_lies(tmp_path: Path, name: str) -> None:
    out = tmp_path / "deep" / name
    out.parent.mkdir()
    result = run(REFERENCE, "--out", str(out))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith("reference: effort=graded")
    profile = read(out)
    assert profile.effort.status is Status.GRADED
    assert (out.parent / profile.tokenizer.file).resolve() == (Path(REFERENCE) / "tokenizer.model").resolve()


def test_where_a_profile_cannot_be_written_it_is_one_line_and_30(tmp_path: Path) -> None:
    for out in (tmp_path / "no" / "p.toml", tmp_path):
        result = run(REFERENCE, "--out", str(out))
        assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (30, "", 1)


def test_where_there_is_no_repository_it_is_one_line_and_30(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for path in (tmp_path / "nowhere", empty, Path(__file__), Path("x" * 300)):
        result = run(str(path))
        assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (30, "", 1)


BAD = {
    "none at all": ("", "the chat template chat_template.jinja is empty", 20),
    "syntax": ("{% if %}", "the template does not compile: ", 20),
    "raises": ("{{ raise_exception('never') }}", "the simplest chat cannot be rendered: never", 20),
    "attack": ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "the simplest chat cannot be rendered: ", 20),
    "needs more": ("{{ who.name }}", "the simplest chat cannot be rendered: 'who' is undefined", 20),
    "loops": (
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "it took too much time",
        30,
    ),
    "memory": ("{{ 'A' * 10000000000 }}", "the simplest chat cannot be rendered: ", 30),
    "deep": ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "the template does not compile: ", 30),
    "long": ("a" * 300_000, "the template does not compile: it has 300000 characters", 30),
}


@pytest.mark.parametrize(("template", "why", "code"), BAD.values(), ids=list(BAD))
def test_a_template_that_no_chat_can_use_is_told(tmp_path: Path, template: str, why: str, code: int) -> None:
    folder = of(tmp_path, template)
    result = run(folder)
    assert (result.exit_code, result.stderr) == (code, "")
    assert why in result.stdout.splitlines()[0]
    assert result.stdout.splitlines()[-1] == "model: no chat can be rendered"
    assert run(folder, "--explain").exit_code == code


def test_no_profile_is_made_of_what_no_chat_can_use(tmp_path: Path) -> None:
    folder, out = of(tmp_path, "{{ raise_exception('never') }}"), tmp_path / "p.toml"
    for arguments in (("--format", "toml"), ("--format", "json"), ("--out", str(out))):
        result = run(folder, *arguments)
        assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (20, "", 1)
    assert not out.exists()


def test_one_effort_that_never_ends_is_refused_and_the_others_are_told(tmp_path: Path) -> None:
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    template = (
        "{{ messages[0].content }}{{ reasoning_effort }}{% if reasoning_effort == 'max' %}" + loop + "{% endif %}"
    )
    result = run(of(tmp_path, template), "--format", "json")
    effort = json.loads(result.stdout)["effort"]
    assert (effort["status"], effort["refused"]) == ("raises", ["max"])
    assert effort["engines"]["vllm"]["refused"] == ["max"]


def test_control_characters_of_a_template_reach_no_terminal(tmp_path: Path) -> None:
    template = "{{ messages[0].content }}{% if reasoning_effort == 'high' %}\x1b[31m\x07{% endif %}"
    for option in ((), ("--explain",)):
        result = CliRunner().invoke(app, ["effort", of(tmp_path, template), *option])
        assert "\x1b[31m" not in result.stdout
        assert "\x07" not in result.stdout


def test_unknown_options_are_usage_errors() -> None:
    assert run(REFERENCE, "--engine", "ollama").exit_code == 2
    assert run(REFERENCE, "--format", "yaml").exit_code == 2
