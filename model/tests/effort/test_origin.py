"""The origin: on vLLM, Qwen3's template gives byte-identical prompts for minimal to max; only `none` differs.

The templates are ours, with the same variable: that of the tests, and that of `examples/fixed-model`.
"""

from pathlib import Path

import make_examples
import pytest
from repositories.reasoning import TEMPLATES
from triphase_model.effort.analysis import analyse
from triphase_model.effort.engines import ENGINES, setting_on
from triphase_model.effort.gates import Gate, State
from triphase_model.effort.profile import Effort
from triphase_model.effort.settings import CONVERSATIONS, Rendered, rendered
from triphase_model.validator.checking import Verdict
from triphase_model.validator.rendering.asking import render
from triphase_model.validator.source import Source

EXAMPLES = Path(make_examples.__file__).parent
FIXED = (EXAMPLES / "fixed-model" / "chat_template.jinja").read_text()


@pytest.mark.parametrize("template", [TEMPLATES["qwen3"], FIXED], ids=["written here", "example"])
def test_minimal_to_max_are_byte_identical_and_none_alone_differs(template: str) -> None:
    declared = render(template, {}, {}).variables
    assert "enable_thinking" in declared
    assert "reasoning_effort" not in declared
    settings = {effort: setting_on(ENGINES["vllm"], effort, declared) for effort in Effort}
    made: Rendered = rendered(template, {}, list(settings.values()), render)
    for conversation in CONVERSATIONS:
        prompts = {effort: made.text(settings[effort], conversation) for effort in Effort}
        assert None not in prompts.values()
        thinking = {text for effort, text in prompts.items() if effort is not Effort.NONE}
        assert len(thinking) == 1
        # Without the generation prompt there is nothing for `none` to end.
        assert (prompts[Effort.NONE] in thinking) is (conversation == "user_without_prompt")


def test_the_fixed_model_says_so_gate_by_gate() -> None:
    made = analyse(Source.of_folder(EXAMPLES / "fixed-model"))
    assert (made.family, made.classes.variable, made.verdict) == ("qwen3", "enable_thinking", Verdict.WARNINGS)
    states = {judged.gate: judged for judged in made.gates["vllm"]}
    assert {gate: judged.state for gate, judged in states.items()} == {
        Gate.SCHEMA: State.OPEN,
        Gate.FORWARDED: State.UNKNOWN,
        Gate.TEMPLATE: State.OPEN,
        Gate.USED: State.OPEN,
        Gate.APART: State.CLOSED,
        Gate.TRAINED: State.UNKNOWN,
    }
    assert states[Gate.TEMPLATE].evidence.startswith("reasoning_effort is not declared by the template and is lost")
    assert "thinking_token_budget" in states[Gate.APART].mend


def test_the_broken_model_has_nothing_that_could_be_asked() -> None:
    made = analyse(Source.of_folder(EXAMPLES / "broken-model"))
    assert made.problem.startswith("there is no chat template")
    assert (made.verdict, made.gates) == (Verdict.ERRORS, {})
