"""The words that variables meet in a template, however they come there."""

import pytest
from triphase_model.validator.rendering.asking import render

CASES = {
    "{% if e == 'low' %}{% endif %}": ("low",),
    "{% if 'low' == e %}{% endif %}": ("low",),
    "{% if e in ['low', 'high'] %}{% endif %}": ("low", "high"),
    "{% if e in ('low', 'high') or e == 'max' %}{% endif %}": ("low", "high", "max"),
    "{% if e | lower | trim == 'low' %}{% endif %}": ("low",),
    "{% if e.lower() == 'low' %}{% endif %}": ("low",),
    "{% set x = e %}{% set y = x %}{% if y == 'low' %}{% endif %}": ("low",),
    "{% set n = namespace(e='') %}{% set n.e = e %}{% if n.e == 'low' %}{% endif %}": ("low",),
    "{% set x = e if e is defined else 'high' %}{% if x == 'low' %}{% endif %}": ("low", "high"),
    "{% set x = e | default('high') %}": ("high",),
    "{% if e is not defined %}{% set e = 'medium' %}{% endif %}{{ e }}": ("medium",),
    "{{ {'low': 1, 'high': 2}[e] }}": ("low", "high"),
    "{% set t = {'low': 1, 'high': 2} %}{{ t[e] }}": ("low", "high"),
    "{% set t = {'low': 1, 'high': 2} %}{{ t.get(e) }}": ("low", "high"),
    "{% set t = ['low'] %}{% if e in t %}{% endif %}": (),
    "{% for p in e %}{% if p == 'low' %}{% endif %}{% endfor %}": ("low",),
    "{% if e == 0 or e > 512 %}{% endif %}": (0, 512),
    "{% if e == true or e == -1 or e == 1.5 %}{% endif %}": (),
    "{{ e }}{% if other == 'low' %}{% endif %}{# e == 'x' #}": (),
    "{% if e == '" + "x" * 41 + "' %}{% endif %}": (),
}


@pytest.mark.parametrize(("source", "words"), CASES.items(), ids=list(CASES))
def test_the_words_that_a_variable_meets(source: str, words: tuple[str | int, ...]) -> None:
    assert render(source, {}, {}).literals.get("e", ()) == words


def test_words_without_end_are_cut() -> None:
    many = ", ".join(f"'w{number}'" for number in range(1000))
    assert len(render("{% if e in [" + many + "] %}{% endif %}", {}, {}).literals["e"]) == 24


def test_a_circle_of_names_ends() -> None:
    assert render("{% set a = e %}{% set b = a %}{% set a = b %}{% if a == 'low' %}{% endif %}", {}, {}).literals == {
        "e": ("low",)
    }
