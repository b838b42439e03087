"""`triphase-server check` of a configuration that names model repositories: what it tells, and how it exits."""

from collections.abc import Callable
from pathlib import Path

import pytest
from repositories.clean import repository
from triphase_model.validator import checking
from triphase_model.validator.findings import Severity
from triphase_model.validator.rule import Rule
from triphase_server.app.commands import app
from typer.testing import CliRunner, Result

CONFIG = """
[upstreams.u]
base_url = "http://127.0.0.1:9/v1"
[deployments.d]
upstream = "u"
model = "m"
repository = "models/m"
[deployments.again]
upstream = "u"
model = "n"
repository = "models/m"
[deployments.unused]
upstream = "u"
model = "o"
repository = "nowhere"
[routes.r]
deployments = ["d", "again"]
"""
WRONG_BASE = b"---\nbase_model: meta-llama/Meta-Llama-3.1-8B\n---\n"
Check = Callable[..., Result]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "m"
    folder.mkdir(parents=True)
    for name, data in repository("qwen3").items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def check(tmp_path: Path) -> Check:
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG)
    return lambda *options: CliRunner().invoke(app, ["check", str(path), *options])


def own(result: Result) -> list[str]:
    """What is said of repositories, without the folder of the test and what is said of the configuration."""
    lines = result.stderr.splitlines()
    return [line.replace("warning: ", "W ").partition("gateway.toml")[2] for line in lines if ".repository: " in line]


def test_a_healthy_one_is_fine(check: Check, model: Path) -> None:
    result = check()
    assert (result.exit_code, own(result)) == (0, [])
    assert "fine; 1 route: r" in result.stdout


def test_a_broken_one_is_a_problem_of_its_key_and_told_once(check: Check, model: Path) -> None:
    (model / "chat_template.jinja").unlink()
    result = check()
    assert (result.exit_code, result.stdout) == (1, "")
    [line] = own(result)
    assert line.startswith(":7: deployments.d.repository: C01 No chat template: there is no chat template")
    assert line.endswith("(at tokenizer_config.json:1 /chat_template)")


def test_a_warning_is_told_and_fine(check: Check, model: Path) -> None:
    (model / "README.md").write_bytes(WRONG_BASE)
    result = check()
    assert result.exit_code == 0
    [line] = [line for line in result.stderr.splitlines() if ".repository: " in line]
    assert line.startswith("warning: ")
    assert ":7: deployments.d.repository: F13 " in line


def test_what_is_no_repository_is_a_problem_here_and_not_where_it_is_off(check: Check, tmp_path: Path) -> None:
    result = check()
    assert (result.exit_code, result.stdout) == (1, "")
    [line] = own(result)
    assert line.startswith(":7: deployments.d.repository: expected a model repository; ")
    assert line.endswith("models/m is not there")
    without = check("--no-repositories")
    assert (without.exit_code, own(without)) == (0, [])


def test_what_could_not_be_evaluated_is_a_problem(check: Check, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> list[object]:
        raise KeyError("x")

    broken = [Rule(code="F01", title="t", severity=Severity.ERROR, check=fails)]  # type: ignore[arg-type]
    monkeypatch.setattr(checking, "RULES", broken)
    result = check()
    assert result.exit_code == 1
    assert own(result) == [":7: deployments.d.repository: F01 could not be evaluated: its check failed: KeyError: 'x'"]
