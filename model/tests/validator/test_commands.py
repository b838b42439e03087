"""`triphase-model check`, `rules` and `explain` as a user runs them: reports, exit codes, usage errors."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from repositories.clean import repository
from triphase_model.cli import app
from triphase_model.validator import checking
from triphase_model.validator.catalog import RULES
from triphase_model.validator.checking import check as check_source
from triphase_model.validator.findings import Severity
from triphase_model.validator.rule import Rule
from triphase_model.validator.source import Source
from typer.testing import CliRunner, Result

REFERENCE = str(files("triphase_model") / "reference")
WRONG_BASE = b"---\nbase_model: meta-llama/Meta-Llama-3.1-8B\n---\n"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def folder(path: Path, changed: Mapping[str, bytes]) -> str:
    for name, data in {**repository("qwen3"), **changed}.items():
        (path / name).write_bytes(data)
    return str(path)


@pytest.mark.parametrize("arguments", [("check",), ("fix", REFERENCE, "--out")], ids=" ".join)
def test_a_name_that_no_disk_takes_is_one_line(arguments: tuple[str, ...]) -> None:
    result = run(*arguments, "x" * 300)
    assert (result.exit_code, len(result.stderr.splitlines())) == (30, 1)


def test_the_reference_model_is_clean() -> None:
    result = run("check", REFERENCE)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "reference: clean (3 info)"


def test_exit_codes_tell_warnings_from_errors(tmp_path: Path) -> None:
    assert run("check", folder(tmp_path, {"README.md": WRONG_BASE})).exit_code == 10
    (tmp_path / "chat_template.jinja").unlink()
    assert run("check", str(tmp_path)).exit_code == 20
    assert run("check", str(tmp_path), "--ignore", "C").exit_code == 10
    assert run("check", str(tmp_path), "--ignore", "C01,F").exit_code == 0
    assert run("check", str(tmp_path), "--select", "f13").exit_code == 10


def test_where_there_is_no_repository_it_is_one_line_and_30(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for path in (tmp_path / "nowhere", empty, Path(__file__)):
        result = run("check", str(path))
        assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (30, "", 1)


def test_a_repository_is_called_as_its_folder_also_where_one_stands_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REFERENCE)
    assert run("check", ".").stdout.splitlines()[-1] == "reference: clean (3 info)"


def test_a_folder_that_cannot_be_read_is_one_line_and_30(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: object) -> None:
        raise PermissionError(13, "Permission denied", path)

    # As it is for whoever is not root: neither does the system grant it, nor can the folder be listed.
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    monkeypatch.setattr(os, "scandir", forbidden)
    for command in ("check", "fix"):
        result = run(command, folder(tmp_path, {}))
        told = f"triphase-model: {tmp_path} cannot be read: Permission denied"
        assert (result.exit_code, result.stdout, result.stderr.splitlines()) == (30, "", [told])


def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = os.open

    def forbidden(path: str, *rest: Any, **named: Any) -> int:
        if str(path).endswith("config.json") and "generation" not in str(path):
            raise PermissionError(13, "Permission denied", path)
        return plain(path, *rest, **named)

    path = folder(tmp_path, {})
    monkeypatch.setattr(os, "open", forbidden)
    findings = json.loads(run("check", path, "--format", "json").stdout)["findings"]
    told = {finding["location"]["file"] for finding in findings if finding["rule"] == "F09"}
    assert told == {"config.json", "tokenizer_config.json"}


def test_a_rule_that_fails_is_unanswered_and_30(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> list[object]:
        raise KeyError("x")

    broken = Rule(code="F99", title="Broken", severity=Severity.ERROR, check=fails)  # type: ignore[arg-type]
    monkeypatch.setattr(checking, "RULES", (*RULES, broken))
    result = run("check", REFERENCE)
    assert result.exit_code == 30
    assert "F99" in result.stdout


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_forms_for_programs_are_json_and_nothing_else(form: str) -> None:
    assert json.loads(run("check", REFERENCE, "--format", form).stdout)


def test_an_engine_that_is_not_concerned_is_told_nothing(tmp_path: Path) -> None:
    path = folder(tmp_path, {"pytorch_model.bin": b"x"})
    findings = [json.loads(run("check", path, "--format", "json", "--engine", name).stdout)["findings"]
                for name in ("llama.cpp", "vllm")]  # fmt: skip
    assert (findings[0], [finding["engines"] for finding in findings[1]]) == ([], [["vllm"]])


@pytest.mark.parametrize(
    "arguments", [["check"], ["check", ".", "--select", "Z"], ["check", ".", "--engine", "x"], ["explain", "X99"]]
)
def test_usage_errors_are_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_rules_lists_all_and_explain_tells_one() -> None:
    listed = run("rules").stdout.splitlines()
    assert [line.split()[0] for line in listed] == [rule.code for rule in RULES]
    assert run("explain", "v01").stdout.startswith(
        "## V01 vocab_size is not the number of rows\n\n*error, every engine*"
    )


def test_validating_loads_neither_numpy_nor_the_engine_nor_jinja() -> None:
    code = (
        "import sys\nfrom triphase_model.cli import app\n"
        f"app(['check', {REFERENCE!r}], standalone_mode=False)\n"
        "sys.exit(str([name for name in ('numpy', 'aiohttp', 'jinja2') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "[]"


def test_a_module_beside_the_repository_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder(tmp_path, {"json.py": b"raise SystemExit(3)", "jinja2.py": b"raise SystemExit(3)"})
    monkeypatch.chdir(path)
    # As `python -m triphase_model` has it, whose first place to look is where one stands.
    monkeypatch.setattr(sys, "path", [path, *sys.path])
    assert run("check", ".").exit_code == 0


def test_results_are_the_same_twice() -> None:
    source = Source.of_files(repository("reference"))
    assert check_source(source) == check_source(source)
