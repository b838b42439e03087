"""The template that C01 offers to a model whose tokenizer has ChatML's tokens and whose template is lost.

Rule: it is ours, and plain: roles, tools, results and a switch for thinking. Whatever the base of a model ships fits
that model better, so this is a choice and never applied by itself.
"""

from typing import Final

CHATML: Final = """\
{%- macro plain(content) -%}
{%- if content is string -%}
{{- content -}}
{%- elif content -%}
{%- for part in content if part.type == 'text' -%}
{{- part.text -}}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- macro functions() -%}
{{- 'To call one of these functions, answer with <tool_call>{"name": ..., "arguments": ...}</tool_call>.\\n' -}}
{%- for tool in tools -%}
{{- tool | tojson + '\\n' -}}
{%- endfor -%}
{%- endmacro -%}
{%- for message in messages -%}
{%- if loop.first and tools and message.role not in ['system', 'developer'] -%}
{{- '<|im_start|>system\\n' + functions() + '<|im_end|>\\n' -}}
{%- endif -%}
{%- if message.role in ['system', 'developer'] -%}
{{- '<|im_start|>system\\n' + plain(message.content) -}}
{{- '\\n\\n' + functions() if loop.first and tools else '' -}}
{{- '<|im_end|>\\n' -}}
{%- elif message.role == 'tool' -%}
{{- '<|im_start|>user\\n<tool_response>\\n' + plain(message.content) + '\\n</tool_response><|im_end|>\\n' -}}
{%- elif message.role == 'assistant' -%}
{{- '<|im_start|>assistant\\n' + plain(message.content).split('</think>')[-1].lstrip('\\n') -}}
{%- for call in message.tool_calls or [] -%}
{{- '<tool_call>\\n' + ((call.function or call) | tojson) + '\\n</tool_call>' -}}
{%- endfor -%}
{{- '<|im_end|>\\n' -}}
{%- else -%}
{{- '<|im_start|>user\\n' + plain(message.content) + '<|im_end|>\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- if enable_thinking is defined and not enable_thinking -%}
{{- '<think>\\n\\n</think>\\n\\n' -}}
{%- endif -%}
{%- endif -%}
"""
