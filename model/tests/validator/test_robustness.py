"""Whatever is done to the files of a repository, checking it ends with a result."""

import json
import random
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repositories.clean import repository
from repositories.editing import Fault, checked, mended, weighty
from repositories.faults import ALL
from tensor_files import Files

JSON_FILES = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors.index.json",
]
ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    1 << 80,
    1.5,
    float("nan"),
    "",
    "x",
    "\ud800",
    [],
    {},
    [[]],
    {"a": {"b": []}},
    [None],
]


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way] if way else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in islice(items, 40):
        found += places(inner, (*way, key))
    return found


def mutated(files: Files, file: str, chance: random.Random) -> None:
    """Puts something odd into one place of a file, or takes the place away."""
    document = json.loads(files[file])
    *way, last = chance.choice(places(document))
    inner = document
    for part in way:
        inner = inner[part]
    if chance.random() < 0.2:
        del inner[last]
    else:
        inner[last] = chance.choice(ODD)
    files[file] = json.dumps(document).encode()


@pytest.mark.parametrize("seed", range(60))
def test_odd_values_anywhere_are_findings_or_nothing_and_never_a_failure(seed: int) -> None:
    chance = random.Random(seed)
    files = repository(chance.choice(["qwen3", "reference"]))
    for file in chance.choices([name for name in JSON_FILES if name in files], k=chance.randint(1, 4)):
        mutated(files, file, chance)
    assert checked(files).unanswered == ()
    made = mended(files)
    assert weighty(made.after) <= weighty(made.before)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([*JSON_FILES, "chat_template.jinja", "README.md"]), st.binary(max_size=60), st.data())
def test_odd_bytes_in_any_file_are_findings_or_nothing(file: str, noise: bytes, data: st.DataObject) -> None:
    files = repository("qwen3")
    at = data.draw(st.integers(0, len(files[file])))
    files[file] = files[file][:at] + noise + files[file][at + len(noise) :]
    assert checked(files).unanswered == ()


# Faults that take away what another one would be seen in: a file, all names, all shapes, all that is known of them.
HIDES = {
    "F01",
    "F02",
    "F07",
    "F08",
    "F09",
    "F10",
    "F12",
    "F14",
    "W01",
    "W02",
    "W03",
    "W04",
    "W05",
    "W14",
    "W15",
    "W16",
    "W17",
}
HIDES |= {"A08", "A13", "Q01", "Q03", "Q04", "Q05", "Q06", "R09", "W18"}


def touched(fault: Fault) -> set[str]:
    clean, files = repository(fault.base), broken(fault)
    return {name for name in {*clean, *files} if clean.get(name) != files.get(name)}


def broken(*faults: Fault) -> Files:
    files = repository("qwen3")
    for fault in faults:
        for change in fault.changes:
            change(files)
    return files


PLAIN = [fault for fault in ALL if fault.base == "qwen3" and fault.rule not in HIDES and fault.rule[0] not in "CS"]
# Pairs in which the one is what the other would be seen in, such as the token that both are about.
APART = [
    {"A03", "A07"}, {"A03", "A10"}, {"A09", "Q02"}, {"A11", "A12"}, {"A12", "V02"}, {"T01", "T07"}, {"T01", "V15"},
    {"T11", "V15"}, {"T05", "T06"}, {"T06", "T10"}, {"T10", "V06"}, {"V05", "V07"},
]  # fmt: skip


# Faults of templates hide one another, but not what is wrong with the configuration or the weights.
OF_TEMPLATES = [
    fault
    for fault in ALL
    if fault.base == "qwen3" and fault.rule[0] in "CS" and not any("safetensors" in name for name in touched(fault))
]
OF_OTHERS = [fault for fault in PLAIN if fault.rule[0] in "AGQRW"]


@pytest.mark.parametrize("one", OF_TEMPLATES, ids=str)
def test_a_fault_of_the_template_and_one_of_the_model_are_both_told(one: Fault) -> None:
    others = [fault for fault in OF_OTHERS if not touched(fault) & touched(one)]
    for other in random.Random(str(one)).sample(others, 3):
        told = {finding.rule for finding in checked(broken(one, other)).findings}
        assert {one.rule, other.rule} <= told


@pytest.mark.parametrize("one", PLAIN, ids=str)
def test_two_faults_of_different_files_are_both_told(one: Fault) -> None:
    others = [fault for fault in PLAIN if not touched(fault) & touched(one) and {fault.rule, one.rule} not in APART]
    for other in random.Random(str(one)).sample(others, min(6, len(others))):
        told = {finding.rule for finding in checked(broken(one, other)).findings}
        assert {one.rule, other.rule} <= told
