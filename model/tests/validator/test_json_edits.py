"""One value changes, and nothing else: neither other values nor how they are written."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triphase_model.validator.json_edits import CannotEdit, with_value, without_value
from triphase_model.validator.json_values import spans

KEYS = st.text('ab/~"\u00e9', max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('a"\\\u00e9', max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)
LOOKS = st.sampled_from([None, 1, 2, 4, "\t"])

TEXT = '{\n  "b": 1.50,\n  "a": [1,2],\n  "c": {"x": 1e5}\n}\n'


def at(value: Any, pointer: str) -> Any:
    for part in (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


@given(OBJECTS, VALUES, LOOKS, st.data())
def test_a_value_that_is_there_is_replaced(document: Any, value: Any, indent: Any, data: st.DataObject) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    pointer = data.draw(st.sampled_from(sorted(spans(text))))
    changed = json.loads(with_value(text, pointer, value))
    assert at(changed, pointer) == value
    assert json.loads(with_value(json.dumps(changed), pointer, at(document, pointer))) == document


@given(OBJECTS, KEYS, KEYS, VALUES, LOOKS)
def test_a_key_that_is_not_there_is_added_last(document: Any, key: str, inner: str, value: Any, indent: Any) -> None:
    document.pop(key, None)
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    place = key.replace("~", "~0").replace("/", "~1")
    assert json.loads(with_value(text, f"/{place}", value)) == {**document, key: value}
    deep = inner.replace("~", "~0").replace("/", "~1")
    assert json.loads(with_value(text, f"/{place}/{deep}", value)) == {**document, key: {inner: value}}


@given(OBJECTS, LOOKS, st.data())
def test_a_value_that_is_removed_is_gone_and_nothing_else(document: Any, indent: Any, data: st.DataObject) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    pointers = sorted(set(spans(text)) - {""})
    if not pointers:
        return
    pointer = data.draw(st.sampled_from(pointers))
    expected = copy.deepcopy(document)
    parent, _, part = pointer.rpartition("/")
    inside = at(expected, parent)
    del inside[int(part) if isinstance(inside, list) else part.replace("~1", "/").replace("~0", "~")]
    assert json.loads(without_value(text, pointer)) == expected


@pytest.mark.parametrize(
    ("edited", "expected"),
    [
        (with_value(TEXT, "/c/x", 2), TEXT.replace("1e5", "2")),
        (with_value(TEXT, "/a/1", 3), TEXT.replace("[1,2]", "[1,3]")),
        (with_value(TEXT, "/d", 3), TEXT.replace("1e5}\n", '1e5},\n  "d": 3\n')),
        (with_value(TEXT, "/c/y", [1]), TEXT.replace("1e5}", '1e5, "y": [1]}')),
        (with_value(TEXT, "/b", {"y": 1}), TEXT.replace("1.50", '{\n    "y": 1\n  }')),
        (without_value(TEXT, "/a"), TEXT.replace('  "a": [1,2],\n', "")),
        (without_value(TEXT, "/b"), TEXT.replace('"b": 1.50,\n  ', "")),
        (without_value(TEXT, "/c/x"), TEXT.replace('{"x": 1e5}', "{}")),
        (without_value(TEXT, "/none"), TEXT),
        (with_value("{\n}\n", "/a", 1), '{\n  "a": 1\n}\n'),
        (with_value('{"a": 1}', "/b", {"c": 1}), '{"a": 1, "b": {"c": 1}}'),
    ],
)
def test_what_is_not_changed_stays_as_it_is_written(edited: str, expected: str) -> None:
    assert edited == expected


def test_there_must_be_a_place_for_the_value() -> None:
    for pointer in ("/a/5", "/b/x", "/a/x/y"):
        with pytest.raises(CannotEdit):
            with_value(TEXT, pointer, 1)
    with pytest.raises(CannotEdit):
        without_value(TEXT, "")
