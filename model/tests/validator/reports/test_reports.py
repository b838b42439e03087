"""The four forms of a report: each has every finding, and nothing of a repository escapes its place."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from repositories.clean import repository
from repositories.editing import Fault, checked, setting, the, writing
from repositories.faults import ALL
from triphase_model.validator.checking import Result, Verdict
from triphase_model.validator.reports.machine import github_report, json_report, sarif_report
from triphase_model.validator.reports.text import text_report
from triphase_model.validator.repository import INDEX
from triphase_model.validator.rule import Unanswered


@pytest.fixture(scope="module")
def result() -> Result:
    files = repository("qwen3")
    setting("config.json", "vocab_size", to=269)(files)
    writing("README.md", "---\nbase_model: meta-llama/Meta-Llama-3.1-8B\n---\n")(files)
    writing("pytorch_model.bin", "x")(files)
    return checked(files)


def test_text_tells_the_witnesses_the_fix_and_what_is_refused(result: Result) -> None:
    text = text_report(result)
    assert "V01" in text
    assert "vocab_size is 269, but the embedding has 320 rows" in text
    assert "at       config.json:29 /vocab_size" in text
    assert "witness  model-00001-of-00002.safetensors model.embed_tokens.weight: shape [320, 64] BF16" in text
    assert "  fix      the rows are what the weights have" in text
    assert "  refused  tokenizer: the tokenizer's size is no witness" in text
    assert "  refused  configuration: the tensors are those of qwen3" in text
    assert text.splitlines()[-1] == "model: errors (1 error, 1 warning, 1 info)"


def test_text_never_sends_control_characters() -> None:
    files = repository("qwen3")
    setting("config.json", "eos_token_id", to="\x1b[2J\x07\u202e\u2028\u200f")(files)
    text = text_report(checked(files))
    assert "\\x1b[2J" in text or "\\u001b[2J" in text
    assert "\x1b[2J" not in text
    assert not {"\u202e", "\u2028", "\u200f"} & set(text)


def test_json_has_every_member(result: Result) -> None:
    whole: dict[str, Any] = json.loads(json_report(result))
    assert [finding["rule"] for finding in whole["findings"]] == [finding.rule for finding in result.findings]
    first = whole["findings"][0]
    assert first["location"] == {"file": "config.json", "pointer": "/vocab_size", "line": 29}
    edits = first["ways"]["automatic"]["edits"]
    assert edits == [{"file": "config.json", "op": "add", "path": "/vocab_size", "value": 320}]
    assert "refused" in first["ways"]["tokenizer"]
    assert (whole["verdict"], whole["unanswered"]) == ("errors", [])


def test_sarif_has_a_result_for_each_finding_and_a_rule_for_each_code(result: Result) -> None:
    whole: dict[str, Any] = json.loads(sarif_report(result))
    (run,) = whole["runs"]
    assert (whole["version"], run["tool"]["driver"]["name"]) == ("2.1.0", "triphase-model")
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [
        ("V01", "error"),
        ("F13", "warning"),
        ("S01", "note"),
    ]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {"V01", "F13", "S01"}
    place = run["results"][0]["locations"][0]
    assert place["physicalLocation"] == {"artifactLocation": {"uri": "config.json"}, "region": {"startLine": 29}}
    assert place["logicalLocations"] == [{"fullyQualifiedName": "/vocab_size", "kind": "member"}]


def test_github_has_a_command_a_line_and_no_value_ends_one(result: Result) -> None:
    lines = github_report(result).splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["::error", "::warning", "::notice"]
    assert lines[0].startswith("::error file=config.json,line=29,title=V01 vocab_size is not")
    files = repository("qwen3")
    del files["chat_template.jinja"]
    setting("tokenizer_config.json", "eos_token", to="<|a|>\n::error::b%")(files)
    assert all(line.count("::") >= 2 for line in github_report(checked(files)).splitlines())
    assert "\n::error::b" not in github_report(checked(files))


def test_what_could_not_be_answered_is_told_in_every_form_and_decides_before_warnings() -> None:
    one = Unanswered(rule="V01", why="its check failed")
    unanswered = Result(name="m", findings=(), unanswered=(one,))
    assert unanswered.verdict is Verdict.UNANSWERED
    for report in (text_report, json_report, sarif_report, github_report):
        assert "its check failed" in report(unanswered)
    assert json.loads(sarif_report(unanswered))["runs"][0]["invocations"][0]["executionSuccessful"] is False


def test_the_worst_comes_first(result: Result) -> None:
    assert [finding.rule for finding in result.findings] == ["V01", "F13", "S01"]
    assert the(result, "S01").at.file == "pytorch_model.bin"


def test_text_tells_how_a_choice_is_made() -> None:
    files = repository("qwen3")
    del files["chat_template.jinja"]
    assert "choice   --apply C01=chatml:" in text_report(checked(files))


def _is_sarif(whole: dict[str, Any]) -> None:
    """Whether it has what SARIF 2.1.0 requires of the objects that we write (sections 3.13, 3.14, 3.19, 3.20, 3.27)."""
    assert whole["version"] == "2.1.0"
    (run,) = whole["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert all(rule["id"] and rule["shortDescription"]["text"] for rule in rules)
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert [type(one["executionSuccessful"]) for one in run["invocations"]] == [bool]
    for one in run["results"]:
        assert one["ruleId"] in {rule["id"] for rule in rules}
        assert one["level"] in ("error", "warning", "note")
        assert one["message"]["text"]
        (place,) = one["locations"]
        assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", place["physicalLocation"]["artifactLocation"]["uri"])
        assert place["physicalLocation"].get("region", {"startLine": 1})["startLine"] >= 1


@pytest.mark.parametrize("fault", ALL, ids=str)
def test_every_fault_makes_a_log_that_sarif_allows(fault: Fault) -> None:
    files = repository(fault.base)
    for change in fault.changes:
        change(files)
    whole: dict[str, Any] = json.loads(sarif_report(checked(files)))
    _is_sarif(whole)
    assert whole["runs"][0]["results"]


@pytest.mark.parametrize("report", [text_report, json_report, sarif_report, github_report])
def test_names_that_are_no_text_are_told_in_every_form(report: Callable[[Result], str]) -> None:
    files = repository("qwen3")
    index = json.loads(files[INDEX])
    names = ("x\ud800.safetensors", "a b\n%\udcff.safetensors", "\u202e::error::.safetensors")
    index["weight_map"] |= {f"t{number}": name for number, name in enumerate(names)}
    files[INDEX] = json.dumps(index).encode()
    told = report(checked(files))
    assert told.encode()
    assert "\u202e" not in told
    if report is sarif_report:
        _is_sarif(json.loads(told))
