"""What is read of JSON that is wrong, and where its values are."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triphase_model.validator.documents import Document
from triphase_model.validator.findings import Location
from triphase_model.validator.json_values import FaultKind, parse, parts, spans

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_valid_json_is_read_as_python_reads_it_and_every_value_has_its_place(
    value: object, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return
    parsed = parse(text.encode())
    assert (parsed.value, parsed.faults) == (json.loads(text), ())
    for pointer, span in spans(text).items():
        inner: object = value
        for part in parts(pointer):
            inner = inner[int(part)] if isinstance(inner, list) else inner[part]  # type: ignore[index]
        assert json.loads(text[span.start : span.end]) == inner


@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_reading_them_never_fails(data: bytes) -> None:
    parsed = parse(data)
    assert parsed.readable or parsed.faults


@pytest.mark.parametrize(
    ("text", "kind", "line", "value"),
    [
        ('{"a": 1,\n}', FaultKind.TRAILING_COMMA, 1, {"a": 1}),
        ('{"a": [1, 2, ]\n, }', FaultKind.TRAILING_COMMA, 1, {"a": [1, 2]}),
        ('{"a": 1,\n "a": 2}', FaultKind.DUPLICATE_KEY, 2, {"a": 2}),
        ('{"b": {"a": 1, "b": 2,\n"b": 3}}', FaultKind.DUPLICATE_KEY, 2, {"b": {"a": 1, "b": 3}}),
        ('\n{"a": Infinity}', FaultKind.NOT_A_NUMBER, 2, {"a": float("inf")}),
        ('\ufeff{"a": 1}', FaultKind.BYTE_ORDER_MARK, 1, {"a": 1}),
        ('{"a":\n x}', FaultKind.SYNTAX, 2, None),
        ('{"a": "x,]" "b"}', FaultKind.SYNTAX, 1, None),
        ("", FaultKind.SYNTAX, 1, None),
        ('{"a": ' + "[" * 100_000, FaultKind.TOO_DEEP, None, None),
        ("[" * 130 + "]" * 130, FaultKind.TOO_DEEP, None, None),
        ("1" * 10_000, FaultKind.SYNTAX, None, None),
        # Quadratic in a parser that tries each quote or each key anew: it would not end in time.
        ('{"a": 1,} "' + '\\"' * 500_000, FaultKind.SYNTAX, 1, None),
    ],
)
def test_a_fault_is_named_with_its_line_and_what_can_be_read_is(
    text: str, kind: FaultKind, line: int | None, value: object
) -> None:
    parsed = parse(text.encode())
    assert [(fault.kind, fault.line) for fault in parsed.faults] == [(kind, line)]
    assert parsed.value == value


def test_many_keys_twice_are_told_up_to_a_limit() -> None:
    keys = ", ".join(f'"{number}": 1' for number in range(100_000))
    parsed = parse(f"{{{keys}, {keys}}}".encode())
    assert {fault.kind for fault in parsed.faults} == {FaultKind.DUPLICATE_KEY}
    assert len(parsed.faults) == 20


def test_a_comma_inside_a_text_stays() -> None:
    assert parse(b'{"a": "x, ]", }').value == {"a": "x, ]"}


def test_a_node_knows_its_line_by_its_key_and_an_absent_one_that_of_what_is_around_it() -> None:
    text = '{\n "a": {\n  "b/c":\n  [1,\n 2]\n }\n}'
    document = Document(file="x", present=True, readable=True, value=json.loads(text), text=text)
    node = document["a"]["b/c"]
    assert (node.pointer, node.at.line, node[1].at.line, node[9].at.line) == ("/a/b~1c", 3, 5, 3)
    assert (document["a"]["no"]["no"].at.line, document["a"]["no"].present) == (2, False)


def test_the_places_of_values_take_no_more_memory_than_a_few_texts() -> None:
    """A key of half a million characters, and a hundred thousand values below it."""
    text = json.dumps({"k" * 500_000: [1] * 100_000, "a": {"b": 2}})
    tracemalloc.start()
    places = spans(text)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert set(places) == {"", "/a", "/a/b"}
    assert most < 50_000_000


def test_where_something_is_in_what_is_too_deep_is_not_looked_for() -> None:
    document = Document(file="config.json", present=True, text='{"a":' * 300_000 + "1" + "}" * 300_000)
    assert document["a"].at == Location(file="config.json", pointer="/a", line=None)
