"""Headers of weights are written anew, and the data behind them stay as they are, in memory and in folders."""

from pathlib import Path

import pytest
from repositories.clean import SHARDS, repository
from repositories.editing import header_of, mended, weighty, whole
from repositories.faults import ALL
from tensor_files import Files, Tensors, safetensors, tensor_bytes
from triphase_model.cli import app
from triphase_model.validator import copying
from triphase_model.validator.fixes import Reheader
from triphase_model.validator.header_edits import reheaded
from triphase_model.validator.json_edits import CannotEdit
from triphase_model.validator.source import Source
from typer.testing import CliRunner

FILE = "model.safetensors"


def broken(*names: str) -> Files:
    files = repository("qwen3")
    for name in names:
        for change in next(fault.changes for fault in ALL if fault.name == name):
            change(files)
    return files


def data_of(file: bytes) -> bytes:
    return file[8 + int.from_bytes(file[:8], "little") :]


def test_zeros_after_the_last_tensor_go_and_every_other_byte_stays() -> None:
    files = broken("more bytes than tensors")
    made = mended(files)
    assert (set(made.headers), whole(made)) == ({SHARDS[1]}, repository("qwen3"))


def test_other_bytes_after_the_last_tensor_are_left_to_a_person() -> None:
    made = mended(broken("other bytes than zeros"))
    assert (made.headers, weighty(made.after)) == (frozenset(), {"W04"})


def test_names_lose_what_training_put_before_them_and_data_stay() -> None:
    files, clean = broken("a prefix of training"), repository("qwen3")
    after = whole(mended(files))
    for shard in SHARDS:
        assert header_of(after[shard]).keys() == header_of(clean[shard]).keys()
        assert data_of(after[shard]) == data_of(files[shard])
        assert (len(after[shard]) - len(data_of(after[shard]))) % 8 == 0


def test_a_folder_is_mended_like_files_in_memory_and_weights_are_copied_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = broken("a prefix of training", "more bytes than tensors")
    folder, new = tmp_path / "model", tmp_path / "new"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    monkeypatch.setattr(copying, "_PIECE_BYTES", 1000)
    result = CliRunner().invoke(app, ["fix", str(folder), "--out", str(new)])
    assert result.exit_code == 0, result.output
    assert f"{SHARDS[1]}: a new header; its data stay as they are" in result.output
    assert {path.name: path.read_bytes() for path in new.iterdir()} == whole(mended(files))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files


def test_weights_that_shrink_meanwhile_are_an_error_and_leave_nothing(tmp_path: Path) -> None:
    tensors: Tensors = {"a": ("U8", (100,)), "b": ("U8", (100,))}
    (tmp_path / "model").mkdir()
    path = tmp_path / "model" / FILE
    path.write_bytes(safetensors(tensors, metadata={}))
    source = reheaded(Source.of_folder(tmp_path / "model"), Reheader(file=FILE, format="pt"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(copying.CannotWrite):
        copying.write_copy(source, tmp_path / "new", beside=tmp_path / "model")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("in_memory", [True, False])
def test_edits_of_one_file_follow_one_another(tmp_path: Path, in_memory: bool) -> None:
    tensors: Tensors = {"module.a": ("U8", (3,)), "module.b": ("U8", (5,))}
    data = safetensors(tensors, metadata={"step": "1"}) + b"\0"
    (tmp_path / FILE).write_bytes(data)
    source = Source.of_files({FILE: data}) if in_memory else Source.of_folder(tmp_path)
    for edit in (Reheader(file=FILE, unwrapped="module."), Reheader(file=FILE, format="pt")):
        source = reheaded(source, edit)
    after = source.read(FILE)
    assert list(header_of(after)) == ["__metadata__", "a", "b"]
    assert header_of(after)["__metadata__"] == {"step": "1", "format": "pt"}
    assert data_of(after) == data_of(data)[: tensor_bytes({"a": tensors["module.a"], "b": tensors["module.b"]})]
    # Any part of it, whatever it begins and ends in.
    assert all(source.read_range(FILE, at, 7) == after[at : at + 7] for at in range(len(after) + 2))
    assert (tmp_path / FILE).read_bytes() == data


def test_names_that_would_be_one_and_headers_that_cannot_be_believed_are_left_alone() -> None:
    two = Source.of_files({FILE: safetensors({"module.a": ("U8", (1,)), "a": ("U8", (1,))})})
    cut = Source.of_files({FILE: safetensors({"a": ("U8", (9,))})[:-1]})
    for source in (two, cut):
        with pytest.raises(CannotEdit):
            reheaded(source, Reheader(file=FILE, unwrapped="module."))
