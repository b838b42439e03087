"""Chat templates written for these tests, with the variables and the manner of the families of reasoning models.

Rule: each is as short as its family's control allows, and in our own words: what is alike is which variables there are,
which words they know, what raises, and who opens or closes the thoughts. `REPOSITORIES` are files around them.
"""

import json
from collections.abc import Mapping
from typing import Final

# Turns of `<|im_start|>role … <|im_end|>`, as several families have them.
_TURNS: Final = (
    "{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + (m.content or '') + '<|im_end|>\\n' }}{% endfor %}"
)
_ASK: Final = "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
_TOOLS: Final = "{%- if tools %}{{ '<|im_start|>system\\n' }}{{ tools | tojson }}{{ '<|im_end|>\\n' }}{% endif %}"
_EMPTY: Final = "{{ '<think>\\n\\n</think>\\n\\n' }}"

TEMPLATES: Final[Mapping[str, str]] = {
    "qwen3": _TOOLS
    + _TURNS
    + _ASK
    + "{%- if enable_thinking is defined and enable_thinking is false %}"
    + _EMPTY
    + "{% endif %}{% endif %}",
    "qwen3-thinking": _TOOLS + _TURNS + _ASK + "{{ '<think>\\n' }}{% endif %}",
    "qwen3-instruct": _TOOLS + _TURNS + _ASK + "{% endif %}",
    "qwen3.5": _TOOLS
    + _TURNS
    + _ASK
    + "{%- if enable_thinking is defined and not enable_thinking %}"
    + _EMPTY
    + "{% else %}{{ '<think>\\n' }}{% endif %}{% endif %}",
    "qwen3.8": "{%- set depth = reasoning_effort if reasoning_effort is defined else 'xhigh' %}"
    "{%- if depth not in ('xhigh', 'medium', 'low') %}{{ raise_exception('no such effort: ' + depth) }}{% endif %}"
    "{%- if depth != 'medium' %}{{ '<|im_start|>system\\nthink ' + ('much' if depth == 'xhigh' else 'little') }}"
    "{{ '<|im_end|>\\n' }}{% endif %}"
    + _TURNS
    + _ASK
    + "{%- if enable_thinking is defined and not enable_thinking %}"
    + _EMPTY
    + "{% else %}{{ '<think>\\n' }}{% endif %}{% endif %}",
    "gpt-oss": "{%- if reasoning_effort is not defined %}{% set reasoning_effort = 'medium' %}{% endif %}"
    "{{ '<|start|>system<|message|>Today is ' + strftime_now('%Y-%m-%d') + '. Reasoning: ' + reasoning_effort }}"
    "{{ '<|end|>' }}{%- for m in messages %}{% if m.role == 'assistant' %}"
    "{{ '<|start|>assistant<|channel|>final<|message|>' + m.content + '<|end|>' }}{% else %}"
    "{{ '<|start|>' + m.role + '<|message|>' + m.content + '<|end|>' }}{% endif %}{% endfor %}"
    "{%- if false %}<|channel|>analysis<|message|>{% endif %}"
    "{%- if add_generation_prompt %}{{ '<|start|>assistant' }}{% endif %}",
    "deepseek-v3.1": "{%- if thinking is not defined %}{% set thinking = false %}{% endif %}"
    "{{ bos_token }}{%- for m in messages %}{{ '[' + m.role + ']' + m.content }}{% endfor %}"
    "{%- if add_generation_prompt %}{{ '[model]' }}{% if thinking %}<think>{% else %}</think>{% endif %}{% endif %}",
    "deepseek-v4": "{%- set thinks = thinking is defined and thinking %}{{ bos_token }}"
    "{%- if thinks and reasoning_effort == 'max' %}Think as long as it takes.{% endif %}"
    "{%- for m in messages %}{{ '[' + m.role + ']' + m.content }}{% endfor %}"
    "{%- if add_generation_prompt %}{{ '[model]' }}{% if thinks %}<think>{% else %}</think>{% endif %}{% endif %}",
    "glm-4.6": "{%- set off = enable_thinking is defined and not enable_thinking %}"
    "{%- for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content }}"
    "{%- if m.role == 'user' and off %}{{ '/nothink' }}{% endif %}{% endfor %}"
    "{%- if add_generation_prompt %}<|assistant|>{% if off %}{{ '\\n<think></think>' }}{% endif %}{% endif %}",
    "glm-5.3": "{%- set e = reasoning_effort if reasoning_effort is defined else 'max' %}"
    "{%- if e not in ['low', 'high'] %}{% set e = 'max' %}{% endif %}{{ 'Effort of thought: ' + e + '\\n' }}"
    "{%- for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content }}{% endfor %}"
    "{%- if add_generation_prompt %}<|assistant|><think>{% endif %}",
    "hy3": "{%- if reasoning_effort is not defined %}{% set effort = 'no_think' %}{% else %}"
    "{% set effort = reasoning_effort %}{% endif %}"
    "{%- if effort not in ['no_think', 'low', 'high'] %}{{ raise_exception('unknown effort') }}{% endif %}"
    "{%- for m in messages %}{{ '[' + m.role + ']' + m.content }}{% endfor %}{{ '[effort ' + effort + ']' }}"
    "{%- if add_generation_prompt %}{{ '[model]' }}{% if effort == 'no_think' %}<think:opensource></think:opensource>"
    "{% else %}<think:opensource>{% endif %}{% endif %}",
    "kimi-k3": "{%- set thinks = thinking is not defined or thinking %}"
    "{%- if thinking_effort is defined and thinking_effort not in ('low', 'high', 'max') %}"
    "{{ raise_exception('thinking_effort is low, high or max') }}{% endif %}"
    "{%- if thinks and thinking_effort is defined %}{{ 'effort=' + thinking_effort + ';' }}{% endif %}"
    "{%- for m in messages %}{{ '<|open|>' + m.role + '<|sep|>' + m.content + '<|end_of_msg|>' }}{% endfor %}"
    "{%- if add_generation_prompt %}{{ '<|open|>assistant<|sep|>' }}"
    "{%- if thinks %}{{ '<|open|>think<|sep|>' }}{% endif %}{% endif %}",
    "seed-oss": "{%- if thinking_budget is defined %}{{ '<seed:bos>system\\n' }}"
    "{%- if thinking_budget == 0 %}Answer at once.{% else %}{{ 'Tokens to think: ' ~ thinking_budget }}{% endif %}"
    "{{ '<seed:eos>' }}{% endif %}"
    "{%- for m in messages %}{{ '<seed:bos>' + m.role + '\\n' + m.content + '<seed:eos>' }}{% endfor %}"
    "{%- if add_generation_prompt %}{{ '<seed:bos>assistant\\n' }}"
    "{%- if thinking_budget is defined and thinking_budget == 0 %}<seed:think></seed:think>{% endif %}{% endif %}",
    "granite": "{%- if thinking %}{{ '[system]Think inside <think> and </think> first.' }}{% endif %}"
    "{%- for m in messages %}{{ '[' + m.role + ']' + m.content }}{% endfor %}"
    "{%- if add_generation_prompt %}[assistant]{% endif %}",
    "smollm3": "{%- set mode = namespace(on=enable_thinking is not defined or enable_thinking) %}"
    "{%- if messages[0].role == 'system' %}{% if '/no_think' in messages[0].content %}{% set mode.on = false %}"
    "{% elif '/think' in messages[0].content %}{% set mode.on = true %}{% endif %}{% endif %}"
    "{{ '<|im_start|>system\\nmode: ' + ('think' if mode.on else 'no_think') + '<|im_end|>\\n' }}"
    + _TURNS
    + _ASK
    + "{%- if not mode.on %}"
    + _EMPTY
    + "{% endif %}{% endif %}",
    "magistral": "{{ bos_token }}{%- if messages[0].role != 'system' %}"
    "{{ '[SYSTEM_PROMPT]Draft inside [THINK] and [/THINK].[/SYSTEM_PROMPT]' }}{% endif %}{%- for m in messages %}"
    "{%- if m.role == 'user' %}{{ '[INST]' + m.content + '[/INST]' }}{% else %}{{ m.content + eos_token }}{% endif %}"
    "{% endfor %}",
    "minimax-m3": "{%- set mode = thinking_mode | default('adaptive') %}"
    "{%- for m in messages %}{{ '[' + m.role + ']' + m.content }}{% endfor %}"
    "{%- if add_generation_prompt %}{{ '[ai]' }}{% if mode == 'enabled' %}<mm:think>{% elif mode == 'disabled' %}"
    "<mm:think></mm:think>{% endif %}{% endif %}",
    "cohere2": "{%- for m in messages %}{{ '[' + m.role + ']' + m.content }}{% endfor %}"
    "{%- if add_generation_prompt %}{{ '[bot]' }}{% if reasoning_effort is defined and reasoning_effort == 'none' %}"
    "<|START_THINKING|><|END_THINKING|>{% else %}<|START_THINKING|>{% endif %}{% endif %}",
    "solar": "{%- for m in messages %}{{ '[' + m.role + ']' + m.content }}{% endfor %}"
    "{%- if add_generation_prompt %}{{ '[assistant]' }}{% if reasoning_effort in ('minimal', 'low') %}"
    "<|think|><|end|>{% else %}<|think|>{% endif %}{% endif %}",
    "nemotron-3-super": _TURNS
    + "{%- if low_effort %}{{ 'think briefly' }}{% endif %}"
    + _ASK
    + "{%- if enable_thinking is defined and not enable_thinking %}<think></think>{% else %}{{ '<think>\\n' }}"
    "{% endif %}{% endif %}",
    "gemma-4": "{%- if enable_thinking %}{{ '<|turn>system\\n<|think|><turn|>' }}{% endif %}"
    "{%- for m in messages %}{{ '<|turn>' + m.role + '\\n' + m.content + '<turn|>' }}{% endfor %}"
    "{%- if add_generation_prompt %}{{ '<|turn>model\\n' }}{% if not enable_thinking %}<|channel>thought\n<channel|>"
    "{% endif %}{% endif %}",
    "muse": "{%- if reasoning_strength is defined %}{{ 'Strength: ' + reasoning_strength }}{% endif %}"
    "{%- for m in messages %}{{ '[' + m.role + ']' + m.content }}{% endfor %}",
}
# The type that `config.json` has, where the family's is known by it.
TYPES: Final[Mapping[str, str]] = {
    "qwen3": "qwen3",
    "qwen3-thinking": "qwen3",
    "qwen3-instruct": "qwen3",
    "qwen3.5": "qwen3_5",
    "qwen3.8": "qwen3_5_moe",
    "gpt-oss": "gpt_oss",
    "deepseek-v3.1": "deepseek_v3",
    "deepseek-v4": "deepseek_v4",
    "glm-4.6": "glm4_moe",
    "seed-oss": "seed_oss",
    "granite": "granite",
    "smollm3": "smollm3",
    "gemma-4": "gemma4",
    "kimi-k3": "kimi_k3",
}


def repository(template: str, *, model_type: str = "llama") -> dict[str, bytes]:
    """The files of a repository that has a template and says its type."""
    special = {"bos_token": "<s>", "eos_token": "</s>"}
    return {
        "chat_template.jinja": template.encode(),
        "config.json": json.dumps({"model_type": model_type}).encode(),
        "tokenizer_config.json": json.dumps(special).encode(),
    }


def of_family(name: str) -> dict[str, bytes]:
    """The files of a repository with the template of a family."""
    return repository(TEMPLATES[name], model_type=TYPES.get(name, "llama"))
