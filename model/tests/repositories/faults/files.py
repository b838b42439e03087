"""Faults of the files themselves."""

from typing import Final

from repositories.clean import SHARDS
from repositories.editing import deleting, fault, prefixing, replacing, writing

LFS: Final = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 15\n"
NO_TOKENIZER: Final = deleting("tokenizer.json")
OTHERS: Final = "- mistralai/Mistral-7B-v0.3\n- google/gemma-2-9b"
CRLF: Final = b"---\r\nlicense: mit\r\nbase_model: meta-llama/Meta-Llama-3.1-8B\r\n---\r\n# A model\r\n"
ADAPTER: Final = '{"base_model_name_or_path": "owner/base", "peft_type": "LORA"}'

FAULTS: Final = (
    fault("F01", "no configuration", deleting("config.json")),
    fault("F02", "an error page instead", writing("config.json", "<html>404</html>")),
    fault("F02", "an empty file", writing("generation_config.json", "")),
    fault("F02", "no UTF-8", writing("special_tokens_map.json", b'{"a": "\xff"}')),
    fault("F02", "too many brackets", writing("special_tokens_map.json", "[" * 200_000)),
    fault("F03", "a key twice", replacing("config.json", '"hidden_size": 64', '"hidden_size": 32, "hidden_size": 64')),
    fault("F04", "not a number", replacing("config.json", '"attention_dropout": 0.0', '"attention_dropout": NaN')),
    fault("F05", "a byte order mark", prefixing("config.json", b"\xef\xbb\xbf")),
    fault("F06", "a trailing comma", replacing("config.json", '"vocab_size": 320', '"vocab_size": 320,')),
    fault("F07", "a pointer to weights", writing(SHARDS[1], LFS), also=("W02",)),
    fault("F07", "a pointer to the tokenizer", writing("tokenizer.json", LFS)),
    fault("F08", "a list for an object", writing("generation_config.json", "[1]")),
    fault("F09", "no pieces", writing("tokenizer.model", b"\x07nothing of the kind")),
    fault("F10", "no tokenizer", NO_TOKENIZER),
    fault("F11", "no generation configuration", deleting("generation_config.json")),
    fault(
        "F12",
        "an adapter alone",
        deleting("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", *SHARDS),
        deleting("model.safetensors.index.json", "chat_template.jinja"),
        writing("adapter_config.json", ADAPTER),
        writing("adapter_model.safetensors", b""),
        also=("W02",),
    ),
    fault("F13", "another family's name", replacing("README.md", "Qwen/Qwen3-8B", "meta-llama/Meta-Llama-3.1-8B")),
    fault(
        "F13",
        "a list of other families",
        replacing("README.md", "base_model: Qwen/Qwen3-8B", f"base_model:\n{OTHERS}"),
    ),
    fault("F13", "with the ends of lines of Windows", writing("README.md", CRLF)),
    fault("F13", "in a README that is no text", writing("README.md", CRLF + b"\xff")),
    fault("F14", "no weights", deleting(*SHARDS, "model.safetensors.index.json")),
    fault("F11", "no generation configuration", deleting("generation_config.json"), base="reference"),
)  # fmt: skip
