"""Faults of the tokenizer's class and pipeline."""

from typing import Final

from repositories.editing import Change, fault, setting

_TOKENIZER: Final = "tokenizer.json"


def _config(key: str, value: object) -> Change:
    return setting("tokenizer_config.json", key, to=value)


_END: Final = {"SpecialToken": {"id": "<|end|>", "type_id": 0}}
_TEXT: Final = {"Sequence": {"id": "A", "type_id": 0}}
FAULTS: Final = (
    fault("K01", "no class of transformers", _config("tokenizer_class", "Foo")),
    fault("K02", "a class of Llama", _config("tokenizer_class", "LlamaTokenizer")),
    fault("K02", "a fast class of Llama", _config("tokenizer_class", "LlamaTokenizerFast")),
    fault("K03", "a new class", _config("tokenizer_class", "TokenizersBackend")),
    fault("K04", "a list", _config("extra_special_tokens", ["<|im_start|>"])),
    fault("K05", "no decoder", setting(_TOKENIZER, "decoder", to=None)),
    fault("K06", "a cut", setting(_TOKENIZER, "truncation", to={"max_length": 512, "strategy": "LongestFirst"})),
    fault("K07", "filling", setting(_TOKENIZER, "padding", to={"strategy": {"Fixed": 512}, "pad_id": 0})),
    fault("K08", "lower case", setting(_TOKENIZER, "normalizer", to={"type": "Lowercase"})),
    fault("K08", "lower case inside", setting(_TOKENIZER, "normalizer", to={
        "type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "BertNormalizer", "lowercase": True}]})),
    fault("K09", "no length", _config("model_max_length", 0)),
    fault("K09", "no number", _config("model_max_length", "long")),
    fault("K10", "a short length", _config("model_max_length", 512)),
    fault("K11", "an end of each prompt", _config("add_eos_token", True)),
    fault("K12", "an end of each text", setting(_TOKENIZER, "post_processor", "single", to=[_TEXT, _END]),
          base="reference"),
    fault("K13", "chance", setting(_TOKENIZER, "model", "dropout", to=0.1)),
    fault("K15", "a class of nobody", _config("tokenizer_class", "FooTokenizer")),
    fault("K14", "a length of training", _config("max_length", 2048)),
)  # fmt: skip
