"""What is known of engines beforehand, and of the fields that callers steer thinking by.

Its rule: an engine is listed with what its own documentation promises, and what it only may do is left out. What a
model family can do is in `presets.py`; what becomes of all this, in `effort_policy.py` and `effort.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from triphase_server.core.request import Effort

TEMPLATE_FIELD = "chat_template_kwargs"
EFFORT_FIELD = "reasoning_effort"


class Engine(StrEnum):
    """The engines whose request fields differ. `OPENAI` is any that has the fields of that API alone."""

    VLLM = "vllm"
    SGLANG = "sglang"
    LLAMA_CPP = "llama.cpp"
    FRIENDLI = "friendli"
    OPENAI = "openai"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTraits:
    """The request fields of an engine that bear on reasoning.

    `efforts`: what its `reasoning_effort` takes. `passes_kwargs`: whether `chat_template_kwargs` reach the template.
    `budget_field`: the path of the field that bounds reasoning tokens, steps separated by dots; empty = it has none.
    `budget_needs`: a field without which that one does nothing. `budget_from_zero`: whether 0 is a bound to it.
    """

    efforts: tuple[Effort, ...] = tuple(Effort)
    passes_kwargs: bool = True
    budget_field: str = ""
    budget_needs: str = ""
    budget_from_zero: bool = False


_THINKING = tuple(effort for effort in Effort if effort is not Effort.NONE)

ENGINES: Mapping[Engine, EngineTraits] = MappingProxyType(
    {
        # Needs `--reasoning-parser` or `--reasoning-config`; without them a bound is answered with an error.
        Engine.VLLM: EngineTraits(budget_field="thinking_token_budget", budget_from_zero=True),
        # A logit processor of the engine's library holds the bound. Which one depends on the model, so that the
        # operator names it; without it the parameter is read by nobody, and no error tells.
        Engine.SGLANG: EngineTraits(
            budget_field="custom_params.thinking_budget", budget_needs="custom_logit_processor"
        ),
        Engine.LLAMA_CPP: EngineTraits(budget_field="thinking_budget_tokens", budget_from_zero=True),
        # Its efforts have no `none`, and its bound is a positive number.
        Engine.FRIENDLI: EngineTraits(efforts=_THINKING, budget_field="reasoning_budget"),
        Engine.OPENAI: EngineTraits(passes_kwargs=False),
    }
)

# What an effort is in tokens, for models whose prompts do not tell efforts apart: about what hosted APIs translate
# efforts to. 0 = no bound: the model thinks as long as it does.
DEFAULT_BUDGETS: Mapping[Effort, int] = MappingProxyType(
    {
        Effort.MINIMAL: 512,
        Effort.LOW: 1_024,
        Effort.MEDIUM: 8_192,
        Effort.HIGH: 24_576,
        Effort.XHIGH: 32_768,
        Effort.MAX: 0,
    }
)

BUDGETS_FROM_ZERO = frozenset(traits.budget_field for traits in ENGINES.values() if traits.budget_from_zero)
# Fields by which bodies bound thoughts: of the engines above, and second names of theirs.
BUDGET_FIELDS = frozenset(traits.budget_field for traits in ENGINES.values()) - {""} | {
    "reasoning_budget_tokens",
    "max_thinking_tokens",
    f"{TEMPLATE_FIELD}.thinking_budget",
}
# Variables of chat templates that turn thinking on (true) or off (false).
SWITCHES = frozenset(f"{TEMPLATE_FIELD}.{name}" for name in ("enable_thinking", "thinking", "reasoning"))
# Variables of chat templates that hold an effort in words.
WORDS = frozenset(f"{TEMPLATE_FIELD}.{name}" for name in ("reasoning_effort", "reasoning_strength", "thinking_effort"))
# Variables that steer thinking in words of a family's own.
_OTHERS = frozenset(f"{TEMPLATE_FIELD}.{name}" for name in ("low_effort", "skip_think", "thinking_mode"))
CONTROLS = BUDGET_FIELDS | SWITCHES | WORDS | _OTHERS | {EFFORT_FIELD, TEMPLATE_FIELD}
# The names in a body that these begin with.
ROOTS = frozenset(path.partition(".")[0] for path in CONTROLS)
