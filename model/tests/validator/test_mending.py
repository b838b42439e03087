"""Fixes: those that are safe are made and hold, those that need a choice wait for it, harmful ones are refused."""

import json
from dataclasses import replace

import pytest
from repositories.clean import ROWS, SHARDS, added_id, repository
from repositories.editing import (
    Change,
    Fault,
    checked,
    deleting,
    dropping,
    mended,
    renderer,
    setting,
    weighty,
    whole,
    writing,
)
from repositories.families import family
from repositories.faults import ALL
from tensor_files import Files
from triphase_model.validator import checking
from triphase_model.validator.catalog import RULES
from triphase_model.validator.explaining import explanation
from triphase_model.validator.findings import Problem, is_weighty
from triphase_model.validator.fixes import NO_CHOICE, Fix, Refusal, Remedy, SetValue
from triphase_model.validator.mending import CannotChoose, mend
from triphase_model.validator.repository import Repository
from triphase_model.validator.rule import Rule
from triphase_model.validator.source import Source

CONFIG = "config.json"
# The rules whose findings leave one answer, in some repository at least.
ONE_ANSWER = {
    "F05", "F06", "F11", "F13", "V01", "V04", "V05", "V07", "V14", "V15", "T01", "T03", "T04", "T05", "T07", "C11",
    "C14", "C16", "A01", "A02", "A03", "A04", "A05", "A06", "A08", "A11", "A12", "A13", "A20", "A21", "A22", "A23",
    "A24", "A25", "A27", "A28", "A40", "A41", "A45", "A46", "A47", "W04", "W06", "W07", "W09", "W10", "W11",
    "W13", "K02", "K05", "K06", "K07", "K11", "K13", "K14", "R03", "R10", "R11", "G01", "G02", "G03", "G04",
    "G06", "G07", "G08", "G09", "G10", "Q02",
}  # fmt: skip
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
    told = [finding for finding in checked(files).findings if finding.rule == fault.rule]
    certain = [finding for finding in told if finding.fix and finding.fix.automatic]
    # What is only worth knowing is mended by name.
    made = mended(files, **({} if any(map(is_weighty, told)) or not certain else {fault.rule: NO_CHOICE}))
    assert weighty(made.after) <= weighty(made.before)
    if not certain or str(fault) in LEFT:
        return
    assert fault.rule not in {finding.rule for finding in made.after.findings}
    assert weighty(made.after) == set()
    again = mended(whole(made))
    assert (again.files, again.headers, again.steps) == ({}, frozenset(), ())


@pytest.mark.parametrize("file", ["config.json", "generation_config.json", "tokenizer_config.json"])
def test_what_cannot_be_read_whole_is_not_mended_and_never_a_crash(file: str) -> None:
    for fault in (one for one in ALL if str(one).startswith(("T01", "T03", "T04", "T07", "T11", "V04"))):
        files = broken(fault)
        source = Source.of_files(files, sizes={file: 65 << 20})
        assert file not in mend(source, renderer=renderer()).files


def test_the_rules_that_leave_one_answer_are_these_and_no_others() -> None:
    told = [finding for fault in ALL for finding in checked(broken(fault)).findings]
    assert {finding.rule for finding in told if finding.fix and finding.fix.automatic} == ONE_ANSWER


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_page_of_a_rule_says_whether_it_may_be_mended_by_itself(rule: Rule) -> None:
    mend_part = explanation(rule).partition("**Mend:**")[2].partition("**Source:**")[0]
    assert ("automatic" in mend_part.lower()) is (rule.code in ONE_ANSWER)


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
    back = whole(mended(files))
    for name in clean:
        same = back[name] == clean[name] or json.loads(back[name]) == json.loads(clean[name])
        assert same, name


@pytest.mark.parametrize(
    ("fault", "file", "key", "value"),
    [
        ("F11 no generation configuration", "generation_config.json", "eos_token_id", 262),
        ("A41 a pattern that ends early", CONFIG, "layer_types",
         ["full_attention", "sliding_attention", "full_attention"]),
        ("A46 twice the memory", CONFIG, "torch_dtype", "bfloat16"),
        ("A27 no head_dim, where it cannot be divided", CONFIG, "head_dim", 32),
        ("A25 three key heads", CONFIG, "num_key_value_heads", 2),
        ("R11 the new form alone", CONFIG, "rope_theta", 1000000),
        ("G07 in the other file", "generation_config.json", "temperature", 0.6),
        ("V14 on an ordinary token", "added_tokens.json", "<|new|>", None),
    ],
)  # fmt: skip
def test_what_is_written_is_what_the_witnesses_say(fault: str, file: str, key: str, value: object) -> None:
    one = next(one for one in ALL if str(one) == fault)
    after = json.loads(whole(mended(broken(one), **{one.rule: NO_CHOICE}))[file])
    assert after.get(key) == value


def test_scaling_in_the_new_form_is_written_in_the_old_one_too() -> None:
    files = repository("qwen3")
    block = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 10240}
    dropping(CONFIG, "rope_theta")(files)
    dropping(CONFIG, "rope_scaling")(files)
    setting(CONFIG, "rope_parameters", to={**block, "rope_theta": 1000000})(files)
    config = json.loads(whole(mended(files, R11=NO_CHOICE))[CONFIG])
    assert (config["rope_theta"], config["rope_scaling"]) == (1000000, block)


def test_a_backslash_and_an_n_becomes_the_end_of_a_line_wherever_it_stands() -> None:
    files = repository("qwen3")
    text = files["chat_template.jinja"].decode()
    spoiled = text.replace("\\n", "\\\\n").replace("{%- endfor -%}\n{%- if add", "{%- endfor %}\\n{%- if add")
    writing("chat_template.jinja", spoiled)(files)
    made = mended(files)
    assert weighty(made.before) == {"C16"}
    after = made.files["chat_template.jinja"].decode()
    assert after == text.replace("{%- endfor -%}\n{%- if add", "{%- endfor %}{{ '\\n' }}{%- if add")


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


def test_a_wrong_base_goes_and_the_rest_of_the_readme_stays_as_it_was() -> None:
    files = broken(next(one for one in ALL if str(one) == "F13 with the ends of lines of Windows"))
    files["README.md"] += "\u00e9\r\n".encode()
    expected = files["README.md"].replace(b"base_model: meta-llama/Meta-Llama-3.1-8B\r\n", b"")
    assert mended(files).files == {"README.md": expected}
    with pytest.raises(CannotChoose, match="refused"):
        mended(files, F13="configuration")


def test_a_readme_that_could_not_be_written_back_is_left_alone() -> None:
    files = broken(next(one for one in ALL if str(one) == "F13 in a README that is no text"))
    made = mended(files)
    assert (made.files, weighty(made.after)) == ({}, {"F13"})


@pytest.mark.parametrize(
    ("fault", "tied"),
    [
        ("A11 none, and the index counts none", True),
        ("A11 no output projection", False),
        ("A11 lost, and the index has it", False),
    ],
)
def test_an_output_projection_is_tied_only_where_none_can_be_missing(fault: str, tied: bool) -> None:
    files = broken(next(one for one in ALL if str(one) == fault and one.base == "qwen3"))
    made = mended(files)
    assert json.loads(whole(made)[CONFIG])["tie_word_embeddings"] is tied
    assert ("A11" in weighty(made.after)) is not tied
    assert made.files.keys() <= {CONFIG}
    again = mended(whole(made))
    assert (again.files, again.steps) == ({}, ())


def test_one_shard_of_two_without_an_index_is_no_proof_that_nothing_is_missing() -> None:
    files = broken(next(one for one in ALL if str(one) == "A11 no output projection" and one.base == "reference"))
    files[SHARDS[0]] = files.pop("model.safetensors")
    assert "tie" in (next(one for one in checked(files).findings if one.rule == "A11").fix or Fix()).ways
