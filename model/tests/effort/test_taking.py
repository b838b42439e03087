"""What templates cannot take of a conversation, as the profile tells it."""

import pytest
from repositories.reasoning import repository
from triphase_model.effort.analysis import analyse
from triphase_model.effort.profile import Messages
from triphase_model.validator.source import Source

_CALLS = "{% for c in m.tool_calls or [] %}{{ c.function.name }}{{ %s }}{% endfor %}"
_ARGUMENTS = _CALLS.replace(
    "%s", "c.function.arguments if c.function.arguments is string else c.function.arguments | tojson"
)
_ALWAYS_JSON = _CALLS.replace("%s", "c.function.arguments | tojson")
_ITEMS = (
    "{% for c in m.tool_calls or [] %}{{ c.function.name }}"
    "{% for k, v in c.function.arguments | items %}{{ k }}{{ v }}{% endfor %}{% endfor %}"
)
_PARTS = (
    "{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for p in m.content or [] %}{{ p.text }}{% endfor %}{% endif %}"
)


def template(body: str, before: str = "") -> str:
    return before + "{% for m in messages %}[{{ m.role }}]" + body + "{% endfor %}"


CASES = {
    "all": (template(_PARTS + _ARGUMENTS), Messages()),
    "text alone": (template("{{ '' + m.content }}"), Messages(parts="text", null_content="empty")),
    "parts are printed": (template("{{ m.content or '' }}" + _ARGUMENTS), Messages(parts="text")),
    "null is printed": (template("{{ m.content }}" + _ARGUMENTS), Messages(parts="text", null_content="empty")),
    "encoded twice": (template(_PARTS + _ALWAYS_JSON), Messages(tool_arguments="object")),
    "members": (template(_PARTS + _ITEMS), Messages(tool_arguments="object")),
    "no developer": (
        template("{% if m.role == 'developer' %}{{ raise_exception('no') }}{% endif %}" + _PARTS + _ARGUMENTS),
        Messages(developer="system"),
    ),
    "developer is dropped": (
        template("{% if m.role != 'developer' %}" + _PARTS + _ARGUMENTS + "{% endif %}"),
        Messages(developer="system"),
    ),
    "no system": (
        template("{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}" + _PARTS + _ARGUMENTS),
        Messages(system="user"),
    ),
    "system first": (
        template(
            "{% if m.role == 'system' and not loop.first %}{{ raise_exception('no') }}{% endif %}" + _PARTS + _ARGUMENTS
        ),
        Messages(system="merge"),
    ),
    "later systems are dropped": (
        template("{% if m.role != 'system' or loop.first %}" + _PARTS + _ARGUMENTS + "{% endif %}"),
        Messages(system="merge"),
    ),
    "turns": (
        template(
            "{% if not loop.first and m.role == 'user' and loop.previtem.role == 'user' %}"
            "{{ raise_exception('turns') }}{% endif %}" + _PARTS + _ARGUMENTS
        ),
        Messages(alternation="merge"),
    ),
}


@pytest.mark.parametrize(("source", "expected"), CASES.values(), ids=list(CASES))
def test_what_a_template_cannot_take(source: str, expected: Messages) -> None:
    made = analyse(Source.of_files(repository(source)))
    assert made.problem == ""
    assert made.messages == expected


def test_nothing_is_concluded_where_no_chat_can_be_rendered() -> None:
    assert analyse(Source.of_files(repository("{{ raise_exception('no') }}"))).messages == Messages()
