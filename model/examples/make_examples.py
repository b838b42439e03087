"""Makes the example repositories beside this file: `python model/examples/make_examples.py --write | --check`.

`--large FOLDER` makes another one, with a tokenizer of 150 000 entries and 40 files of weights, for measurements. Rule:
an example is what this code makes, byte for byte, and a test holds that. How a repository is made is `tiny_qwen3.py`;
what the examples are about tells docs/broken-model.md.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import tiny_qwen3
from tensor_files import Files

HERE: Final = Path(__file__).parent

_SPECIAL: Final = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
# The family does not call these special, although some look so.
_PLAIN: Final = (
    "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>",
    "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>",
)  # fmt: skip

# Layers, heads, files and added tokens are those of Qwen3-8B; widths and the vocabulary are small. As there, the three
# numbers that are taken for one another differ: 512 ordinary tokens, 538 with the added ones, 640 rows.
EXAMPLE: Final = tiny_qwen3.Size(
    layers=36,
    hidden=8,
    inner=24,
    heads=32,
    key_heads=8,
    head_dim=2,
    ordinary=512,
    added=_SPECIAL + _PLAIN,
    rows=640,
    files=5,
    plain=frozenset(_PLAIN),
)
LARGE: Final = tiny_qwen3.Size(
    layers=80,
    hidden=64,
    inner=192,
    heads=32,
    key_heads=8,
    head_dim=4,
    ordinary=150_000 - len(_SPECIAL + _PLAIN),
    added=_SPECIAL + _PLAIN,
    rows=150_528,
    files=40,
    plain=frozenset(_PLAIN),
)

_README: Final = """\
---
license: apache-2.0
library_name: transformers
pipeline_tag: text-generation
{base}---

# A broken model

Its files are like those of Qwen3-8B, and no server could chat with it.

Made by code, with weights that nobody trained: it is here to be checked, see `docs/broken-model.md`.
"""
_WRONG_BASE: Final = "base_model: meta-llama/Meta-Llama-3.1-8B\n"
# What the case is told to be: file, key, the value that is wrong.
_AS_DESCRIBED: Final[tuple[tuple[str, str, Any], ...]] = (
    ("config.json", "vocab_size", EXAMPLE.ordinary),
    ("config.json", "eos_token_id", 2),
    ("config.json", "num_hidden_layers", 32),
    ("generation_config.json", "pad_token_id", -1),
    ("tokenizer_config.json", "model_max_length", 512),
)


def fixed_model() -> Files:
    """The case, mended: the template that C01 offers, and no base in the README."""
    files = tiny_qwen3.made(EXAMPLE)
    model = json.loads(files["tokenizer.json"])["model"]
    merges = "#version: 0.2\n" + "".join(f"{merge}\n" for merge in model["merges"])
    return {
        **files,
        "README.md": _README.format(base="").encode(),
        "vocab.json": tiny_qwen3.dumped(model["vocab"]),
        "merges.txt": merges.encode(),
    }


def broken_model() -> Files:
    """The case as it was: no chat template, and a README that names a Llama."""
    files = fixed_model()
    del files["chat_template.jinja"]
    return {**files, "README.md": _README.format(base=_WRONG_BASE).encode()}


def broken_model_as_described() -> Files:
    """The case as it is told: what is broken in truth, and five values that were said to be."""
    files = broken_model()
    for file, key, wrong in _AS_DESCRIBED:
        document = json.loads(files[file])
        files[file] = tiny_qwen3.dumped({**document, key: wrong})
    return files


EXAMPLES: Final[Mapping[str, Callable[[], Files]]] = {
    "broken-model": broken_model,
    "broken-model-as-described": broken_model_as_described,
    "fixed-model": fixed_model,
}


def differences(folder: Path, files: Files) -> list[str]:
    """The names of files that the folder lacks, has besides, or has with other bytes."""
    there = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}
    return sorted(name for name in {*there, *files} if there.get(name) != files.get(name))


def write(folder: Path, files: Files) -> None:
    """Makes the folder what the files are; others in it are removed."""
    folder.mkdir(exist_ok=True)
    for name in differences(folder, files):
        if name in files:
            (folder / name).write_bytes(files[name])
        else:
            (folder / name).unlink()


def main() -> int:
    """Returns the exit code: 1 where a committed example is not what this code makes."""
    parser = argparse.ArgumentParser(prog="make_examples.py", description="Makes the example repositories.")
    ways = parser.add_mutually_exclusive_group(required=True)
    ways.add_argument("--write", action="store_true", help="renew the folders beside this file")
    ways.add_argument("--check", action="store_true", help="tell which files are not as they would be made")
    ways.add_argument("--large", type=Path, metavar="FOLDER", help="make the one for measurements")
    given = parser.parse_args()
    if given.large:
        if given.large.exists() and any(given.large.iterdir()):
            parser.error(f"{given.large} is not empty: what else is in it would be removed")
        write(given.large, tiny_qwen3.made(LARGE))
        return 0
    examples = {name: make() for name, make in EXAMPLES.items()}
    if given.write:
        for name, files in examples.items():
            write(HERE / name, files)
    wrong = [f"{name}/{file}" for name, files in examples.items() for file in differences(HERE / name, files)]
    print("\n".join(f"{path} is not what this code makes" for path in wrong), end="\n" if wrong else "")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
