"""Repositories by name: only below the roots, and no word of where those lie."""

from pathlib import Path

import pytest
from repositories.clean import repository
from triphase_model.validator.source import NotARepository, Source
from triphase_model.validator.stored import UnknownRepository, open_stored


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with the repository `Qwen/Qwen3-8B`, and one beside it that is not allowed."""
    for folder in (tmp_path / "models" / "Qwen" / "Qwen3-8B", tmp_path / "secret"):
        folder.mkdir(parents=True)
        for name, data in repository("qwen3").items():
            (folder / name).write_bytes(data)
    return tmp_path / "models"


def test_a_repository_is_found_below_the_first_root_that_has_it(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    source = open_stored("Qwen/Qwen3-8B", [str(other), str(tmp_path / "nowhere"), str(root)])
    assert (source.name, source.has("config.json"), source.escaping) == ("Qwen/Qwen3-8B", True, ())


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../secret",
        "Qwen/../../secret",
        "/etc",
        "Qwen//Qwen3-8B",
        "Qwen\\..",
        "a\0b",
        "nobody",
        "x" * 5000,
    ],
)
def test_names_that_lead_nowhere_or_out_are_unknown(root: Path, name: str) -> None:
    with pytest.raises(UnknownRepository) as refused:
        open_stored(name, [str(root)])
    assert str(root) not in str(refused.value)


def test_an_absolute_name_is_unknown_even_where_it_is_allowed(root: Path) -> None:
    with pytest.raises(UnknownRepository):
        open_stored(str(root / "Qwen" / "Qwen3-8B"), [str(root)])


def test_a_link_out_of_the_root_is_unknown_and_one_inside_is_not(root: Path, tmp_path: Path) -> None:
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "latest").symlink_to(root / "Qwen" / "Qwen3-8B")
    (root / "loop").symlink_to(root / "loop")
    (root / "file").write_text("x")
    assert open_stored("latest", [str(root)]).name == "latest"
    for name in ("out", "loop", "file"):
        with pytest.raises(UnknownRepository):
            open_stored(name, [str(root)])


def test_a_repository_that_becomes_a_link_out_of_the_root_meanwhile_is_none(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Source.of_folder

    def swapped(folder: Path, *, within: Path | None = None) -> Source:
        folder.rename(tmp_path / "away")
        folder.symlink_to(tmp_path / "secret")
        return plain(folder, within=within)

    monkeypatch.setattr(Source, "of_folder", swapped)
    with pytest.raises(NotARepository) as refused:
        open_stored("Qwen/Qwen3-8B", [str(root)])
    assert str(refused.value) == "'Qwen/Qwen3-8B' cannot be read: it is in another folder than before"


def test_a_folder_above_a_repository_that_becomes_a_link_later_is_not_followed(root: Path, tmp_path: Path) -> None:
    source = open_stored("Qwen/Qwen3-8B", [str(root)])
    (root / "Qwen").rename(tmp_path / "away")
    (tmp_path / "other" / "Qwen3-8B").mkdir(parents=True)
    (tmp_path / "other" / "Qwen3-8B" / "config.json").write_text("SECRET")
    (root / "Qwen").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        source.read("config.json")


def test_files_that_are_links_out_of_the_root_are_told_and_not_read(root: Path, tmp_path: Path) -> None:
    folder = root / "Qwen" / "Qwen3-8B"
    (folder / "vocab.json").symlink_to(tmp_path / "secret" / "config.json")
    source = open_stored("Qwen/Qwen3-8B", [str(root)])
    assert (source.escaping, source.has("vocab.json")) == (("vocab.json",), False)


def test_the_blobs_of_a_cache_are_its_own_only_inside_the_root(tmp_path: Path) -> None:
    snapshot, blob = tmp_path / "hub" / "m" / "snapshots" / "abc", tmp_path / "hub" / "m" / "blobs" / "1"
    snapshot.mkdir(parents=True)
    blob.parent.mkdir()
    blob.write_text("{}")
    (snapshot / "config.json").symlink_to(blob)
    inside = open_stored("m/snapshots/abc", [str(tmp_path / "hub")])
    assert (inside.has("config.json"), inside.escaping) == (True, ())
    outside = open_stored("abc", [str(snapshot.parent)])
    assert (outside.has("config.json"), outside.escaping) == (False, ("config.json",))


def test_a_folder_without_files_is_no_repository_and_says_so_by_its_name(root: Path) -> None:
    (root / "empty").mkdir()
    with pytest.raises(NotARepository) as refused:
        open_stored("empty", [str(root)])
    assert str(refused.value) == "'empty' has no files"
