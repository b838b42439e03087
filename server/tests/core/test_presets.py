"""The presets as a table. What each does to text is in `testdata/reasoning`."""

import pytest
from triphase_server.core.detection import Channel, Detection, UnclosedPolicy
from triphase_server.core.effort_policy import EffortMethod
from triphase_server.core.presets import PRESETS, Preset
from triphase_server.core.request import Effort

_FAMILIES = pytest.mark.parametrize("name", PRESETS)


_ASKED_FOR = """deepseek-r1 qwen3 qwen3-thinking gpt-oss glm granite kimi minimax minimax-m3 seed-oss magistral gemma-4
command-a nemotron hunyuan k2-horizon"""


@pytest.mark.parametrize("name", _ASKED_FOR.split())
def test_the_families_are_known(name: str) -> None:
    assert PRESETS[name].detection.detects


@_FAMILIES
def test_names_are_plain(name: str) -> None:
    assert name == name.lower().strip()
    assert " " not in name


@_FAMILIES
def test_a_template_that_opens_the_block_may_be_told_not_to(name: str) -> None:
    detection = PRESETS[name].detection
    assert (detection.initial is Channel.REASONING) == (detection.unclosed is UnclosedPolicy.PROMOTE)


@_FAMILIES
def test_a_toggle_has_no_degrees(name: str) -> None:
    effort = PRESETS[name].effort
    if effort.method is EffortMethod.TOGGLE:
        assert effort.supported == (Effort.NONE, Effort.MEDIUM)
    assert effort.default is None


def test_an_unknown_model_gets_the_defaults() -> None:
    assert PRESETS["think"] == Preset()


def test_only_one_preset_detects_nothing() -> None:
    assert [name for name, preset in PRESETS.items() if not preset.detection.detects] == ["none"]
    assert Detection(fields=(), markers=(), initial=Channel.REASONING).detects
