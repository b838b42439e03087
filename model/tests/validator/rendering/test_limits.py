"""What hostile templates come to: an outcome within limits, whatever they try."""

import sys

import pytest
from triphase_model.validator.rendering import asking
from triphase_model.validator.rendering.probes import PROBES
from triphase_model.validator.rendering.results import Failure, Rendering, Seen


def rendered(source: str) -> Rendering:
    return asking.render(source, {"bos_token": "<s>"})


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'A' * 10000000000 }}",
        "{{ '%0999999999d' % 1 }}",
        "{{ '{:0999999999d}'.format(1) }}",
        "{{ [0] * 2000000000 }}",
        "{% set n = namespace(t='aaaaaaaa') %}{% for i in range(40) %}{% set n.t = n.t + n.t %}{% endfor %}{{ n.t }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaa' }}{% endfor %}",
        "{{ 9 ** 999999999 }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    ],
)
def test_a_template_that_eats_memory_or_time_is_stopped(source: str) -> None:
    made = rendered(source)
    outcome = made.failed("user")
    assert made.refused is Failure.LIMIT or (outcome and outcome.failure is Failure.LIMIT)
    assert made.lost is None


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ ('' | attr('__class__')).__mro__ }}",
        "{{ '{0.__class__.__mro__}'.format('') }}",
        "{{ messages.append(1) }}",
    ],
)
def test_a_template_does_not_reach_python(source: str) -> None:
    outcome = rendered(source).failed("user")
    assert outcome is not None
    assert outcome.failure in (Failure.BLOCKED, Failure.UNDEFINED)


def test_a_source_without_end_starts_no_process() -> None:
    assert rendered("x" * (asking.LONGEST_SOURCE + 1)).refused is Failure.LIMIT


def test_deep_sources_are_refused_and_end() -> None:
    assert rendered("{{ " + "(" * 50_000 + " }}").refused in (Failure.LIMIT, Failure.SYNTAX)


def test_all_probes_are_answered_in_the_environment_of_transformers() -> None:
    made = rendered(
        "{{ bos_token }}{% generation %}{{ messages | tojson }}{% endgeneration %}"
        "{{ strftime_now('%Y') }}{{ eos_token is defined }}{{ tools is none }}"
        "{% for m in messages %}{% if loop.index == 2 %}{% break %}{% endif %}{% endfor %}"
    )
    assert set(made.outcomes) == set(PROBES)
    assert made.text("user") == '<s>[{"role": "user", "content": "zqUserFirst"}]2026FalseTrue'
    assert "messages" in made.variables
    assert {sight.what for sight in made.seen} == {Seen.DATE, Seen.GENERATION}


def test_a_child_that_cannot_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert rendered("x").lost is not None


def test_a_child_that_says_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/true")
    assert rendered("x").refused is Failure.LIMIT
