"""Faults of ids and rows."""

from typing import Final

from tensor_files import Tensors

from repositories.clean import HIDDEN, ORDINARY, ROWS, SHARDS, added_id
from repositories.editing import fault, retensoring, setting, writing

_TOKENIZER: Final = "tokenizer.json"
_CONFIG: Final = "tokenizer_config.json"
_IM_END: Final = added_id("<|im_end|>")


def _fewer_rows_of_head(tensors: Tensors) -> None:
    tensors["lm_head.weight"] = ("BF16", (ROWS - 8, HIDDEN))


FAULTS: Final = (
    fault("V01", "the tokenizer's size", setting("config.json", "vocab_size", to=ORDINARY + 9)),
    fault("V01", "one too few", setting("config.json", "vocab_size", to=ROWS - 1)),
    fault("V01", "64 too many", setting("config.json", "vocab_size", to=ROWS + 64)),
    fault("V01", "one too few", setting("config.json", "vocab_size", to=639), base="reference"),
    fault("V02", "a smaller output", retensoring(SHARDS[1], _fewer_rows_of_head), also=("W06",)),
    fault("V03", "an id without a row", setting(_TOKENIZER, "model", "vocab", "zq", to=400)),
    fault("V04", "an end without a row", setting("config.json", "eos_token_id", to=5000), also=()),
    fault("V04", "padding without a row", setting("generation_config.json", "pad_token_id", to=ROWS), also=("T10",)),
    fault(
        "V05",
        "two ids in two files",
        setting(_CONFIG, "added_tokens_decoder", str(_IM_END), "content", to="<|im_start|>"),
    ),
    fault("V06", "an end that is no token", setting(_CONFIG, "eos_token", to="<|nowhere|>")),
    fault("V06", "padding that is no token", setting(_CONFIG, "pad_token", to="<|nowhere|>")),
    fault(
        "V07",
        "ordinary in one file",
        setting(_TOKENIZER, "added_tokens", 2, "special", to=False),
    ),
    fault(
        "V08",
        "ordinary in both files",
        setting(_TOKENIZER, "added_tokens", 2, "special", to=False),
        setting(_CONFIG, "added_tokens_decoder", str(_IM_END), "special", to=False),
    ),
    fault("V09", "two tokens with one id", setting(_TOKENIZER, "model", "vocab", "zq", to=5)),
    fault("V10", "on an ordinary token", setting(_TOKENIZER, "added_tokens", 3, "id", to=7), also=("V05",)),
    fault("V11", "a text twice", setting(_TOKENIZER, "added_tokens", 4, "content", to="<tool_call>"), also=("V05",)),
    fault("V12", "a hole", setting(_TOKENIZER, "model", "vocab", "zq", to=300)),
    fault("V13", "a merge of nothing", setting(_TOKENIZER, "model", "merges", 3, to="zq in")),
    fault("V13", "a merge of nothing, as pair", setting(_TOKENIZER, "model", "merges", 3, to=["i", "zq"])),
    fault("V14", "on an ordinary token", writing("added_tokens.json", '{"<|new|>": 3}')),
    fault("V15", "another end", writing("special_tokens_map.json", '{"eos_token": "<|endoftext|>"}')),
    fault("V15", "another end", setting("special_tokens_map.json", "eos_token", to="<|user|>"), base="reference"),
)  # fmt: skip
