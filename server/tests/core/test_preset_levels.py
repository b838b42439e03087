"""The presets' efforts, held to what an analysis finds in templates of these families."""

from collections.abc import Mapping

import pytest
from repositories.reasoning import TEMPLATES, of_family
from triphase_model.effort.analysis import analyse
from triphase_model.effort.profile import Profile
from triphase_model.effort.profiling import profile_of
from triphase_model.validator.source import Source
from triphase_server.core.effort_tables import TEMPLATE_FIELD
from triphase_server.core.presets import PRESETS

# The template that a preset is about, and the levels that the preset leaves to whoever configures: for deepseek-v3 the
# mode is decided beforehand, and minimax-m3 opens its thought at one of its three.
FAMILIES: Mapping[str, tuple[str, frozenset[str]]] = {
    "qwen3": ("qwen3", frozenset()),
    "qwen3-thinking": ("qwen3-thinking", frozenset()),
    "qwen3.5": ("qwen3.5", frozenset()),
    "qwen3.8": ("qwen3.8", frozenset()),
    "gpt-oss": ("gpt-oss", frozenset()),
    "deepseek-v3-thinking": ("deepseek-v3.1", frozenset()),
    "glm": ("glm-4.6", frozenset()),
    "hy3": ("hy3", frozenset()),
    "seed-oss": ("seed-oss", frozenset()),
    "granite": ("granite", frozenset()),
    "smollm3": ("smollm3", frozenset()),
    "minimax-m3": ("minimax-m3", frozenset({"high"})),
    "gemma-4": ("gemma-4", frozenset()),
}


def analysed(template: str) -> Profile:
    return profile_of(analyse(Source.of_files(of_family(template))))


@pytest.mark.parametrize("preset", FAMILIES)
def test_a_preset_gives_what_the_template_tells_apart(preset: str) -> None:
    template, left_out = FAMILIES[preset]
    levels = {str(e): dict(level.kwargs) for e, level in analysed(template).effort.levels.items() if e not in left_out}
    policy = PRESETS[preset].effort
    written = {str(effort): policy.fields(effort) for effort in policy.told_apart}
    # What goes by the engine's own field is the variable of that name to the template.
    assert {effort: fields.get(TEMPLATE_FIELD, fields) for effort, fields in written.items()} == levels


@pytest.mark.parametrize("preset", ["deepseek-v4", "kimi-k3"])
def test_a_preset_with_names_or_words_of_its_own_gives_each_level_once(preset: str) -> None:
    assert preset in TEMPLATES
    policy = PRESETS[preset].effort
    levels = analysed(preset).effort.levels
    variables = {name for level in levels.values() for name in level.kwargs}
    assert {path.removeprefix(f"{TEMPLATE_FIELD}.") for path in policy.paths} == variables
    assert len({str(policy.fields(effort)) for effort in policy.told_apart}) == len(policy.told_apart) <= len(levels)
