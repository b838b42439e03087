"""`[validation]` and `repository`: what they may hold, what they become, and that a start never looks at a model."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from triphase_server.config import changes, load
from triphase_server.config.effective import effective
from triphase_server.config.schema_validation import ValidationTable
from triphase_server.core.validation import ValidationPolicy

Told = Callable[[str], list[str]]
WithLine = Callable[[str, str], str]


def test_a_file_without_it_has_the_defaults(valid: str, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(valid)
    assert load(path, environ={}).validation == ValidationPolicy()
    assert set(ValidationTable.model_fields) == {field.name for field in fields(ValidationPolicy)}


def test_folders_count_from_that_of_the_file(valid: str, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    path = tmp_path / "gateway.toml"
    path.write_text(
        f'{valid}[validation]\nroots = ["models", "/tmp"]\nmax_concurrency = 4\nmax_s = 5\nenabled = false\n'
    )
    config = load(path, environ={})
    policy = ValidationPolicy(enabled=False, roots=(str(tmp_path / "models"), "/tmp"), max_concurrency=4, max_s=5.0)
    assert config.validation == policy
    assert effective(config)["validation"]["roots"] == [str(tmp_path / "models"), "/tmp"]
    path.write_text(valid)
    step = changes(config, load(path, environ={}))
    assert (dict(step.told), step.fixed) == ({"keys_changed": "validation"}, ())


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('roots = ["nowhere"]', "roots[0]: expected the path of a folder that is there"),
        ('roots = ["gateway.toml"]', "roots[0]: expected the path of a folder that is there"),
        ('roots = [""]', "roots[0]: expected the path of a folder that is there"),
        ('roots = ["a\\u0000b"]', "roots[0]: expected the path of a folder that is there"),
        ('roots = "models"', "roots: expected a list"),
        ("max_concurrency = 0", "max_concurrency: expected a whole number from 1 to 1000, got 0"),
        ("max_s = 0", "max_s: expected a number of seconds more than 0 and at most 86400 (a day), got 0"),
        ("max_queue = -1", "max_queue: expected a whole number from 0 (no bound) to 100000, got -1"),
        ("enabled = 1", "enabled: expected true or false, got 1"),
        ("root = []", "root: expected a known key"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(line: str, problem: str, valid: str, told: Told) -> None:
    [message] = told(f"{valid}[validation]\n{line}\n")
    assert message.startswith(f"gateway.toml:9: validation.{problem}")


def test_a_repository_need_not_be_there_until_it_is_checked(with_line: WithLine, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(with_line("deployments.a", 'repository = "models/a"'))
    assert load(path, environ={}).deployments["a"].repository == str(tmp_path / "models" / "a")


def test_a_repository_has_a_name(with_line: WithLine, told: Told) -> None:
    [message] = told(with_line("deployments.a", 'repository = ""'))
    assert "deployments.a.repository: expected the path of a folder" in message
