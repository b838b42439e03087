"""What is known about model families: how each marks its thoughts, and which efforts its chat template tells apart.

Its rule: a name is a family or, where a switch of the template changes what comes, the family in that mode. All read
the fields of the engines' own parsers first, so a preset is right with and without a parser. Where the template opens
the block the text begins as thoughts, until a field shows that the engine splits; where the model then does not think
(turned off by the request), the answer is promoted at its end. Sources: the families' chat templates and model cards.
The machine is `reasoning.py`; operators override any part in the configuration.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from triphase_server.core.detection import Channel, Detection, Marker, UnclosedPolicy
from triphase_server.core.effort_policy import EffortMethod, EffortPolicy
from triphase_server.core.effort_tables import TEMPLATE_FIELD
from triphase_server.core.request import Effort


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What a deployment of a family is configured with, unless its operator says otherwise."""

    detection: Detection = Detection()
    effort: EffortPolicy = EffortPolicy()


_THINK = Marker(open="<think>", close="</think>")

# The template has no switch, or one of its own that no field of a request reaches. Only bounds make efforts of it.
_FIXED = EffortPolicy(supported=())
# Nothing is ever thought, so that nothing can be bounded.
_NEVER = EffortPolicy(supported=(), thinks=False)
# Thinking on or off; "on" has no degree and is called medium.
_TOGGLE = EffortPolicy(method=EffortMethod.TOGGLE, supported=(Effort.NONE, Effort.MEDIUM))


def _levels(*supported: Effort, method: EffortMethod = EffortMethod.TEMPLATE) -> EffortPolicy:
    return EffortPolicy(method=method, supported=supported)


def _kwargs(levels: Mapping[Effort, Mapping[str, object]], *supported: Effort) -> EffortPolicy:
    """The template has variables of its own; `supported` are levels that go by `reasoning_effort` as they are."""
    bodies = {effort: {TEMPLATE_FIELD: kwargs} if kwargs else {} for effort, kwargs in levels.items()}
    return EffortPolicy(method=EffortMethod.TEMPLATE, supported=supported, levels=bodies)


_THINKING = _kwargs({Effort.NONE: {"thinking": False}, Effort.MEDIUM: {"thinking": True}})


def _written(*markers: Marker, effort: EffortPolicy = _FIXED, discard: tuple[str, ...] = ()) -> Preset:
    """The model writes both markers."""
    return Preset(detection=Detection(markers=markers, discard=discard), effort=effort)


def _opened(*markers: Marker, effort: EffortPolicy = _FIXED, discard: tuple[str, ...] = ()) -> Preset:
    """The chat template writes the open marker, so that only the close marker comes."""
    detection = Detection(markers=markers, discard=discard, initial=Channel.REASONING, unclosed=UnclosedPolicy.PROMOTE)
    return Preset(detection=detection, effort=effort)


_PRESETS = {
    # Models that never think: everything is output, whatever it looks like.
    "none": Preset(detection=Detection(fields=(), markers=()), effort=_NEVER),
    # Engines and hosted APIs that split by themselves: fields alone, a marker in the text is text.
    "fields": Preset(detection=Detection(markers=())),
    # `<think>` written by the model: the usual case, and what an unknown model gets.
    "think": Preset(),
    # DeepSeek-R1, its distills and QwQ: the template ends with `<think>`; R1-0528 writes the marker itself.
    "deepseek-r1": _opened(_THINK),
    # DeepSeek-V3.1 to V4: the template writes `</think>` where `thinking` is off (its default), `<think>` where on.
    # Which of the two a request gets decides where its text begins, so that the first never thinks.
    "deepseek-v3": _written(_THINK, effort=_NEVER),
    "deepseek-v3-thinking": _opened(_THINK, effort=_THINKING),
    # DeepSeek-V4: `max` is told apart where `thinking` is on.
    "deepseek-v4": _opened(
        _THINK,
        effort=_kwargs(
            {
                Effort.NONE: {"thinking": False},
                Effort.HIGH: {"thinking": True},
                Effort.MAX: {"thinking": True, "reasoning_effort": "max"},
            }
        ),
    ),
    # Qwen3 (hybrid, 2025-04): the model writes the block; `enable_thinking=false` prefills an empty one.
    "qwen3": _written(_THINK, effort=_TOGGLE),
    # Qwen3-Thinking-2507: the template opens the block, always.
    "qwen3-thinking": _opened(_THINK),
    # Qwen3.5: opened by the template unless `enable_thinking=false`. Qwen3.8 knows degrees.
    "qwen3.5": _opened(_THINK, effort=_TOGGLE),
    "qwen3.8": _opened(
        _THINK, effort=_kwargs({Effort.NONE: {"enable_thinking": False}}, Effort.LOW, Effort.MEDIUM, Effort.XHIGH)
    ),
    # gpt-oss, raw harmony text as it comes without the engine's parser (OpenAI's harmony format): analysis is thought,
    # final is the answer, commentary without a recipient is a preamble for the user, thus output.
    "gpt-oss": _written(
        Marker(open="<|channel|>analysis<|message|>", close="<|end|>"),
        effort=_levels(Effort.LOW, Effort.MEDIUM, Effort.HIGH, method=EffortMethod.FIELD),
        discard=(
            "<|start|>assistant",
            "<|channel|>final<|message|>",
            "<|channel|>commentary<|message|>",
            "<|end|>",
            "<|return|>",
        ),
    ),
    # GLM-4.5 and 4.6: written by the model. GLM-4.7: opened by the template.
    "glm": _written(_THINK, effort=_TOGGLE),
    "glm-4.7": _opened(_THINK, effort=_TOGGLE),
    # Granite 3.2 announces its thoughts in plain words, Granite 3.3 by `<think>` and `<response>`.
    "granite": _written(
        _THINK,
        Marker(open="Here is my thought process:", close="Here is my response:"),
        Marker(open="Here's my thought process:", close="Here's my response:"),
        effort=_THINKING,
        discard=("<response>", "</response>"),
    ),
    # Kimi-K2-Thinking: written by the model. Early Kimi models used triangles.
    "kimi": _written(_THINK, Marker(open="◁think▷", close="◁/think▷")),
    # Kimi-K3: sections of an XML-like format, the first one opened by the template.
    "kimi-k3": _opened(
        Marker(open="<|open|>think<|sep|>", close="<|close|>think<|sep|>"),
        effort=_kwargs(
            {
                Effort.NONE: {"thinking": False},
                Effort.LOW: {"thinking": True, "thinking_effort": "low"},
                Effort.HIGH: {"thinking": True, "thinking_effort": "high"},
                Effort.MAX: {"thinking": True, "thinking_effort": "max"},
            }
        ),
        discard=("<|open|>response<|sep|>", "<|close|>response<|sep|>", "<|close|>message<|sep|>"),
    ),
    # MiniMax-M1: written by the model. M2: opened by the template. M3: a marker of its own, left to the model where
    # `thinking_mode` is adaptive (its default).
    "minimax-m1": _written(_THINK),
    "minimax": _opened(_THINK),
    "minimax-m3": _written(
        Marker(open="<mm:think>", close="</mm:think>"),
        effort=_kwargs({Effort.NONE: {"thinking_mode": "disabled"}, Effort.MEDIUM: {"thinking_mode": "adaptive"}}),
    ),
    # Seed-OSS: written by the model, which is told how much of a budget is left; without one there is no limit.
    "seed-oss": _written(
        Marker(open="<seed:think>", close="</seed:think>"),
        effort=_kwargs(
            {
                Effort.NONE: {"thinking_budget": 0},
                Effort.MINIMAL: {"thinking_budget": 512},
                Effort.LOW: {"thinking_budget": 1024},
                Effort.MEDIUM: {"thinking_budget": 4096},
                Effort.HIGH: {"thinking_budget": 8192},
                Effort.XHIGH: {"thinking_budget": 16384},
                Effort.MAX: {},
            }
        ),
    ),
    # Magistral and Ministral-3-Reasoning: control tokens of Mistral's tokenizer.
    "magistral": _written(Marker(open="[THINK]", close="[/THINK]")),
    # Gemma 4: a channel named `thought`; its name stands on the line of the marker.
    "gemma-4": _written(Marker(open="<|channel>thought", close="<channel|>"), effort=_TOGGLE),
    # Command-A and Command-R7B: sections for thoughts and response.
    "command-a": _written(
        Marker(open="<|START_THINKING|>", close="<|END_THINKING|>"),
        discard=("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
    ),
    # Llama-Nemotron: written by the model where the system text turns it on. Nano-v2 and Nemotron-3: opened.
    "nemotron": _written(_THINK),
    "nemotron-3": _opened(_THINK, effort=_TOGGLE),
    # Hunyuan-A13B: the answer has markers of its own. Hy3: opened by the template where the effort is low or high.
    "hunyuan": _written(_THINK, effort=_TOGGLE, discard=("<answer>", "</answer>")),
    "hy3": _opened(
        Marker(open="<think:opensource>", close="</think:opensource>"),
        effort=_kwargs({Effort.NONE: {"reasoning_effort": "no_think"}}, Effort.LOW, Effort.HIGH),
    ),
    # EXAONE-4: opened by the template where `enable_thinking` is on, an empty block where off.
    "exaone-4": _opened(_THINK, effort=_TOGGLE),
    # Phi-4-reasoning: a fixed system prompt asks for the block. SmolLM3: written by the model.
    "phi-4-reasoning": _written(_THINK),
    "smollm3": _written(_THINK, effort=_TOGGLE),
    # Apertus: inner and outer sections.
    "apertus": _written(Marker(open="<|inner_prefix|>", close="<|inner_suffix|>"), effort=_TOGGLE),
    # K2-Horizon: the effort picks the marker, the template opens it.
    "k2-horizon": _opened(
        Marker(open="<ifm|think>", close="</ifm|think>"),
        Marker(open="<ifm|think_fast>", close="</ifm|think_fast>"),
        Marker(open="<ifm|think_faster>", close="</ifm|think_faster>"),
        effort=_levels(Effort.LOW, Effort.MEDIUM, Effort.HIGH),
    ),
}

PRESETS: Mapping[str, Preset] = MappingProxyType(_PRESETS)

# How a thought begins and ends in a model's text, where that is more than its markers on lines of their own.
THOUGHT_TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "gpt-oss": ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
        "kimi-k3": ("<|open|>think<|sep|>", "<|close|>think<|sep|><|open|>response<|sep|>"),
        "magistral": ("[THINK]", "[/THINK]"),
        "gemma-4": ("<|channel>thought\n", "<channel|>"),
        "command-a": ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"),
        "hunyuan": ("<think>\n", "\n</think>\n<answer>\n"),
    }
)
