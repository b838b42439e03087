"""The checks that need a toolchain: without it they say what is missing, pass on a user's machine and fail in CI."""

from collections.abc import Callable
from pathlib import Path

import check_go
import e2e
import pytest
import rest_checks
import typescript

CHECKS: list[tuple[str, Callable[[], int]]] = [
    ("go", lambda: check_go.main([])),
    ("go", rest_checks.main),
    ("chromium", e2e.main),
    ("Node", typescript.main),
]


@pytest.mark.parametrize(("named", "check"), CHECKS, ids=["go", "rest", "e2e", "ts"])
@pytest.mark.parametrize("in_ci", [False, True], ids=["on a user's machine", "in CI"])
def test_a_missing_toolchain_is_told_and_fails_in_ci_alone(
    named: str,
    check: Callable[[], int],
    in_ci: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    if in_ci:
        monkeypatch.setenv("CI", "true")
    else:
        monkeypatch.delenv("CI", raising=False)
    assert check() == int(in_ci)
    told = capsys.readouterr().err
    assert named in told
    assert ("skipped" in told) is not in_ci
