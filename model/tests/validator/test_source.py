"""What of a folder is read, and what never is."""

import json
import os
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from repositories.clean import repository
from triphase_model.validator.checking import check
from triphase_model.validator.copying import CannotWrite, write_copy
from triphase_model.validator.excerpt import excerpt
from triphase_model.validator.source import LONGEST_PATH, MOST_FILES, NotARepository, Source, TooLarge, is_inside


def write(folder: Path, base: str = "qwen3") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in repository(base).items():
        (folder / name).write_bytes(data)
    return folder


def codes(folder: Path) -> set[str]:
    return {finding.rule for finding in check(Source.of_folder(folder)).findings}


def test_a_folder_and_its_files_in_memory_are_the_same_repository(tmp_path: Path) -> None:
    folder, files = Source.of_folder(write(tmp_path)), repository("qwen3")
    assert folder.names() == sorted(files)
    assert all(folder.read(name) == data for name, data in files.items())


def test_folders_that_are_none_are_one_clear_error(tmp_path: Path) -> None:
    file, empty = tmp_path / "file", tmp_path / "empty"
    file.write_text("")
    empty.mkdir()
    for path, words in ((tmp_path / "no", "not there"), (file, "not a folder"), (empty, "no files")):
        with pytest.raises(NotARepository, match=words):
            Source.of_folder(path)


def test_a_folder_with_more_files_than_any_repository_is_refused(tmp_path: Path) -> None:
    many = {f"{number}.txt": b"" for number in range(MOST_FILES + 1)}
    for name in many:
        (tmp_path / name).touch()
    with pytest.raises(NotARepository, match="more than"):
        Source.of_folder(tmp_path)


def test_a_link_out_of_the_repository_is_told_and_not_followed(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    secret = tmp_path / "secret.json"
    secret.write_text('{"secret": 1}')
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to(secret)
    source = Source.of_folder(folder)
    assert (source.escaping, source.has("config.json")) == (("config.json",), False)
    assert codes(folder) >= {"S04", "F01"}


def test_links_into_the_cache_of_the_hub_are_its_own_files(tmp_path: Path) -> None:
    cache = tmp_path / "models--owner--name"
    blobs = write(cache / "blobs")
    snapshot = cache / "snapshots" / "0123abc"
    snapshot.mkdir(parents=True)
    for blob in blobs.iterdir():
        (snapshot / blob.name).symlink_to(Path("../../blobs") / blob.name)
    (cache / "secret.json").write_bytes(b"{}")
    (snapshot / "leads_out.json").symlink_to(Path("../../secret.json"))
    source = Source.of_folder(snapshot)
    assert (source.escaping, source.names()) == (("leads_out.json",), sorted(repository("qwen3")))
    assert codes(snapshot) == {"S04"}


def test_pipes_dead_links_and_linked_folders_are_told_and_never_opened(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    os.mkfifo(folder / "extra.safetensors")
    (folder / "dead.json").symlink_to("nowhere")
    (folder / "linked").symlink_to("/")
    source = Source.of_folder(folder)
    assert set(source.odd) == {"extra.safetensors", "dead.json", "linked"}
    assert codes(folder) == {"S05"}


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "C:\\x", "..\\x", "a//b", "", "x\0"])
def test_names_that_leave_a_repository_are_refused(name: str) -> None:
    assert not is_inside(name)
    with pytest.raises(NotARepository):
        Source.of_files({name: b""})


def test_a_file_is_read_up_to_its_limit_and_only_if_all_of_it_is_there() -> None:
    source = Source.of_files({"config.json": b"{}"}, {"config.json": 3, "model.safetensors.index.json": 11 << 20})
    for name in source.names():
        with pytest.raises(TooLarge):
            source.read(name)


def test_declared_sizes_and_headers_are_enough(tmp_path: Path) -> None:
    files = repository("qwen3")
    weights = [name for name in files if name.endswith(".safetensors")]
    sizes = {name: len(files[name]) for name in weights}
    for name in weights:
        length = int.from_bytes(files[name][:8], "little")
        files[name] = files[name][: 8 + length]
    assert check(Source.of_files(files, sizes)).findings == ()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many bytes of each file are read from now on."""
    read: Counter[str] = Counter()
    plain = Source.read_range

    def counted(self: Source, path: str, start: int, length: int) -> bytes:
        data = plain(self, path, start, length)
        read[path] += len(data)
        return data

    monkeypatch.setattr(Source, "read_range", counted)
    return read


def test_of_a_model_of_16_gigabytes_less_than_one_megabyte_is_read(tmp_path: Path, read: Counter[str]) -> None:
    """As many tensors as a model of that size has; their numbers are a hole on the disk."""
    write(tmp_path)
    for path in (*tmp_path.glob("*.safetensors"), tmp_path / "model.safetensors.index.json"):
        path.unlink()
    names = [f"model.layers.{layer}.{n}.weight" for layer in range(36) for n in range(11)]
    each = 16_000_000_000 // len(names) // 4096 * 4096
    spans = {name: [n * each, (n + 1) * each] for n, name in enumerate(names)}
    entries = {name: {"dtype": "BF16", "shape": [each // 8192, 4096], "data_offsets": s} for name, s in spans.items()}
    header = json.dumps(entries).encode()
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + each * len(names))
    told = {finding.rule for finding in check(Source.of_folder(tmp_path)).findings}
    assert not told & {"W02", "W03", "W04", "W05", "W14"}
    assert len(header) <= read["model.safetensors"] < len(header) + 200
    assert sum(read.values()) < 1_000_000


def test_of_large_weights_only_the_headers_are_read(tmp_path: Path, read: Counter[str]) -> None:
    folder = write(tmp_path)
    check(Source.of_folder(folder))
    for name in ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"):
        header = int.from_bytes((folder / name).read_bytes()[:8], "little")
        assert header <= read[name] < header + 200


# What systems call it, and we.
REFUSED = "symbolic links|Not a directory|another folder|no regular file"
# What whoever may write in a repository does between the look and the opening, and what each file then is.
SWAPS: Mapping[str, Callable[[Path, Path], object]] = {
    "a file for a link": lambda folder, outside: relinked(folder / "in" / "config.json", outside / "config.json"),
    "a folder for a link": lambda folder, outside: relinked(folder / "in", outside),
    "a folder above for a link": lambda folder, outside: relinked(folder, outside.parent.parent / "other"),
    "the repository for another": lambda folder, outside: replaced(folder, outside.parent.parent / "other"),
    "a file for a pipe": lambda folder, outside: piped(folder / "in" / "config.json"),
}


def relinked(path: Path, target: Path) -> None:
    path.rename(path.with_name("away"))
    path.symlink_to(target)


def replaced(folder: Path, other: Path) -> None:
    folder.rename(folder.with_name("away"))
    other.rename(folder)


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.fixture
def nested(tmp_path: Path) -> Path:
    """`model/in/config.json`, and beside it files of the same names that nobody may have by that repository."""
    for place in ("model/in", "secret/in", "other/in"):
        (tmp_path / place).mkdir(parents=True)
        for name in ("config.json", "in/config.json"):
            (tmp_path / place.partition("/")[0] / name).write_text("SECRET" if place != "model/in" else "{}")
    return tmp_path


@pytest.mark.parametrize("swap", SWAPS)
def test_what_becomes_a_link_after_it_was_looked_at_is_not_followed(nested: Path, swap: str) -> None:
    source = Source.of_folder(nested / "model")
    assert source.read("in/config.json") == b"{}"
    SWAPS[swap](nested / "model", nested / "secret" / "in")
    with pytest.raises(OSError, match=REFUSED):
        source.read("in/config.json")
    with pytest.raises(CannotWrite):
        write_copy(source, nested / "new", beside=nested / "nowhere")
    assert not (nested / "new").exists()
    assert excerpt(source).entries["in/config.json"].sent == b""


def test_a_folder_that_becomes_a_link_while_it_is_listed_is_not_looked_into(
    nested: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, looked = os.stat, list[str]()

    def stat(path: str, *arguments: object, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
        status = plain(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
        if path == "in" and dir_fd is not None:
            looked.append(path)
            relinked(nested / "model" / "in", nested / "secret")
        return status

    monkeypatch.setattr(os, "stat", stat)
    with pytest.raises(NotARepository, match="cannot be read"):
        Source.of_folder(nested / "model")
    assert looked == ["in"]


def test_a_blob_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "m" / "blobs", tmp_path / "m" / "snapshots" / "abc"
    for folder in (blobs, snapshot):
        folder.mkdir(parents=True)
    (tmp_path / "secret").write_text("SECRET")
    (blobs / "1").write_text("{}")
    (snapshot / "config.json").symlink_to(Path("../../blobs/1"))
    source = Source.of_folder(snapshot)
    assert source.read("config.json") == b"{}"
    relinked(blobs / "1", tmp_path / "secret")
    with pytest.raises(OSError, match=REFUSED):
        source.read("config.json")


def test_a_repository_has_at_most_so_many_names_and_none_that_is_longer(tmp_path: Path) -> None:
    many = {f"{number}": b"" for number in range(MOST_FILES)}
    assert len(Source.of_files(many).names()) == MOST_FILES
    with pytest.raises(NotARepository, match="more than 20000"):
        Source.of_files(many, odd=["x"])
    assert Source.of_files({"x" * LONGEST_PATH: b""}).names()
    long = "x" * (LONGEST_PATH + 1)
    for files, odd in (({long: b""}, ()), ({"x": b""}, (long,))):
        with pytest.raises(NotARepository, match="1024 characters"):
            Source.of_files(files, odd=odd)
    deep = tmp_path.joinpath(*["x" * 200] * 6)
    deep.mkdir(parents=True)
    (deep / "y").touch()
    with pytest.raises(NotARepository, match="1024 characters"):
        Source.of_folder(tmp_path)


def test_folders_count_too_so_that_looking_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triphase_model.validator.source.MOST_FILES", 5)
    for number in range(5):
        (tmp_path / f"{number}").mkdir()
    (tmp_path / "4" / "x").touch()
    with pytest.raises(NotARepository, match="more than"):
        Source.of_folder(tmp_path)
    (tmp_path / "0").rmdir()
    assert Source.of_folder(tmp_path).names() == ["4/x"]


def test_what_is_not_looked_into_is_known(tmp_path: Path) -> None:
    for place in (".git/objects", "a/__pycache__", "/".join("abcdefghi")):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "x").touch()
    (tmp_path / "a/b/c/d/e/f/g/h/x").touch()
    source = Source.of_folder(tmp_path)
    assert source.unseen == (".git", "a/__pycache__", "a/b/c/d/e/f/g/h/i")
    assert source.names() == ["a/b/c/d/e/f/g/h/x"]
