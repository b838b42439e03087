"""What the check of the TypeScript client says where it cannot be made, and of its lock."""

import json
from pathlib import Path

import pytest
import typescript


def folder(tmp_path: Path, *, node: str = ">=20", packages: dict[str, dict[str, str]] | None = None) -> Path:
    (tmp_path / "package.json").write_text(json.dumps({"engines": {"node": node}}))
    (tmp_path / "package-lock.json").write_text(json.dumps({"packages": packages or {}}))
    return tmp_path


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No step runs, and nothing is installed but what a test installs."""
    monkeypatch.setattr(typescript, "HOME", folder(tmp_path))
    monkeypatch.setattr(typescript, "STEPS", {"lock": typescript.check_lock})
    monkeypatch.setattr("sys.argv", ["typescript.py"])
    monkeypatch.setenv("PATH", str(tmp_path))


def install(tmp_path: Path, version: str) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)


@pytest.mark.parametrize(("ci", "code", "word"), [("true", 1, "not checked"), ("", 0, "skipped")])
def test_without_node(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ci: str, code: int, word: str
) -> None:
    monkeypatch.setenv("CI", ci)
    assert typescript.main() == code
    assert capsys.readouterr().err == f"Node >=20 with npm is not installed: the TypeScript client is {word}\n"


@pytest.mark.parametrize(("version", "lacks"), [("v18.19.0", True), ("v20.0.0", False), ("v100.1.2", False)])
def test_versions_of_node(tmp_path: Path, version: str, *, lacks: bool) -> None:
    install(tmp_path, version)
    assert (typescript.missing() is not None) == lacks


def test_steps_run_where_all_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(tmp_path, "v20.1.0")
    assert typescript.main() == 0
    assert capsys.readouterr().out == "lock\n"


def test_a_lock_names_no_addresses(tmp_path: Path) -> None:
    folder(tmp_path, packages={"": {}, "node_modules/a": {"version": "1.0.0", "integrity": "sha512-x"}})
    typescript.check_lock()
    folder(tmp_path, packages={"node_modules/a": {"resolved": "https://example.org/a.tgz"}})
    with pytest.raises(SystemExit, match="names addresses: node_modules/a"):
        typescript.check_lock()
