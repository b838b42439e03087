"""`triphase-model fix` as a user runs it: the new folder is whole or not there, the old one is as it was."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from repositories.clean import SHARDS, repository
from repositories.editing import setting, writing
from triphase_model.cli import app
from triphase_model.validator.fixes import NO_CHOICE
from typer.testing import CliRunner, Result

CONFIG = "config.json"


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

    monkeypatch.setattr("triphase_model.validator.copying._append", full)
    result = run(str(folder), "--out", str(folder.parent / "new"))
    assert (result.exit_code, [path.name for path in folder.parent.iterdir()]) == (30, ["model"])
    assert "No space left" in result.stderr


def test_a_folder_inside_the_repository_is_refused(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    result = run(str(folder), "--out", str(folder / "new"))
    assert (result.exit_code, len(result.stderr.splitlines())) == (30, 1)
    assert sorted(folder.rglob("*")) == before


def test_whoever_is_killed_while_writing_leaves_no_new_folder(folder: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from triphase_model.cli import app\n"
        "from triphase_model.validator import copying\n"
        "plain, done = copying._append, []\n"
        "def append(*arguments):\n"
        "    done.append(plain(*arguments))\n"
        "    if len(done) == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "copying._append = append\n"
        "app(['fix', sys.argv[1], '--out', sys.argv[2]])"
    )
    new = folder.parent / "new"
    done = subprocess.run([sys.executable, "-c", code, str(folder), str(new)], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    rest = [path.name for path in folder.parent.iterdir() if path != folder]
    assert [name.startswith(".new-") for name in rest] == [True]
    # And what is left of it is in nobody's way.
    assert run(str(folder), "--out", str(new)).exit_code == 0


def test_a_report_for_programs_tells_the_steps_and_the_check_after_them(folder: Path) -> None:
    new = folder.parent / "new"
    result = run(str(folder), "--out", str(new), "--format", "json")
    told = json.loads(result.stdout)
    (step,) = told["steps"]
    assert (step["rule"], step["way"], step["taken_back"]) == ("V01", NO_CHOICE, None)
    assert step["edits"] == [{"file": CONFIG, "op": "add", "path": "/vocab_size", "value": 320}]
    assert (told["files"], told["headers"], told["after"]["verdict"]) == ([CONFIG], [], "clean")
    assert json.loads(CliRunner().invoke(app, ["check", str(new), "--format", "json"]).stdout)["findings"] == []


def test_a_report_for_people_says_where_it_was_written(folder: Path) -> None:
    new = folder.parent / "new"
    assert run(str(folder)).stdout.splitlines()[-1].startswith("nothing is written")
    assert run(str(folder), "--out", str(new)).stdout.splitlines()[-1] == f"written to {new}"


def test_what_the_new_folder_lacks_is_said(folder: Path) -> None:
    deep = folder.joinpath(*"abcdefghi")
    for place in (folder / ".git", folder / ".cache", deep):
        place.mkdir(parents=True)
        (place / "x").write_text("x")
    (folder / "out.json").symlink_to("/etc/hostname")
    (folder / "dead\x1b[2J").symlink_to("nowhere")
    new = folder.parent / "new"
    lines = run(str(folder), "--out", str(new)).stdout.splitlines()
    assert lines[lines.index(f"written to {new}") + 1 :] == [
        "left out .cache/: not looked into",
        "left out .git/: not looked into",
        "left out a/b/c/d/e/f/g/h/i/: not looked into",
        "left out out.json: a link out of the repository",
        "left out dead\\x1b[2J: no regular file, or no name on every system",
    ]
    assert {path.name for path in folder.iterdir()} - {path.name for path in new.iterdir()} == {
        *(".git", ".cache", "a", "out.json", "dead\x1b[2J")
    }
    told = json.loads(run(str(folder), "--format", "json").stdout)["left_out"]
    assert told == {
        "unseen": [".cache", ".git", "/".join("abcdefghi")],
        "escaping": ["out.json"],
        "irregular": ["dead\x1b[2J"],
    }
    for number in range(30):
        (folder / f"link{number}").symlink_to("nowhere")
    assert run(str(folder)).stdout.splitlines()[-1] == "left out 15 more, of which --format json tells all"


@pytest.mark.parametrize("choice", ["V01", "V01=", "X99=a", "V01=tokenizer", "F13=nothing"])
def test_wrong_choices_are_usage_errors_and_write_nothing(folder: Path, choice: str) -> None:
    result = run(str(folder), "--apply", choice, "--out", str(folder.parent / "new"))
    assert result.exit_code == 2
    assert not (folder.parent / "new").exists()
