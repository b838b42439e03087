"""Clean repositories in memory: the reference model, and a tiny one of the Qwen3 family.

Rule: faults are made in copies of these. How the tiny one is made is `examples/tiny_qwen3.py`; other families are
`families.py`.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files as package_files
from typing import Final

import tiny_qwen3
from tensor_files import Files

TINY: Final = tiny_qwen3.Size(
    layers=3,
    hidden=64,
    inner=128,
    heads=4,
    key_heads=2,
    head_dim=32,
    ordinary=260,
    added=(
        "<|endoftext|>",
        "<|im_start|>",
        "<|im_end|>",
        "<tool_call>",
        "</tool_call>",
        "<tool_response>",
        "</tool_response>",
        "<think>",
        "</think>",
    ),
    rows=320,
    files=2,
)
ROWS: Final = TINY.rows
HIDDEN: Final = TINY.hidden
ORDINARY: Final = TINY.ordinary
SHARDS: Final = TINY.shards()


def repository(base: str) -> Files:
    """A fresh copy of a clean repository."""
    return dict(_CLEAN[base]())


@cache
def reference() -> Mapping[str, bytes]:
    folder = package_files("triphase_model") / "reference"
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}


@cache
def qwen3() -> Mapping[str, bytes]:
    return tiny_qwen3.made(TINY)


_CLEAN: Final[Mapping[str, Callable[[], Mapping[str, bytes]]]] = {"reference": reference, "qwen3": qwen3}


def added_id(text: str) -> int:
    return TINY.added_id(text)
