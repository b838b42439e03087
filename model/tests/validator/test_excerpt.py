"""What is read of a repository is enough for every rule, and holds no weights."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from repositories.clean import repository
from repositories.editing import Fault, renderer
from repositories.families import family
from repositories.faults import ALL
from triphase_model.validator.checking import Result, Selection, Verdict, check
from triphase_model.validator.excerpt import excerpt
from triphase_model.validator.findings import Finding
from triphase_model.validator.repository import INDEX, JSON_FILES
from triphase_model.validator.source import Source, TooLarge

# Whether a tied projection is another one than the embedding is told by samples of the weights themselves: without them
# that is said.
BY_SAMPLES = {"A12"}
# Whether what follows the last tensor is zeros is told by these bytes: without them it is found and not mended.
FIXED_BY_BYTES = {"W04"}


def written(folder: Path, files: dict[str, bytes]) -> Source:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return Source.of_folder(folder)


def told(result: Result) -> list[Finding]:
    """What both checks must find."""
    findings = [one for one in result.findings if one.rule not in BY_SAMPLES]
    return [replace(one, fix=None) if one.rule in FIXED_BY_BYTES else one for one in findings]


@pytest.mark.parametrize("fault", ALL, ids=str)
def test_a_check_of_it_finds_what_a_check_of_the_whole_finds(fault: Fault) -> None:
    files = repository(fault.base)
    for change in fault.changes:
        change(files)
    source = Source.of_files(files)
    whole, read = check(source, renderer=renderer()), check(excerpt(source), renderer=renderer())
    assert told(read) == told(whole)
    assert whole.unanswered == ()
    lacking = {"A12"} & {finding.rule for finding in whole.findings}
    assert {one.rule for one in read.unanswered} == lacking


def test_what_only_weights_would_tell_is_said_to_be_unknown() -> None:
    files = family("qwen2")
    read = check(excerpt(Source.of_files(files)), renderer=renderer())
    assert [one.rule for one in read.unanswered] == ["A12"]
    assert "samples of the weights" in read.unanswered[0].why
    assert read.verdict is Verdict.UNANSWERED
    asked = check(excerpt(Source.of_files(files)), Selection(ignore=("A12",)), renderer=renderer())
    assert asked.verdict is Verdict.CLEAN


def test_of_a_folder_it_holds_headers_and_no_weights(tmp_path: Path) -> None:
    source = written(tmp_path, repository("reference") | {"original/consolidated.bin": b"w" * 5_000_000})
    read = excerpt(source)
    assert read.size("original/consolidated.bin") == 5_000_000
    assert sum(len(entry.sent or b"") for entry in read.entries.values()) < 100_000
    assert all(entry.place is None for entry in read.entries.values())
    assert (read.name, read.size("model.safetensors")) == (tmp_path.name, source.size("model.safetensors"))
    assert check(read) == check(source)


@pytest.mark.parametrize("head", [b"", b"\x00", b"\xff" * 8, b"\x00" * 8, (2**40).to_bytes(8, "little") + b"{}"])
def test_headers_that_cannot_be_are_not_believed(tmp_path: Path, head: bytes) -> None:
    source = written(tmp_path, repository("qwen3") | {"other.safetensors": head + b"x" * 1000})
    assert len(excerpt(source).entries["other.safetensors"].sent or b"") <= 42
    assert check(excerpt(source)) == check(source)


def test_links_and_names_that_cannot_be_sent_are_told(tmp_path: Path) -> None:
    source = written(tmp_path, repository("qwen3") | {"C:weights.bin": b"x"})
    (tmp_path / "out.json").symlink_to("/etc/hostname")
    (tmp_path / "folder").symlink_to(tmp_path)
    source = Source.of_folder(tmp_path)
    read = excerpt(source)
    assert (read.escaping, read.odd) == (("out.json",), ("folder", "C:weights.bin"))
    assert not read.has("C:weights.bin")
    assert check(read) == check(source)


def test_a_tokenizer_over_the_limit_is_not_read(tmp_path: Path) -> None:
    source = written(tmp_path, repository("qwen3"))
    with (tmp_path / "README.md").open("wb") as file:
        file.truncate((64 << 20) + 1)
    read = excerpt(Source.of_folder(tmp_path))
    assert len(read.entries["README.md"].sent or b"") == 42
    assert check(read) == check(Source.of_folder(tmp_path))
    assert source.names() == read.names()


def test_what_is_too_much_for_a_message_is_refused_before_it_is_read(tmp_path: Path) -> None:
    for name in JSON_FILES:
        with (tmp_path / name).open("wb") as file:
            file.truncate(10 << 20 if name == INDEX else 64 << 20)
    tracemalloc.start()
    with pytest.raises(TooLarge, match="more than 536870912 bytes"):
        excerpt(Source.of_folder(tmp_path))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1 << 20
