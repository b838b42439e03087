"""What is told of a toolchain that is missing, and whether it fails."""

from pathlib import Path

import pytest
from toolchains import missing, verdict


def test_only_what_is_not_there_is_missing(tmp_path: Path) -> None:
    program = tmp_path / "here"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert missing(["here", "elsewhere"], path=str(tmp_path)) == ["elsewhere"]


@pytest.mark.parametrize(
    ("environment", "code", "told"),
    [({"CI": "true"}, 1, "FAILED Go: go, gcc not found\n"), ({}, 0, "skipped Go: go, gcc not found\n")],
    ids=["in CI", "on a user's machine"],
)
def test_it_fails_in_ci_alone(
    environment: dict[str, str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verdict("Go", ["go", "gcc"], environment=environment) == code
    assert capsys.readouterr().err == told
