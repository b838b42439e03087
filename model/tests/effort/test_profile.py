"""The file of a model profile: what is written reads back, and what is wrong is told by file, key and expectation."""

import json
import math
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triphase_model.effort import profile
from triphase_model.effort.profile import (
    Control,
    Effort,
    EngineView,
    Level,
    Markers,
    Messages,
    NotAProfile,
    Profile,
    Status,
    Thought,
    Tokenizer,
)
from triphase_model.effort.toml_writing import toml_text

WHOLE = Profile(
    version=1,
    family="qwen3",
    template_sha256="0123456789abcdef" * 4,
    reasoning=Markers(open="<think>", close="</think>", starts_open=True),
    effort=Control(
        status=Status.RAISES,
        default=Effort.MEDIUM,
        variable="reasoning_effort",
        refused=(Effort.MAX,),
        levels={
            Effort.NONE: Level(kwargs={"enable_thinking": False}, thought=Thought.CLOSED),
            Effort.LOW: Level(kwargs={"reasoning_effort": "low", "thinking_budget": 512}, thought=Thought.OPEN),
            Effort.MEDIUM: Level(),
        },
        engines={
            "llama.cpp": EngineView(
                classes=((Effort.NONE,), (Effort.LOW, Effort.MEDIUM)), refused=(Effort.MAX,), default=Effort.LOW
            )
        },
    ),
    messages=Messages(system="merge", developer="system", parts="text", null_content="empty"),
    tokenizer=Tokenizer(file="tokenizer.model", kind="sentencepiece"),
)
SCALARS = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text()
LEVELS = st.dictionaries(st.sampled_from(Effort), st.dictionaries(st.text(), SCALARS, max_size=3), max_size=7)


@pytest.mark.parametrize("name", ["profile.toml", "profile.json", "PROFILE.JSON", "profile"])
@pytest.mark.parametrize("value", [WHOLE, Profile(version=1)], ids=["whole", "empty"])
def test_what_is_written_reads_back(tmp_path: Path, name: str, value: Profile) -> None:
    path = tmp_path / name
    profile.write(value, path)
    assert profile.read(path) == value


def test_the_form_is_that_of_the_name() -> None:
    assert json.loads(profile.as_text(WHOLE, json_form=True)) == tomllib.loads(profile.as_text(WHOLE))
    assert '[effort.levels.low]\nkwargs = { reasoning_effort = "low", thinking_budget = 512 }' in profile.as_text(WHOLE)


@given(LEVELS, st.text().filter(lambda text: text != "</x>"))
def test_any_texts_and_numbers_come_through(levels: dict[Effort, dict[str, Any]], opening: str) -> None:
    rising = {effort: Level(kwargs=levels[effort]) for effort in Effort if effort in levels}
    markers = Markers(open=opening, close="</x>" if opening else "")
    value = Profile(version=1, reasoning=markers, effort=Control(levels=rising))
    for name in ("a.toml", "a.json"):
        text = profile.as_text(value, json_form=name.endswith("json"))
        assert profile.parsed(text.encode(), file=name) == value


def test_what_toml_cannot_hold_is_told() -> None:
    with pytest.raises(TypeError):
        toml_text({"nothing": None})
    assert toml_text({"infinite": math.inf}) == "infinite = inf\n"


WRONG: list[tuple[str, str, str]] = [
    ("", "", "Object missing required field `version`"),
    ("version = 2", "version", "Invalid enum value 2"),
    ("version = 1\nfamly = 'x'", "", "Object contains unknown field `famly`"),
    ("version = 1\n[effort]\nstatus = 'grade'", "effort.status", "Invalid enum value 'grade'"),
    ("version = 1\n[effort]\nlevles = 1", "effort", "Object contains unknown field `levles`"),
    ("version = 1\n[effort.levels.hgih]", "effort.levels", "Invalid enum value 'hgih'"),
    ("version = 1\n[effort]\ndefault = 'low'", "effort", "default must be one of the levels"),
    ("version = 1\n[effort.levels.high]\n[effort.levels.low]", "effort", "levels must stand in rising order"),
    ("version = 1\n[effort.levels.low.kwargs]\na = []", "effort.levels[...].kwargs[...]", "Expected `bool | int"),
    ("version = 1\n[effort.engines.vllm]\nclasses = [['low', 'low']]", "effort.engines[...]", "each effort must stand"),
    ("version = 1\n[effort.engines.vllm]\nclasses = [[]]", "effort.engines[...]", "no class may be empty"),
    ("version = 1\n[effort.engines.vllm]\ndefault = 'low'", "effort.engines[...]", "default must be an effort"),
    ("version = 1\n[reasoning]\nopen = '<think>'", "reasoning", "open and close must be two different texts"),
    ("version = 1\n[reasoning]\nopen = 'x'\nclose = 'x'", "reasoning", "open and close must be two different texts"),
    ("version = 1\n[reasoning]\nstarts_open = true", "reasoning", "starts_open needs open and close"),
    ("version = 1\n[messages]\nparts = 'keeep'", "messages.parts", "Invalid enum value 'keeep'"),
    ("version = 1\n[tokenizer]\nfile = 'tokenizer.model'", "tokenizer", "file and kind go together"),
    ("version = 1\ntemplate_sha256 = 'xyz'", "template_sha256", "Expected `str` matching regex"),
    ("version = 1\nfamily = 3", "family", "Expected `str`, got `int`"),
    ("version = 1\nfamily =", "", "expected TOML: Invalid value (at end of document)"),
]


@pytest.mark.parametrize(("text", "key", "expected"), WRONG, ids=[text.replace("\n", " ") for text, *_ in WRONG])
def test_what_is_wrong_is_told_by_file_key_and_expectation(text: str, key: str, expected: str) -> None:
    with pytest.raises(NotAProfile) as caught:
        profile.parsed(text.encode(), file="model.toml")
    assert (caught.value.file, caught.value.key) == ("model.toml", key)
    assert expected in caught.value.expected
    assert str(caught.value).startswith("model.toml: ")


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.toml", b"\xff", "expected TOML in UTF-8"),
        ("a.json", b"{", "expected JSON: "),
        ("a.json", b"[" * 100_000, "expected JSON: "),
        ("a.json", b"[]", "Expected `object`, got `array`"),
        ("a.json", b'{"version": 1} ' + b" " * profile.MOST_BYTES, "expected at most"),
    ],
    ids=["bytes", "half", "deep", "list", "large"],
)
def test_files_that_are_no_profile(tmp_path: Path, name: str, data: bytes, expected: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(NotAProfile) as caught:
        profile.read(path)
    assert caught.value.expected.startswith(expected)


def test_a_file_that_is_not_there_or_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.toml", tmp_path, Path("a\0b")):
        with pytest.raises(NotAProfile, match=r"cannot be read: ") as caught:
            profile.read(path)
        assert (caught.value.file, caught.value.key) == (str(path), "")


@given(st.binary() | st.text().map(str.encode), st.sampled_from(["a.toml", "a.json"]))
def test_no_bytes_are_more_than_wrong(data: bytes, name: str) -> None:
    with suppress(NotAProfile):
        assert isinstance(profile.parsed(data, file=name), Profile)
