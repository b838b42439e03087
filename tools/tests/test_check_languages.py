"""Which files the page of other languages has; building them is `tox -e languages`."""

from pathlib import Path

import pytest
from check_languages import LANGUAGES, PAGE, Language, answers, builds, lay, projects


def test_fences_with_a_file_are_its_text(tmp_path: Path) -> None:
    found = projects("```rust file=a/src/main.rs\nfn main() {}\n```\n\n```toml\nno = 1\n```\n```x file=b/y\n\nz\n```\n")
    assert found == {"a": {"src/main.rs": "fn main() {}\n"}, "b": {"y": "\nz\n"}}
    lay(found["a"], tmp_path)
    assert (tmp_path / "src/main.rs").read_text() == "fn main() {}\n"


def test_the_page_has_every_language_and_no_other() -> None:
    assert projects(PAGE.read_text()).keys() == LANGUAGES.keys()


@pytest.mark.parametrize(
    ("steps", "held"), [((("true",), ("true",)), True), ((("false",), ("true",)), False)], ids=["all", "not all"]
)
def test_every_step_must_succeed(steps: tuple[tuple[str, ...], ...], held: bool, tmp_path: Path) -> None:
    language = Language(programs=(), build=steps, run=())
    assert builds(language, tmp_path, environment={"PATH": "/usr/bin:/bin"}) is held


@pytest.mark.parametrize(
    ("run", "held"),
    [
        (("echo", "{gateway}: 47 + 38 = 85"), True),
        (("echo", "47 + 38 = 75"), False),
        (("sh", "-c", "echo 47 + 38 = 85; exit 1"), False),
    ],
    ids=["right", "wrong", "failed"],
)
def test_the_answer_must_come(run: tuple[str, ...], held: bool, tmp_path: Path) -> None:
    assert answers(Language(programs=(), build=(), run=run), tmp_path, gateway="127.0.0.1:1") is held
