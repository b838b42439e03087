"""Clean repositories in memory: the reference model, and a tiny one of the Qwen3 family's shapes, made by code.

Rule: nothing is downloaded, and nothing of a real model is in them but what its family's files look like. The tiny one
has padding rows, a null BOS, a head_dim that is not hidden_size / heads and two shards, since all of that is healthy.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files as package_files
from typing import Any

from triphase_model.validator.rules.chatml import CHATML

from repositories.editing import ITEM_BYTES, Files, Tensors, safetensors

ADDED = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
)
ROWS = 320
HIDDEN = 64
LAYERS = 3
ORDINARY = 260
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


def repository(base: str) -> Files:
    """A fresh copy of a clean repository."""
    return dict(_CLEAN[base]())


@cache
def reference() -> Mapping[str, bytes]:
    folder = package_files("triphase_model") / "reference"
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}


@cache
def qwen3() -> Mapping[str, bytes]:
    shards = (_first_shard(), _second_shard())
    return {
        "config.json": _dumped(_config()),
        "generation_config.json": _dumped(_generation()),
        "tokenizer.json": _dumped(_tokenizer()),
        "tokenizer_config.json": _dumped(_tokenizer_config()),
        "chat_template.jinja": CHATML.encode(),
        "README.md": b"---\nlicense: apache-2.0\nbase_model: Qwen/Qwen3-8B\n---\n# A tiny model\n",
        "model.safetensors.index.json": _dumped(_index(shards)),
        SHARDS[0]: safetensors(shards[0]),
        SHARDS[1]: safetensors(shards[1]),
    }


_CLEAN: Mapping[str, Callable[[], Mapping[str, bytes]]] = {"reference": reference, "qwen3": qwen3}


def _dumped(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode()


def added_id(text: str) -> int:
    return ORDINARY + ADDED.index(text)


def _config() -> dict[str, Any]:
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": added_id("<|endoftext|>"),
        "eos_token_id": added_id("<|im_end|>"),
        "head_dim": 32,
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "intermediate_size": 128,
        "max_position_embeddings": 40960,
        "max_window_layers": LAYERS,
        "model_type": "qwen3",
        "num_attention_heads": 4,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 1000000,
        "sliding_window": None,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.51.0",
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": ROWS,
    }


def _generation() -> dict[str, Any]:
    end, begin = added_id("<|im_end|>"), added_id("<|endoftext|>")
    return {
        "bos_token_id": begin,
        "do_sample": True,
        "eos_token_id": [end, begin],
        "pad_token_id": begin,
        "temperature": 0.6,
        "top_k": 20,
        "top_p": 0.95,
    }


def byte_letters() -> list[str]:
    """The letters that stand for the 256 bytes in byte-level BPE."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(byte if byte in plain else 256 + byte) for byte in range(256)]


def _token(text: str) -> dict[str, Any]:
    kept = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    return {"content": text, **kept, "special": text.startswith("<|")}


def _tokenizer() -> dict[str, Any]:
    letters = byte_letters()
    merged = ["he", "ll", "hell", "in"]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": added_id(text), **_token(text)} for text in ADDED],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": byte_level,
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {text: number for number, text in enumerate([*letters, *merged])},
            "merges": ["h e", "l l", "he ll", "i n"],
        },
    }


def _tokenizer_config() -> dict[str, Any]:
    return {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": {str(added_id(text)): _token(text) for text in ADDED},
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 131072,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }


def _layer(number: int) -> Tensors:
    shapes = {
        "input_layernorm": (HIDDEN,),
        "mlp.down_proj": (HIDDEN, 128),
        "mlp.gate_proj": (128, HIDDEN),
        "mlp.up_proj": (128, HIDDEN),
        "post_attention_layernorm": (HIDDEN,),
        "self_attn.k_norm": (32,),
        "self_attn.k_proj": (64, HIDDEN),
        "self_attn.o_proj": (HIDDEN, 128),
        "self_attn.q_norm": (32,),
        "self_attn.q_proj": (128, HIDDEN),
        "self_attn.v_proj": (64, HIDDEN),
    }
    return {f"model.layers.{number}.{name}.weight": ("BF16", shape) for name, shape in shapes.items()}


def _first_shard() -> Tensors:
    return {"model.embed_tokens.weight": ("BF16", (ROWS, HIDDEN)), **_layer(0), **_layer(1)}


def _second_shard() -> Tensors:
    ends: Tensors = {"lm_head.weight": ("BF16", (ROWS, HIDDEN)), "model.norm.weight": ("BF16", (HIDDEN,))}
    return {**_layer(2), **ends}


def _index(shards: tuple[Tensors, Tensors]) -> dict[str, Any]:
    size = 0
    for _, (dtype, shape) in (item for shard in shards for item in shard.items()):
        size += ITEM_BYTES[dtype] * shape[0] * (shape[1] if len(shape) > 1 else 1)
    names = {name: file for file, shard in zip(SHARDS, shards, strict=True) for name in shard}
    return {"metadata": {"total_size": size}, "weight_map": names}
