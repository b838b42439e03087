"""What the analysis finds for templates with the variables of the families of reasoning models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest
from repositories.reasoning import TEMPLATES, of_family, repository
from triphase_model.effort.analysis import Analysis, analyse
from triphase_model.effort.places import Place
from triphase_model.effort.profile import Effort, Scalar, Status, Thought
from triphase_model.effort.profiling import profile_of
from triphase_model.validator.checking import Verdict
from triphase_model.validator.source import Source

REFERENCE = Path(str(files("triphase_model") / "reference"))
ALIKE = "none minimal low medium high xhigh max"
THINKS = "minimal low medium high xhigh max"
Levels = Mapping[str, Mapping[str, Scalar]]


@dataclass(frozen=True, kw_only=True)
class Expected:
    status: str
    variable: str = ""
    default: str = ""
    family: str = ""
    refused: str = ""
    levels: Levels = field(default_factory=dict)
    # The classes on vLLM and SGLang, with a bar between.
    vllm: str = ALIKE
    sglang: str = ALIKE
    starts: str = "unopened"


TOGGLE = {"none": {"enable_thinking": False}, "medium": {"enable_thinking": True}}
TWO = f"none | {THINKS}"
WORDS = {name: {"reasoning_effort": name} for name in ("none", "low", "medium", "high", "xhigh", "max")}


def words(*names: str) -> Levels:
    return {name: WORDS[name] for name in names}


EXPECTED: dict[str, Expected] = {
    "qwen3": Expected(
        status="binary",
        variable="enable_thinking",
        default="medium",
        family="qwen3",
        levels=TOGGLE,
        vllm=TWO,
        sglang=TWO,
    ),
    "qwen3-thinking": Expected(status="none", family="qwen3-thinking", starts="open"),
    "qwen3-instruct": Expected(status="none"),
    "qwen3.5": Expected(
        status="binary",
        variable="enable_thinking",
        default="medium",
        family="qwen3.5",
        levels=TOGGLE,
        vllm=TWO,
        sglang=TWO,
        starts="open",
    ),
    "qwen3.8": Expected(
        status="raises",
        variable="reasoning_effort",
        default="xhigh",
        family="qwen3.8",
        refused="none minimal high max",
        levels={"none": {"enable_thinking": False}, **words("low", "medium", "xhigh")},
        vllm="low | medium | xhigh",
        sglang="low | medium | xhigh",
        starts="open",
    ),
    "gpt-oss": Expected(
        status="graded",
        variable="reasoning_effort",
        default="medium",
        family="gpt-oss",
        levels=words("low", "medium", "high"),
        vllm="none | minimal | low | medium | high | xhigh | max",
        sglang="none | minimal | low | medium | high | xhigh | max",
    ),
    "deepseek-v3.1": Expected(
        status="binary",
        variable="thinking",
        default="none",
        family="deepseek-v3",
        levels={"none": {"thinking": False}, "medium": {"thinking": True}},
        sglang=TWO,
        starts="closed",
    ),
    "deepseek-v4": Expected(
        status="conditional",
        variable="reasoning_effort",
        default="none",
        family="deepseek-v3",
        levels={
            "none": {"thinking": False},
            "medium": {"reasoning_effort": "medium", "thinking": True},
            "max": {"reasoning_effort": "max", "thinking": True},
        },
        sglang="none | minimal low medium high xhigh | max",
        starts="closed",
    ),
    "glm-4.6": Expected(
        status="binary", variable="enable_thinking", default="medium", family="glm", levels=TOGGLE, vllm=TWO, sglang=TWO
    ),
    "glm-5.3": Expected(
        status="graded",
        variable="reasoning_effort",
        default="max",
        levels=words("low", "high", "max"),
        vllm="none minimal medium xhigh max | low | high",
        sglang="none minimal medium xhigh max | low | high",
        starts="open",
    ),
    "hy3": Expected(
        status="raises",
        variable="reasoning_effort",
        default="none",
        refused="none minimal medium xhigh max",
        levels={"none": {"reasoning_effort": "no_think"}, **words("low", "high")},
        vllm="low | high",
        sglang="low | high",
        starts="closed",
    ),
    "kimi-k3": Expected(
        status="raises",
        variable="thinking_effort",
        default="medium",
        family="kimi-k3",
        refused="none minimal medium xhigh",
        levels={
            "none": {"thinking": False},
            "low": {"thinking_effort": "low"},
            "medium": {"thinking": True},
            "high": {"thinking_effort": "high"},
            "max": {"thinking_effort": "max"},
        },
        sglang="none | minimal medium xhigh | low | high | max",
        starts="open",
    ),
    "seed-oss": Expected(
        status="graded",
        variable="thinking_budget",
        default="max",
        family="seed-oss",
        levels={
            "none": {"thinking_budget": 0},
            "minimal": {"thinking_budget": 512},
            "low": {"thinking_budget": 1024},
            "medium": {"thinking_budget": 4096},
            "high": {"thinking_budget": 8192},
            "xhigh": {"thinking_budget": 16384},
            "max": {},
        },
    ),
    "granite": Expected(
        status="binary",
        variable="thinking",
        default="none",
        family="granite",
        levels={"none": {"thinking": False}, "medium": {"thinking": True}},
        sglang=TWO,
    ),
    "smollm3": Expected(
        status="binary",
        variable="enable_thinking",
        default="medium",
        family="smollm3",
        levels=TOGGLE,
        vllm=TWO,
        sglang=TWO,
    ),
    "magistral": Expected(status="none"),
    "minimax-m3": Expected(
        status="graded",
        variable="thinking_mode",
        default="medium",
        levels={
            "none": {"thinking_mode": "disabled"},
            "medium": {"thinking_mode": "adaptive"},
            "high": {"thinking_mode": "enabled"},
        },
    ),
    "cohere2": Expected(
        status="binary",
        variable="reasoning_effort",
        default="medium",
        levels=words("none", "medium"),
        vllm=TWO,
        sglang=TWO,
        starts="open",
    ),
    "solar": Expected(
        status="binary",
        variable="reasoning_effort",
        default="medium",
        levels={"none": {"reasoning_effort": "low"}, **words("medium")},
        vllm="none medium high xhigh max | minimal low",
        sglang="none medium high xhigh max | minimal low",
        starts="open",
    ),
    "nemotron-3-super": Expected(
        status="graded",
        variable="enable_thinking",
        default="medium",
        levels={**TOGGLE, "low": {"low_effort": True}},
        vllm=TWO,
        sglang="none | minimal medium high xhigh max | low",
        starts="open",
    ),
    "gemma-4": Expected(
        status="binary",
        variable="enable_thinking",
        default="none",
        family="gemma-4",
        levels=TOGGLE,
        vllm=TWO,
        sglang=TWO,
        starts="closed",
    ),
    "muse": Expected(
        status="graded",
        variable="reasoning_strength",
        levels={name: {"reasoning_strength": name} for name in ("low", "medium", "high")},
    ),
}


@cache
def analysed(name: str) -> Analysis:
    return analyse(Source.of_files(of_family(name), name=name))


def classes(analysis: Analysis, engine: str) -> str:
    return " | ".join(" ".join(one) for one in analysis.views[engine].classes)


def test_each_family_is_expected() -> None:
    assert set(EXPECTED) == set(TEMPLATES)


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_a_template_can_do(name: str) -> None:
    made, expected = analysed(name), EXPECTED[name]
    assert made.problem == ""
    assert (made.classes.status, made.classes.variable) == (expected.status, expected.variable)
    assert (made.classes.default or "") == expected.default
    assert " ".join(made.classes.refused) == expected.refused
    assert made.starts == expected.starts
    assert made.family == expected.family


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_variables_that_bring_each_level_about(name: str) -> None:
    steps = analysed(name).classes.steps
    assert {step.effort: dict(step.setting) for step in steps} == dict(EXPECTED[name].levels)
    assert [step.effort for step in steps] == [effort for effort in Effort if effort in EXPECTED[name].levels]


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_the_engines_can_tell_apart(name: str) -> None:
    assert classes(analysed(name), "vllm") == EXPECTED[name].vllm
    assert classes(analysed(name), "sglang") == EXPECTED[name].sglang


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_profile_holds_all_of_it(name: str) -> None:
    made, expected = profile_of(analysed(name)), EXPECTED[name]
    assert {effort: dict(level.kwargs) for effort, level in made.effort.levels.items()} == dict(expected.levels)
    assert (made.effort.status, made.effort.default, made.family) == (
        expected.status,
        expected.default,
        expected.family,
    )
    assert set(made.effort.engines) == {"vllm", "sglang", "llama.cpp", "friendli"}


def test_the_reference_model_grades_effort() -> None:
    made = analyse(Source.of_folder(REFERENCE))
    assert (made.classes.status, made.classes.default, made.verdict) == (Status.GRADED, Effort.MEDIUM, Verdict.CLEAN)
    assert {step.effort: dict(step.setting) for step in made.classes.steps} == words("none", "low", "medium", "high")
    for engine in ("vllm", "sglang", "llama.cpp"):
        assert classes(made, engine) == "none | minimal low | medium | high xhigh max"
    assert [one.places for one in made.differences] == [(Place.SYSTEM,)] * 3
    assert made.token_check is not None
    assert (made.token_check.differ, len(made.token_check.counts)) == (True, 4)
    assert made.pair == ("<think>", "</think>")


def test_a_class_that_the_prompt_itself_ends_is_none() -> None:
    thoughts = {step.effort: step.thought for step in analysed("solar").classes.steps}
    assert thoughts == {Effort.NONE: Thought.CLOSED, Effort.MEDIUM: Thought.OPEN}


def test_where_prompts_differ() -> None:
    places = {name: [one.places for one in analysed(name).differences] for name in ("qwen3", "gpt-oss", "glm-4.6")}
    assert places == {
        "qwen3": [(Place.PROMPT,)],
        "gpt-oss": [(Place.SYSTEM,), (Place.SYSTEM,)],
        "glm-4.6": [(Place.USER, Place.PROMPT)],
    }
    assert analysed("qwen3").differences[0].here == "<think>\n\n</think>\n\n"


def test_the_words_that_a_template_looks_for_in_messages() -> None:
    assert analysed("smollm3").switches == ("/no_think", "/think")
    assert analysed("qwen3").switches == ()


def test_a_template_that_prints_any_word_is_told_from_one_that_knows_its_words() -> None:
    told = {name for name in TEMPLATES if analysed(name).classes.prints_any}
    assert told == {"gpt-oss", "muse"}


def test_two_classes_that_both_think_are_partial() -> None:
    template = (
        "{% for m in messages %}{{ m.content }}{% endfor %}{% if reasoning_effort == 'high' %}Think hard.{% endif %}"
    )
    made = analyse(Source.of_files(repository(template)))
    assert (made.classes.status, made.verdict) == (Status.PARTIAL, Verdict.WARNINGS)
    assert [step.effort for step in made.classes.steps] == [Effort.MEDIUM, Effort.HIGH]


def test_words_of_a_template_that_stand_for_no_effort_are_told() -> None:
    template = "{{ messages[0].content }}{% if reasoning_effort in ('low', 'owl') %}{{ reasoning_effort }}{% endif %}"
    assert analyse(Source.of_files(repository(template))).classes.unnamed == ("owl",)


@pytest.mark.parametrize(
    ("template", "classes_of_words"),
    [
        ("{% set m = {'low': 'a', 'high': 'b'} %}{{ messages[0].content }}{{ m[depth] }}", "low high"),
        ("{% set m = {'low': 'a', 'high': 'b'} %}{{ messages[0].content }}{{ m.get(depth, 'c') }}", "low medium high"),
        (
            "{{ messages[0].content }}{% if depth | lower in ('low', 'high') %}{{ depth | lower }}{% endif %}",
            "low medium high",
        ),
    ],
)
def test_a_variable_of_any_name_is_found_by_the_words_that_it_meets(template: str, classes_of_words: str) -> None:
    steps = analyse(Source.of_files(repository(template))).classes.steps
    assert {"low", "high"} <= {step.effort.value for step in steps} <= set(classes_of_words.split()) | {"medium"}
    assert all("depth" in dict(step.setting) for step in steps)


@pytest.mark.parametrize(
    ("words", "levels"),
    [
        ("'on', 'off'", {"none": "off", "medium": "on"}),
        ("'on', 'auto', 'off'", {"none": "off", "medium": "auto", "high": "on"}),
    ],
)
def test_on_has_no_degree_but_is_more_than_a_middle(words: str, levels: dict[str, str]) -> None:
    template = "{{ messages[0].content }}{% if thinking_mode in (" + words + ") %}[{{ thinking_mode }}]{% endif %}"
    steps = analyse(Source.of_files(repository(template))).classes.steps
    found = {step.effort.value: str(dict(step.setting)["thinking_mode"]) for step in steps}
    assert {effort: word for effort, word in found.items() if word in words} == levels


@pytest.mark.parametrize("name", ["verbosity", "grounding"])
def test_words_that_are_about_something_else_are_no_efforts(name: str) -> None:
    on = "'ENABLED', 'DISABLED'" if name == "grounding" else "'low', 'high'"
    template = "{{ messages[0].content }}{% if " + name + " in (" + on + ") %}{{ " + name + " }}{% endif %}"
    assert analyse(Source.of_files(repository(template))).controls == ()


def test_a_template_that_reads_switches_alone_says_which() -> None:
    template = "{% for m in messages %}{{ m.content }}{% if '/no_think' in m.content %}</think>{% endif %}{% endfor %}"
    made = analyse(Source.of_files(repository(template)))
    assert (made.classes.status, made.switches) == (Status.NONE, ("/no_think",))
    assert any("write /no_think into a message" in gate.mend for gate in made.gates["vllm"])


def test_what_only_tools_show_is_a_difference_too() -> None:
    template = "{{ messages[0].content }}{% if tools and reasoning_effort == 'high' %}hard{% endif %}"
    made = analyse(Source.of_files(repository(template)))
    assert [step.effort for step in made.classes.steps] == [Effort.MEDIUM, Effort.HIGH]
