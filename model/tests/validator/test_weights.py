"""Which headers of safetensors files are believed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensor_files import safetensors, with_header
from triphase_model.validator.source import Source
from triphase_model.validator.weights import Shard, ShardFault, read_shard


def shard(data: bytes, size: int | None = None) -> Shard:
    return read_shard(Source.of_files({"x": data}, {"x": size or len(data)}), "x")


def entry(dtype: str, shape: list[Any], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", ShardFault.SHORT),
        (b"1234567", ShardFault.SHORT),
        (b"version https://git-lfs.github.com/spec/v1\noid", ShardFault.POINTER),
        ((1 << 62).to_bytes(8, "little") + b"{}", ShardFault.HEADER_SIZE),
        ((0).to_bytes(8, "little") + b"{}", ShardFault.HEADER_SIZE),
        (with_header(b"[]", b""), ShardFault.HEADER_JSON),
        (with_header(b"{" + b"[" * 50_000, b""), ShardFault.HEADER_JSON),
        (with_header(b'{"__metadata__": {"a": 1}}', b""), ShardFault.METADATA),
    ],
)
def test_files_that_are_none(data: bytes, fault: ShardFault) -> None:
    assert [broken.fault for broken in shard(data).broken] == [fault]


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        ({"a": entry("F32", [2], 0, 4)}, ShardFault.ENTRY),
        ({"a": entry("F33", [1], 0, 4)}, ShardFault.ENTRY),
        ({"a": entry("F32", [-1], 0, 4)}, ShardFault.ENTRY),
        ({"a": entry("F32", [True], 0, 4)}, ShardFault.ENTRY),
        ({"a": entry("F32", [1 << 70], 0, 4)}, ShardFault.ENTRY),
        ({"a": entry("F32", [1], 4, 0)}, ShardFault.ENTRY),
        ({"a": 3}, ShardFault.ENTRY),
        ({"a": entry("F32", [1], 4, 8)}, ShardFault.COVERAGE),
        ({"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 0, 4)}, ShardFault.COVERAGE),
        ({"a": entry("F32", [3], 0, 12)}, ShardFault.TRUNCATED),
        ({"a": entry("F32", [1], 0, 4)}, ShardFault.TRAILING),
    ],
)
def test_entries_that_cannot_be_right(entries: dict[str, Any], fault: ShardFault) -> None:
    assert [broken.fault for broken in shard(with_header(json.dumps(entries).encode(), b"12345678")).broken] == [fault]


def test_the_declared_size_counts_and_not_what_was_sent() -> None:
    whole = safetensors({"a": ("F32", (4, 4))})
    assert shard(whole[:-64], size=len(whole)).broken == ()
    assert [broken.fault for broken in shard(whole[:-64]).broken] == [ShardFault.TRUNCATED]


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    assert shard(data or b"\0").file == "x"
