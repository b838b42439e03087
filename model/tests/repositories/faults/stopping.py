"""Faults of token ids and of what ends a turn."""

from typing import Final

from repositories.clean import added_id
from repositories.editing import deleting, dropping, fault, replacing, setting

_IM_END: Final = added_id("<|im_end|>")
_END_OF_TEXT: Final = added_id("<|endoftext|>")
_TOKENIZER: Final = "tokenizer_config.json"
_GENERATION: Final = "generation_config.json"
_LOOP: Final = "{%- for message in messages -%}"
_BEGINS: Final = "{{- bos_token + '<|im_start|>' -}}"
_NO_IDS: Final = (
    dropping("config.json", "eos_token_id"),
    dropping(_GENERATION, "eos_token_id"),
    setting(_TOKENIZER, "eos_token", to=None),
)

FAULTS: Final = (
    fault(
        "T01",
        "only the end of text ends",
        setting(_GENERATION, "eos_token_id", to=_END_OF_TEXT),
        setting("config.json", "eos_token_id", to=_END_OF_TEXT),
        setting(_TOKENIZER, "eos_token", to="<|endoftext|>"),
    ),
    fault(
        "T01",
        "the tokenizer alone knows",
        setting(_GENERATION, "eos_token_id", to=_END_OF_TEXT),
        setting("config.json", "eos_token_id", to=_END_OF_TEXT),
        also=("T02",),
    ),
    fault(
        "T01",
        "two tokens end the turn",
        setting(_GENERATION, "eos_token_id", to=_END_OF_TEXT),
        setting("config.json", "eos_token_id", to=_END_OF_TEXT),
        setting(_TOKENIZER, "eos_token", to="<|endoftext|>"),
        replacing("chat_template.jinja", "'<|im_end|>\\n'", "'</tool_call><|im_end|>\\n'"),
    ),
    fault("T01", "no ids at all", *_NO_IDS, also=("T11",)),
    fault("T02", "the tokenizer alone differs", setting(_TOKENIZER, "eos_token", to="<|im_start|>")),
    fault("T03", "a text", setting("config.json", "eos_token_id", to=str(_IM_END))),
    fault("T03", "a negative number", setting(_GENERATION, "eos_token_id", to=[-1, _IM_END])),
    fault("T03", "a truth value", setting("config.json", "eos_token_id", to=True), base="reference"),
    fault("T04", "a letter", setting("config.json", "eos_token_id", to=40)),
    fault("T04", "a letter", setting(_GENERATION, "eos_token_id", to=300), base="reference", also=("T01",)),
    fault("T05", "a negative id for padding", setting(_GENERATION, "pad_token_id", to=-1)),
    fault("T05", "a negative id in config.json", setting("config.json", "pad_token_id", to=-1)),
    fault("T06", "no padding", setting(_TOKENIZER, "pad_token", to=None), dropping(_GENERATION, "pad_token_id")),
    fault(
        "T07",
        "no beginning for the template",
        replacing("chat_template.jinja", _LOOP, _BEGINS + _LOOP),
    ),
    fault("T08", "two beginnings", setting(_TOKENIZER, "add_bos_token", to=True), base="reference"),
    fault(
        "T09",
        "no token for the end of thoughts",
        replacing("tokenizer.json", '"</think>"', '"</thinking>"'),
        replacing(_TOKENIZER, '"</think>"', '"</thinking>"'),
    ),
    fault("T10", "padding by another id", setting("config.json", "pad_token_id", to=_IM_END)),
    fault("T11", "nothing ends a text", *_NO_IDS, also=("T01",)),
    fault("F11", "no generation configuration", deleting(_GENERATION)),
)  # fmt: skip
