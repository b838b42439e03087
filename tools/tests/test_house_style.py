"""The house rules that no linter knows: how long files are, what they are called, and that what is named exists."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs_examples import ROOT

FOLDERS = (
    "benchmark",
    "clients/python",
    "clients/rest",
    "distributed",
    "efforts",
    "model",
    "perf",
    "resilience",
    "server",
    "sidebyside",
    "tools",
)
GENERATED = ROOT / "clients/python/src/triphase"
VAGUE = {"utils", "util", "common", "helpers", "helper", "base", "manager", "misc"}
MOST_LINES = 400
SERVER = ROOT / "server/src/triphase_server"
BENCHMARK = ROOT / "benchmark/src/triphase_benchmark"
VALIDATOR = ROOT / "model/src/triphase_model/validator"
EFFORT = ROOT / "model/src/triphase_model/effort"
SIMULATOR = ROOT / "model/src/triphase_model/engine/simulated/serving"
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
QUOTED = re.compile(r"`([^`\s]+)`")
FILE = re.compile(r"[\w./-]+\.py")


def modules() -> list[Path]:
    found = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if not path.is_relative_to(GENERATED))


def documents() -> list[Path]:
    ours = (path for folder in (*FOLDERS, "docs") for path in (ROOT / folder).rglob("*.md"))
    return sorted([*ROOT.glob("*.md"), *(path for path in ours if "node_modules" not in path.parts)])


def test_files_are_short() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules()}
    assert lengths
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_names_say_what_a_file_decides() -> None:
    assert [path for path in modules() if VAGUE & {path.stem, path.parent.name}] == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    targets = [link for link in LINK.findall(document.read_text()) if not re.match(r"[a-z]+:", link)]
    assert [link for link in targets if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("module", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_name_files_that_exist(module: Path) -> None:
    named = {word for text in docstrings(module) for word in QUOTED.findall(text) if FILE.fullmatch(word)}
    assert [name for name in sorted(named) if not is_found(name, beside=module)] == []


def docstrings(module: Path) -> Iterator[str]:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, documented):
            yield ast.get_docstring(node) or ""


def is_found(name: str, *, beside: Path) -> bool:
    """Whether a file is where a reader looks: in a folder that the module is in, from the innermost to the root."""
    return any((folder / name).is_file() for folder in beside.parents if folder.is_relative_to(ROOT))


# The page of the architecture, both ways: each file that it names exists, and each module of the server, the validator,
# the simulated engine and the benchmark has its row.


def rows() -> Iterator[list[str]]:
    """The words in backticks of the first cell of each row of a table."""
    for line in (ROOT / "ARCHITECTURE.md").read_text().splitlines():
        if line.startswith("|") and (quoted := QUOTED.findall(line.split("|")[1])):
            yield quoted


def places(row: list[str]) -> Iterator[Path]:
    """The paths of a row below the home that has the first of them: a bare name is in the folder of the first."""
    first, *others = row
    home = next((home for home in (VALIDATOR, SIMULATOR, BENCHMARK, EFFORT) if (home / first).exists()), SERVER)
    yield home / first
    yield from (home / other if "/" in other else (home / first).parent / other for other in others)


def test_the_architecture_names_files_that_exist() -> None:
    named = [path for row in rows() if not (ROOT / row[0]).exists() for path in places(row)]
    assert len(named) > 20
    assert [str(path.relative_to(ROOT)) for path in named if not path.exists()] == []


@pytest.mark.parametrize(
    ("home", "least"),
    [(SERVER, 50), (VALIDATOR, 30), (EFFORT, 15), (SIMULATOR, 20), (BENCHMARK, 90)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_architecture_names_every_module(home: Path, least: int) -> None:
    named = {path for row in rows() for path in places(row)}
    found = [path for path in home.rglob("*.py") if path.name not in {"__init__.py", "__main__.py"}]
    assert len(found) > least
    assert sorted(str(path.relative_to(ROOT)) for path in found if not {path, *path.parents} & named) == []
