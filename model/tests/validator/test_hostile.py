"""Repositories that were made to hurt whoever checks them: each ends in its finding, and little of it is read."""

import json
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest
from repositories.clean import SHARDS, repository
from triphase_model.cli import app
from triphase_model.validator.checking import Selection, check
from triphase_model.validator.rendering.results import Rendering
from triphase_model.validator.source import Source
from triphase_model.validator.weights import ShardFault, read_shards
from typer.testing import CliRunner

# More than all small files of such a repository have, and far less than what is offered.
MOST_READ: Final = 2 << 20
HUGE: Final = 1 << 40


def _sparse(path: Path, size: int, head: bytes = b"") -> None:
    """A file of that size whose bytes are on no disk."""
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)


def _regex(folder: Path) -> None:
    """A pattern that takes exponential time, for whoever runs the tokenizer."""
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_bytes())
    split = {"type": "Split", "pattern": {"Regex": "(a+)+(b+)+$" * 50}, "behavior": "Isolated", "invert": False}
    tokenizer["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, tokenizer["pre_tokenizer"]]}
    path.write_text(json.dumps(tokenizer))


def _index(folder: Path) -> Path:
    return folder / "model.safetensors.index.json"


def _leaving(folder: Path) -> None:
    index = json.loads(_index(folder).read_bytes())
    index["weight_map"]["lm_head.weight"] = "../../../../etc/passwd"
    _index(folder).write_text(json.dumps(index))


def _linked(folder: Path) -> None:
    (folder / "generation_config.json").unlink()
    (folder / "generation_config.json").symlink_to("/etc/passwd")


def _many_shapes(folder: Path) -> None:
    shape = [1 << 62] * 30
    header = json.dumps({f"t{n}": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4]} for n in range(1000)})
    (folder / SHARDS[0]).write_bytes(struct.pack("<Q", len(header)) + header.encode())


def _template(source: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "chat_template.jinja").write_text(source)


_DEEP: Final = '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"
_DEEP_HEADER: Final = struct.pack("<Q", len(_DEEP)) + _DEEP.encode()

# What is done, and the rule that tells it; None where it is done to those who run a tokenizer, as nobody does here.
HOSTILE: Final[Mapping[str, tuple[Callable[[Path], object], str | None]]] = {
    "a header of more bytes than the file": (
        lambda folder: _sparse(folder / SHARDS[0], HUGE, b"\xff" * 8), "W02"),
    "a header longer than any": (
        lambda folder: _sparse(folder / SHARDS[0], HUGE, struct.pack("<Q", 100_000_001)), "W02"),
    "a header that is deep": (lambda folder: (folder / SHARDS[0]).write_bytes(_DEEP_HEADER), "W02"),
    "shapes beyond all numbers": (_many_shapes, "W14"),
    "a configuration that is deep": (lambda folder: (folder / "config.json").write_text(_DEEP), "F02"),
    "a configuration without end": (lambda folder: _sparse(folder / "config.json", HUGE, b"{"), "F09"),
    "a tokenizer without end": (lambda folder: _sparse(folder / "tokenizer.json", HUGE, b"{"), "F09"),
    "an index without end": (lambda folder: _sparse(_index(folder), HUGE, b"{"), "F09"),
    "a template without end": (lambda folder: _sparse(folder / "chat_template.jinja", HUGE, b"x"), "F09"),
    "an index that leaves the repository": (_leaving, "S06"),
    "a link that leaves the repository": (_linked, "S04"),
    "a template that loops": (
        _template("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"), "C08"),
    "a template that fills the memory": (_template("{{ '%0999999999d' % 1 }}"), "C08"),
    "a template that reaches for Python": (_template("{{ cycler.__init__.__globals__ }}"), "S08"),
    "a tokenizer whose pattern takes for ever": (_regex, None),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_it_ends_in_its_finding_and_little_is_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file, data in repository("qwen3").items():
        (tmp_path / file).write_bytes(data)
    change, rule = HOSTILE[name]
    change(tmp_path)
    read: Counter[str] = Counter()
    plain = Source.read_range

    def counted(self: Source, path: str, start: int, length: int) -> bytes:
        data = plain(self, path, start, length)
        read[path] += len(data)
        return data

    monkeypatch.setattr(Source, "read_range", counted)
    result = CliRunner().invoke(app, ["check", str(tmp_path), "--format", "json"])
    told = json.loads(result.stdout)
    assert told["unanswered"] == []
    assert rule is None or rule in {finding["rule"] for finding in told["findings"]}
    assert result.exit_code == (0 if rule is None else 20)
    assert sum(read.values()) < MOST_READ
    assert read["generation_config.json"] == 0 or rule != "S04"


def test_of_many_templates_and_of_long_ones_few_are_read(tmp_path: Path) -> None:
    files = repository("qwen3") | {f"additional_chat_templates/{n:03}.jinja": b"x" for n in range(60)}
    result = check(Source.of_files(files), Selection(select=("F",)), renderer=lambda *_: Rendering())
    (told,) = result.findings
    assert (told.rule, told.at.file) == ("F09", "additional_chat_templates/049.jinja")
    assert "of 61 templates only the first 50 are read" in told.message
    _sparse(tmp_path / "chat_template.jinja", (1 << 20) + 1, b"x")
    long = check(Source.of_folder(tmp_path), Selection(select=("F09",)))
    assert [finding.at.file for finding in long.findings] == ["chat_template.jinja"]


def test_headers_of_many_files_are_read_up_to_what_any_model_has(monkeypatch: pytest.MonkeyPatch) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    one = struct.pack("<Q", len(header)) + header + b"1234"
    source = Source.of_files({f"{n}.safetensors": one for n in range(4)})
    assert not any(shard.broken for shard in read_shards(source, source.names()).values())
    monkeypatch.setattr("triphase_model.validator.weights._MOST_BYTES_OF_HEADERS", 2 * len(header))
    faults = [[broken.fault for broken in shard.broken] for shard in read_shards(source, source.names()).values()]
    assert faults == [[], [], [ShardFault.UNREAD], [ShardFault.UNREAD]]


@pytest.mark.parametrize("file", ["chat_template.jinja", "tokenizer_config.json"])
def test_a_template_that_cannot_be_read_is_not_called_missing(file: str) -> None:
    source = Source.of_files(repository("qwen3"), sizes={file: 1 << 40})
    told = {finding.rule for finding in check(source).findings}
    assert "F09" in told
    assert "C01" not in told
