"""Fixes: those that are safe are made and hold, those that need a choice wait for it, harmful ones are refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from repositories.clean import ROWS, SHARDS, added_id, repository
from repositories.editing import Change, Fault, checked, deleting, dropping, mended, setting, weighty, writing
from repositories.families import family
from repositories.faults import ALL
from tensor_files import Files
from triphase_model.cli import app
from triphase_model.validator import checking
from triphase_model.validator.catalog import RULES
from triphase_model.validator.findings import Problem, is_weighty
from triphase_model.validator.fixes import NO_CHOICE, Fix, Refusal, Remedy, SetValue
from triphase_model.validator.mending import CannotChoose
from triphase_model.validator.repository import Repository
from triphase_model.validator.rule import Rule
from typer.testing import CliRunner, Result

CONFIG = "config.json"
# What a fix cannot know: the repository has two faults, and only one of them leaves one answer.
LEFT = {"V11 a text twice"}


def broken(fault: Fault) -> Files:
    files = repository(fault.base)
    for change in fault.changes:
        change(files)
    return files


@pytest.mark.parametrize("fault", ALL, ids=str)
def test_what_leaves_one_answer_is_mended_and_stays_so(fault: Fault) -> None:
    files = broken(fault)
    made = mended(files)
    told = [finding for finding in made.before.findings if finding.rule == fault.rule and is_weighty(finding)]
    certain = [finding for finding in told if finding.fix and finding.fix.automatic]
    assert weighty(made.after) <= weighty(made.before)
    if not certain or str(fault) in LEFT:
        return
    assert fault.rule not in {finding.rule for finding in made.after.findings}
    assert weighty(made.after) == set()
    again = mended({**files, **made.files})
    assert (again.files, again.steps) == ({}, ())


@pytest.mark.parametrize("base", ["reference", "qwen3"])
def test_nothing_is_done_to_a_clean_repository(base: str) -> None:
    made = mended(repository(base))
    assert (made.files, made.steps) == ({}, ())


@pytest.mark.parametrize(
    ("change", "file"),
    [
        (setting(CONFIG, "vocab_size", to=269), CONFIG),
        (setting(CONFIG, "model_type", to="llama"), CONFIG),
        (setting(CONFIG, "num_hidden_layers", to=9), CONFIG),
        (setting(CONFIG, "num_attention_heads", to=8), CONFIG),
        (setting(CONFIG, "head_dim", to=64), CONFIG),
        (setting("generation_config.json", "do_sample", to=False), "generation_config.json"),
        (setting("tokenizer.json", "added_tokens", 2, "special", to=False), "tokenizer.json"),
        (setting("tokenizer_config.json", "added_tokens_decoder", "262", "content", to="x"), "tokenizer_config.json"),
        (setting("model.safetensors.index.json", "weight_map", "lm_head.weight", to=SHARDS[0]), SHARDS[0]),
    ],
)
def test_the_value_that_was_there_comes_back_and_nothing_else_changes(change: Change, file: str) -> None:
    files, clean = repository("qwen3"), repository("qwen3")
    change(files)
    whole = {**files, **mended(files).files}
    for name in clean:
        same = whole[name] == clean[name] or json.loads(whole[name]) == json.loads(clean[name])
        assert same, name


def test_only_the_line_of_the_value_changes() -> None:
    files = repository("qwen3")
    setting(CONFIG, "vocab_size", to=269)(files)
    before, after = files[CONFIG].splitlines(), mended(files).files[CONFIG].splitlines()
    assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [
        (b'  "vocab_size": 269', b'  "vocab_size": 320')
    ]


def test_the_end_that_is_added_is_that_of_the_last_answer() -> None:
    files = family("gpt_oss")
    setting("generation_config.json", "eos_token_id", to=257)(files)
    setting(CONFIG, "eos_token_id", to=257)(files)
    setting("tokenizer_config.json", "eos_token", to="<|endoftext|>")(files)
    made = mended(files)
    assert weighty(made.before) == {"T01"}
    assert json.loads(made.files["generation_config.json"])["eos_token_id"] == [256, 257]


@pytest.mark.parametrize("choice", [{"V01": "tokenizer"}, {"A04": "readme"}, {"C01": "llama3"}])
def test_harmful_ways_are_refused_with_the_reason(choice: dict[str, str]) -> None:
    files = repository("qwen3")
    setting(CONFIG, "vocab_size", to=269)(files)
    setting(CONFIG, "model_type", to="llama")(files)
    deleting("chat_template.jinja")(files)
    with pytest.raises(CannotChoose, match="refused"):
        mended(files, **choice)


def test_a_choice_that_is_not_offered_names_those_that_are() -> None:
    files = repository("qwen3")
    deleting("chat_template.jinja")(files)
    with pytest.raises(CannotChoose, match="it offers chatml"):
        mended(files, C01="alpaca")
    with pytest.raises(CannotChoose, match="no finding"):
        mended(files, V01="automatic")


def test_where_two_tokens_end_a_turn_the_likelier_comes_first_and_a_person_chooses() -> None:
    files = broken(next(fault for fault in ALL if fault.name == "two tokens end the turn"))
    made = mended(files)
    finding = next(finding for finding in made.before.findings if finding.rule == "T01")
    assert (made.files, list(finding.fix.ways if finding.fix else ())) == ({}, ["<|im_end|>", "</tool_call>"])
    assert weighty(mended(files, T01="<|im_end|>").after) == set()


def test_what_is_only_worth_knowing_is_mended_by_name_only() -> None:
    files = repository("qwen3")
    setting("model.safetensors.index.json", "metadata", "total_size", to=5)(files)
    assert mended(files).files == {}
    assert mended(files, W06=NO_CHOICE).after.findings == ()


def test_a_choice_is_made_by_name_only() -> None:
    files = repository("qwen3")
    deleting("chat_template.jinja")(files)
    assert mended(files).files == {}
    made = mended(files, C01="chatml")
    assert (set(made.files), weighty(made.after)) == ({"chat_template.jinja"}, set())


def test_a_fix_that_brings_something_new_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def believes_the_tokenizer(rule: Rule) -> Rule:
        if rule.code != "V01":
            return rule

        def check(repository: Repository) -> list[Problem]:
            edit = SetValue(file=CONFIG, pointer="/num_hidden_layers", value=77)
            fix = Fix(ways={NO_CHOICE: Remedy(edits=(edit,), why="")})
            return [replace(problem, fix=fix) for problem in rule.check(repository)]

        return replace(rule, check=check)

    monkeypatch.setattr(checking, "RULES", tuple(believes_the_tokenizer(rule) for rule in RULES))
    files = repository("qwen3")
    setting(CONFIG, "vocab_size", to=269)(files)
    made = mended(files)
    assert made.files == {}
    assert [step.taken_back for step in made.steps] == ["it would bring A05 at config.json /num_hidden_layers"]


def test_several_faults_are_mended_one_after_another() -> None:
    files = repository("qwen3")
    setting(CONFIG, "vocab_size", to=269)(files)
    setting(CONFIG, "num_hidden_layers", to=9)(files)
    dropping(CONFIG, "architectures")(files)
    setting("generation_config.json", "eos_token_id", to=added_id("<|endoftext|>"))(files)
    setting(CONFIG, "eos_token_id", to=added_id("<|endoftext|>"))(files)
    made = mended(files)
    assert weighty(made.after) == set()
    config = json.loads(made.files[CONFIG])
    assert (config["vocab_size"], config["num_hidden_layers"]) == (ROWS, 3)


def test_every_refusal_says_why() -> None:
    told = [
        finding for fault in ALL if fault.rule in ("V01", "A04", "C01") for finding in checked(broken(fault)).findings
    ]
    ways = [way for finding in told if finding.fix for way in finding.fix.ways.values()]
    refused = [way for way in ways if isinstance(way, Refusal)]
    assert len(refused) > 3
    assert all(len(way.why) > 20 for way in refused)


# The command.


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["fix", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = repository("qwen3")
    setting(CONFIG, "vocab_size", to=269)(files)
    writing("additional_chat_templates/x.jinja", "x")(files)
    path = tmp_path / "model"
    (path / "additional_chat_templates").mkdir(parents=True)
    for name, data in files.items():
        (path / name).write_bytes(data)
    return path


def test_the_new_folder_is_whole_and_the_old_one_as_it_was(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    new = folder.parent / "new"
    result = run(str(folder), "--out", str(new))
    assert result.exit_code == 0, result.stdout
    assert '-  "vocab_size": 269' in result.stdout
    assert '+  "vocab_size": 320' in result.stdout
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert {p.relative_to(new) for p in new.rglob("*")} == {p.relative_to(folder) for p in folder.rglob("*")}
    assert (new / SHARDS[0]).read_bytes() == (folder / SHARDS[0]).read_bytes()
    assert CliRunner().invoke(app, ["check", str(new)]).exit_code == 0
    assert sorted(path.name for path in folder.parent.iterdir()) == ["model", "new"]


def test_without_a_new_folder_nothing_is_written(folder: Path) -> None:
    assert run(str(folder)).exit_code == 0
    assert json.loads((folder / CONFIG).read_bytes())["vocab_size"] == 269
    assert len(list(folder.parent.iterdir())) == 1


def test_a_folder_that_is_there_or_cannot_be_made_is_one_line_and_30(folder: Path) -> None:
    for out in (folder, folder.parent / "no" / "where", folder / CONFIG / "x"):
        result = run(str(folder), "--out", str(out))
        assert (result.exit_code, len(result.stderr.splitlines())) == (30, 1)


def test_a_copy_that_fails_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    result = run(str(folder), "--out", str(folder.parent / "new"))
    assert (result.exit_code, [path.name for path in folder.parent.iterdir()]) == (30, ["model"])
    assert "No space left" in result.stderr


@pytest.mark.parametrize("choice", ["V01", "V01=", "X99=a", "V01=tokenizer", "F13=nothing"])
def test_wrong_choices_are_usage_errors_and_write_nothing(folder: Path, choice: str) -> None:
    result = run(str(folder), "--apply", choice, "--out", str(folder.parent / "new"))
    assert result.exit_code == 2
    assert not (folder.parent / "new").exists()
