"""Whatever a template or a profile of renderings is like, the analysis ends with a value, a report and a profile."""

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st
from repositories.reasoning import TEMPLATES, repository
from triphase_model.effort.analysis import Analysis, analyse
from triphase_model.effort.engines import ENGINES
from triphase_model.effort.explaining import explained
from triphase_model.effort.profile import as_text, parsed
from triphase_model.effort.profiling import profile_of
from triphase_model.effort.telling import told
from triphase_model.validator.rendering.probes import Probes
from triphase_model.validator.rendering.results import Failure, Outcome, Rendering
from triphase_model.validator.source import Source

NAMES = st.sampled_from(
    ["reasoning_effort", "enable_thinking", "thinking", "thinking_budget", "mode", "m.content", "x"]
)
WORDS = st.sampled_from(["'low'", "'high'", "none", "'no_think'", "0", "true", "['max', 'low']", "{'low': 1}", "1.5"])
PIECES = st.one_of(
    st.sampled_from(list(TEMPLATES.values())),
    st.text(max_size=20),
    st.builds("{{{{ {} }}}}".format, NAMES | WORDS),
    st.builds("{{% if {} {} {} %}}".format, NAMES, st.sampled_from(["==", "in", "is", "not in", "<"]), WORDS),
    st.builds("{{% set {} = {} %}}".format, NAMES, NAMES | WORDS),
    st.sampled_from(["{% endif %}", "{% else %}", "{% for m in messages %}", "{% endfor %}", "<think>", "</think>"]),
    st.sampled_from(["{{ raise_exception('no') }}", "{{ messages | tojson }}", "{{ messages[0].content }}"]),
)
OUTCOMES = st.one_of(
    st.builds(
        lambda text: Outcome(text=text), st.text(max_size=8) | st.sampled_from(["zqUserFirst<think>", "zqUserFirst"])
    ),
    st.builds(lambda failure: Outcome(failure=failure, detail="why"), st.sampled_from(Failure)),
)


def is_whole(analysis: Analysis) -> None:
    """All that is made of an analysis can be made, and the profile reads back."""
    assert told(analysis, ENGINES)
    assert explained(analysis, ENGINES)
    profile = profile_of(analysis)
    for name in ("a.toml", "a.json"):
        assert parsed(as_text(profile, json_form=name == "a.json").encode(), file=name) == profile


@settings(max_examples=25)
@given(st.lists(PIECES, max_size=6).map("".join))
def test_no_template_is_more_than_a_problem(template: str) -> None:
    data = template.encode("utf-8", "replace").decode("utf-8", "replace")
    is_whole(analyse(Source.of_files(repository(data))))


@given(
    st.sets(st.sampled_from(["reasoning_effort", "enable_thinking", "thinking", "thinking_budget", "low_effort"])),
    st.dictionaries(st.sampled_from(["reasoning_effort", "thinking"]), st.lists(st.text(max_size=8), max_size=3)),
    st.data(),
)
def test_whatever_is_rendered_comes_to_a_profile(
    variables: set[str], literals: Mapping[str, list[str]], data: st.DataObject
) -> None:
    outcomes = data.draw(st.lists(OUTCOMES, min_size=1, max_size=5))

    def renderer(_: str, __: Mapping[str, str], probes: Probes) -> Rendering:
        made = {name: outcomes[hash(name) % len(outcomes)] for name in probes}
        plain = {"user": Outcome(text="zqUserFirst")} if "user" in probes else {}
        words = {name: tuple(known) for name, known in literals.items()}
        return Rendering(outcomes=made | plain, variables=frozenset(variables), literals=words)

    is_whole(analyse(Source.of_files(repository("{{ any }}")), renderer=renderer))


def test_a_renderer_that_never_answers_is_not_asked_for_ever() -> None:
    asked: list[int] = []

    def renderer(_: str, __: Mapping[str, str], probes: Probes) -> Rendering:
        asked.append(len(probes))
        plain = {"user": Outcome(text="zqUserFirst")} if "user" in probes else {}
        return Rendering(outcomes=plain, variables=frozenset({"reasoning_effort"}))

    made = analyse(Source.of_files(repository("{{ any }}")), renderer=renderer)
    assert len(asked) == 2
    is_whole(made)
