"""Faults of chat templates."""

from typing import Final

from repositories.editing import Change, deleting, fault, replacing, setting, writing

_FILE: Final = "chat_template.jinja"
_CONFIG: Final = "tokenizer_config.json"
_LOOP: Final = "{%- for message in messages -%}"
_PLAIN: Final = (
    "{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor -%}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def _template(text: str) -> Change:
    return writing(_FILE, text)


def _before(text: str) -> Change:
    return replacing(_FILE, _LOOP, text + _LOOP)


def _without(role: str) -> Change:
    return _template(_PLAIN.replace("m.content", f"('' if m.role == '{role}' else m.content)"))


def _refusing(condition: str) -> Change:
    refusal = "{% if " + condition + " %}{{ raise_exception('no') }}{% endif %}"
    return _template(_PLAIN.replace("%}{{", "%}" + refusal + "{{", 1))


FAULTS: Final = (
    fault("C01", "no template", deleting(_FILE)),
    fault("C02", "no template and no chat tokens", deleting(_FILE),
          *(replacing(file, f"<|im_{word}|>", f"<|x_{word}|>") for file in ("tokenizer.json", _CONFIG)
            for word in ("start", "end"))),
    fault("C03", "an empty file", _template(" \n")),
    fault("C04", "a statement that does not end", _template(_PLAIN + "{% if")),
    fault("C05", "a filter of another world", _template(_PLAIN.replace("m.content", "(m.content | from_json)"))),
    fault("C05", "a filter of another world, for tools",
          _before("{%- if tools -%}{{ '1' | from_json }}{%- endif -%}")),
    fault("C06", "a variable of the author", _template(_PLAIN + "{{ functions.first }}")),
    fault("C06", "a call that is blocked", _before("{%- set x = [] -%}{%- set _ = x.append(1) -%}")),
    fault("C06", "tools are taken for granted", _before("{%- for tool in tools -%}{%- endfor -%}")),
    fault("C07", "a blocked call for tools only",
          _before("{%- if tools -%}{%- set x = [] -%}{%- set _ = x.append(1) -%}{%- endif -%}")),
    fault("C08", "more text than there is memory", _template(_PLAIN + "{{ '%0999999999d' % 1 }}"), also=("S07",)),
    fault("C08", "a loop that never ends",
          _template(_PLAIN + "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}")),
    fault("C08", "an output that never ends",
          _template(_PLAIN + "{% for a in range(9999) %}{{ 'zq' * 9999 }}{% endfor %}")),
    fault("C08", "a constant of a gigabyte", _template(_PLAIN + "{{ 'a' * 9999999999 }}"), also=("S07",)),
    fault("C08", "a recursion", _template("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}")),
    fault("C08", "a source without end", _template(_PLAIN + "{#" + "-" * 300_000 + "#}")),
    fault("C09", "users are not heard", _without("user")),
    fault("C10", "answers are forgotten", _without("assistant")),
    fault("C11", "the flag is ignored", replacing(_FILE, "add_generation_prompt", "false")),
    fault("C11", "the flag is ignored", replacing(_FILE, "add_generation_prompt", "false"), base="reference"),
    fault("C12", "the flag is always on", replacing(_FILE, "{%- if add_generation_prompt -%}", "{%- if true -%}")),
    fault("C12", "the flag is always on, and answers begin with more",
          replacing(_FILE, "{%- if add_generation_prompt -%}", "{%- if messages[-1].role != 'assistant' -%}"),
          replacing(_FILE, "'<|im_start|>assistant\\n' + plain", "'<|im_start|>assistant\\n<think>' + plain")),
    fault("C13", "the tokens of another family", replacing(_FILE, "<|im_end|>", "<|eot_id|>")),
    fault("C13", "the tokens of another family", replacing(_FILE, "<|end|>", "<|im_end|>"), base="reference"),
    fault("C14", "no default among several", deleting(_FILE),
          setting(_CONFIG, "chat_template", to=[{"name": "tool_use", "template": _PLAIN}])),
    fault("C15", "two templates", setting(_CONFIG, "chat_template", to=_PLAIN)),
    fault("C15", "two templates, one of a processor", writing("chat_template.json", '{"chat_template": "x"}')),
    fault("C16", "a backslash and an n", _template(_PLAIN.replace("\\n", "\\\\n"))),
    fault("C17", "systems are not heard", _without("system")),
    fault("C18", "systems are refused", _refusing("m.role == 'system'")),
    fault("C19", "developers are refused", _refusing("m.role == 'developer'")),
    fault("C20", "users must wait", _refusing("loop.index == 2 and messages[0].role == m.role")),
    fault("C21", "a system speaks first or never", _refusing("loop.index > 1 and m.role == 'system'")),
    fault("C22", "no parts", _template(_PLAIN)),
    fault("C23", "no tools", _template(_PLAIN)),
    fault("C24", "no tool results", _template(_PLAIN.replace("m.content", "(m.content if m.role != 'tool' else '')"))),
    fault("C25", "no null", _template(_PLAIN)),
    fault("C26", "an open thought", replacing(_FILE, "{{- '<|im_start|>assistant\\n' -}}\n{%- if enable",
                                              "{{- '<|im_start|>assistant\\n<think>\\n' -}}\n{%- if enable")),
    fault("C27", "a closed thought", replacing(_FILE, "enable_thinking is defined and not enable_thinking", "true")),
    fault("C28", "the date", _before("{%- set today = strftime_now('%Y') -%}")),
    fault("C29", "a mark for training", replacing(_FILE, _LOOP, "{% generation %}{% endgeneration %}" + _LOOP)),
)  # fmt: skip
