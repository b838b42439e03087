"""The gates: each is closed by what proves it, and says what would make it work."""

from functools import cache

import pytest
from repositories.reasoning import TEMPLATES, of_family
from triphase_model.effort.analysis import Analysis, analyse
from triphase_model.effort.engines import ENGINES
from triphase_model.effort.gates import Gate, Judged, State
from triphase_model.effort.profile import Effort
from triphase_model.validator.source import Source

# By family and engine: the gates that are closed.
CLOSED = {
    ("gpt-oss", "vllm"): set[Gate](),
    ("qwen3", "vllm"): {Gate.APART},
    ("qwen3", "friendli"): {Gate.TEMPLATE, Gate.USED, Gate.APART},
    ("deepseek-v3.1", "vllm"): {Gate.TEMPLATE, Gate.USED, Gate.APART},
    ("deepseek-v3.1", "sglang"): {Gate.APART},
    ("deepseek-v4", "vllm"): {Gate.USED, Gate.APART},
    ("deepseek-v4", "sglang"): {Gate.APART},
    ("qwen3-thinking", "sglang"): {Gate.TEMPLATE, Gate.USED, Gate.APART},
    ("qwen3.8", "llama.cpp"): {Gate.APART},
    ("kimi-k3", "vllm"): {Gate.TEMPLATE, Gate.USED, Gate.APART},
    ("kimi-k3", "sglang"): set(),
    ("seed-oss", "vllm"): {Gate.TEMPLATE, Gate.USED, Gate.APART},
    ("muse", "llama.cpp"): set(),
    ("muse", "vllm"): {Gate.TEMPLATE, Gate.USED, Gate.APART},
}


@cache
def analysed(family: str) -> Analysis:
    return analyse(Source.of_files(of_family(family)))


def gate(family: str, engine: str, which: Gate) -> Judged:
    return next(one for one in analysed(family).gates[engine] if one.gate is which)


@pytest.mark.parametrize(("family", "engine"), CLOSED, ids=str)
def test_which_gates_are_closed(family: str, engine: str) -> None:
    gates = analysed(family).gates[engine]
    assert [one.gate for one in gates] == list(Gate)
    assert {one.gate for one in gates if one.state is State.CLOSED} == CLOSED[family, engine]
    assert all(one.evidence for one in gates)
    assert all(one.mend for one in gates if one.state is not State.OPEN)


def test_what_is_trained_is_never_known_from_files() -> None:
    states = {gate(family, engine, Gate.TRAINED).state for family in ("qwen3", "gpt-oss") for engine in ENGINES}
    assert states == {State.UNKNOWN}


def test_a_value_that_raises_closes_the_gate_and_is_named() -> None:
    assert "the template raises at none, minimal, high, max" in gate("qwen3.8", "vllm", Gate.APART).evidence


def test_the_level_that_an_api_lacks_is_told_with_its_variables() -> None:
    judged = gate("qwen3", "friendli", Gate.SCHEMA)
    assert judged.evidence == "none is not in its API; all others are"
    assert judged.mend == 'set chat_template_kwargs: none = {"enable_thinking": false}'
    assert Effort.NONE in analysed("qwen3").views["friendli"].refused


def test_every_engine_is_judged_for_every_family() -> None:
    for family in list(TEMPLATES)[:4]:
        assert set(analysed(family).gates) == set(ENGINES)
