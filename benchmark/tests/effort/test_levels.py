"""What `--levels` and `--field` mean."""

import pytest
from triphase_benchmark.effort.levels import EFFORTS, field_of, levels_of, members, merged
from triphase_benchmark.plan.problems import BadInput


def names(text: str | None) -> list[str]:
    return [level.name for level in levels_of(text)]


def values(text: str) -> list[str | int | bool]:
    return [level.value for level in levels_of(text)]


def test_efforts_stand_in_the_order_of_their_meaning() -> None:
    assert names(None) == ["none", "low", "medium", "high"]
    assert names("all") == list(EFFORTS)
    assert names("high,low,minimal") == ["minimal", "low", "high"]


def test_budgets_and_switches_stand_in_the_order_of_their_size() -> None:
    assert values("1024,64,256") == [64, 256, 1024]
    assert values("true,false") == [False, True]
    assert names("true,false") == ["false", "true"]


def test_other_words_stand_as_they_were_given() -> None:
    assert names("short,brief,long") == ["short", "brief", "long"]
    assert values("0,auto") == [0, "auto"]


def test_what_switches_thinking_off_is_known() -> None:
    assert [level.thinks for level in levels_of("none,low")] == [False, True]
    assert [level.thinks for level in levels_of("0,64")] == [False, True]
    assert [level.thinks for level in levels_of("false,true")] == [False, True]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("low", "from 2 to 7"),
        ("", "is none: it takes words"),
        ("low,low", "low stands twice"),
        ("low,a b", "'a b' is none"),
        ("low,-5", "'-5' is none"),
        ("1,2,3,4,5,6,7,8", "from 2 to 7"),
        ("1,99999999999", "more tokens than any model thinks"),
        ("low,²", "is none"),
    ],
)
def test_a_mistake_is_told(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        levels_of(text)


def test_a_field_with_dots_is_an_object_within_another() -> None:
    assert members("reasoning_effort", "low") == {"reasoning_effort": "low"}
    assert members("reasoning.max_tokens", 64) == {"reasoning": {"max_tokens": 64}}
    assert field_of("chat_template_kwargs.thinking") == "chat_template_kwargs.thinking"
    for wrong in ("", "a..b", ".a", "a b", "a.b.c.d.e"):
        with pytest.raises(BadInput, match="it takes a member"):
            field_of(wrong)


def test_objects_are_merged_member_by_member_and_later_ones_win() -> None:
    first = {"a": 1, "kwargs": {"x": 1, "y": 1}}
    assert merged(first, {"kwargs": {"y": 2}}, {"a": 3}) == {"a": 3, "kwargs": {"x": 1, "y": 2}}
    assert first == {"a": 1, "kwargs": {"x": 1, "y": 1}}
    assert merged({"a": {"b": 1}}, {"a": 2}) == {"a": 2}
