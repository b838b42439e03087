"""What is seen in a template's source, and what is not taken for a trigger."""

import pytest
from triphase_model.validator.rendering.environment import hugging_face_environment
from triphase_model.validator.rendering.results import Seen
from triphase_model.validator.rendering.screen import screened


def seen(source: str) -> list[tuple[Seen, int, str]]:
    return [(sight.what, sight.line, sight.detail) for sight in screened(hugging_face_environment().parse(source))]


@pytest.mark.parametrize("content", ["m.content", "m['content']", "m.content | lower", "m.content.lower()"])
@pytest.mark.parametrize("word", ["password", "the current year is"])
def test_a_word_of_a_user_is_a_trigger(word: str, content: str) -> None:
    assert seen("\n{% if '" + word + "' in " + content + " %}x{% endif %}") == [(Seen.TRIGGER, 2, word)]


@pytest.mark.parametrize("word", ["text", "detailed thinking on", "/no_think", "</think>", "<tool_response>", "", "a"])
def test_members_switches_and_markers_are_no_triggers(word: str) -> None:
    assert seen("{% if '" + word + "' in m.content %}x{% endif %}") == []


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("{{ 'a' * 1000001 }}", Seen.BLOW_UP),
        ("{{ 2 ** 9 }}", Seen.BLOW_UP),
        ("{{ '%010000d' % 1 }}", Seen.BLOW_UP),
        ("{% for x in range(10001) %}{% endfor %}", Seen.BLOW_UP),
        ("{{ x.__class__ }}", Seen.INTERNALS),
        ("{% import 'x' as y %}", Seen.LOADS),
        ("see www.example.com", Seen.ADDRESS),
        ("a\u202eb", Seen.HIDDEN),
        ("{{ strftime_now('%Y') }}", Seen.DATE),
    ],
)
def test_each_thing_is_seen(source: str, what: Seen) -> None:
    assert [sight[0] for sight in seen(source)] == [what]


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 80 }}",
        "{% for x in range(10) %}{% endfor %}",
        "{{ x.y }}",
        "{{ '%5d' % 1 }}",
        "{{ x | tojson }}",
        "no",
    ],
)
def test_ordinary_things_are_not(source: str) -> None:
    assert seen(source) == []
