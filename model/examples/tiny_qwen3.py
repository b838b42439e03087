"""A repository of the Qwen3 family, made by code in a size that is asked for.

Rule: nothing is downloaded, and nothing of a real model is in it but what the family's files look like. It is healthy,
and has what looks like a fault elsewhere: padding rows, a null BOS, a head_dim that is not hidden_size / heads, several
files of weights, the class of Qwen2's tokenizer. Which sizes there are, and what is broken in them, is for others.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from tensor_files import Files, Tensors, safetensors, tensor_bytes
from triphase_model.validator.rules.chatml import CHATML

END_OF_TEXT: Final = "<|endoftext|>"
TURN_END: Final = "<|im_end|>"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a repository is. `ordinary` counts the tokens before the added ones, `rows` those of the embedding.

    Control tokens among `added` are those in `<|…|>` whose name is not in `plain`.
    """

    layers: int
    hidden: int
    inner: int
    heads: int
    key_heads: int
    head_dim: int
    ordinary: int
    added: tuple[str, ...]
    rows: int
    files: int
    plain: frozenset[str] = frozenset()

    def added_id(self, text: str) -> int:
        """The id of an added token."""
        return self.ordinary + self.added.index(text)

    def shards(self) -> tuple[str, ...]:
        """The names of the files of weights."""
        return tuple(f"model-{n:05}-of-{self.files:05}.safetensors" for n in range(1, self.files + 1))


def made(size: Size) -> Files:
    """The files of a healthy repository."""
    weights = dict(zip(size.shards(), _divided(size), strict=True))
    return {
        "config.json": dumped(_config(size)),
        "generation_config.json": dumped(_generation(size)),
        "tokenizer.json": dumped(_tokenizer(size)),
        "tokenizer_config.json": dumped(_tokenizer_config(size)),
        "chat_template.jinja": CHATML.encode(),
        "README.md": b"---\nlicense: apache-2.0\nbase_model: Qwen/Qwen3-8B\n---\n# A tiny model\n",
        "model.safetensors.index.json": dumped(_index(weights)),
        **{file: safetensors(tensors) for file, tensors in weights.items()},
    }


def dumped(value: Any) -> bytes:
    """A JSON file as the libraries write it."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def byte_letters() -> list[str]:
    """The letters that stand for the 256 bytes in byte-level BPE: where a byte prints nothing, the next from U+0100."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return [chr(byte if byte in plain else 256 + others.index(byte)) for byte in range(256)]


def _config(size: Size) -> dict[str, Any]:
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": size.added_id(END_OF_TEXT),
        "eos_token_id": size.added_id(TURN_END),
        "head_dim": size.head_dim,
        "hidden_act": "silu",
        "hidden_size": size.hidden,
        "initializer_range": 0.02,
        "intermediate_size": size.inner,
        "max_position_embeddings": 40960,
        "max_window_layers": size.layers,
        "model_type": "qwen3",
        "num_attention_heads": size.heads,
        "num_hidden_layers": size.layers,
        "num_key_value_heads": size.key_heads,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 1000000,
        "sliding_window": None,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.51.0",
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": size.rows,
    }


def _generation(size: Size) -> dict[str, Any]:
    end, begin = size.added_id(TURN_END), size.added_id(END_OF_TEXT)
    return {
        "bos_token_id": begin,
        "do_sample": True,
        "eos_token_id": [end, begin],
        "pad_token_id": begin,
        "temperature": 0.6,
        "top_k": 20,
        "top_p": 0.95,
        "transformers_version": "4.51.0",
    }


def _token(size: Size, text: str) -> dict[str, Any]:
    special = text.startswith("<|") and text not in size.plain
    return {"content": text, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
            "special": special}  # fmt: skip


def _pairs() -> Iterator[tuple[str, str]]:
    """The merges of a vocabulary, each of a token that is there and a letter: a+a, a+b … z+z, aa+a …, without end."""
    known = list(_LETTERS)
    for left in known:  # which grows meanwhile
        for letter in _LETTERS:
            known.append(left + letter)
            yield left, letter


def _tokenizer(size: Size) -> dict[str, Any]:
    letters = byte_letters()
    pairs = list(islice(_pairs(), size.ordinary - len(letters)))
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": size.added_id(text), **_token(size, text)} for text in size.added],
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
            "vocab": {text: number for number, text in enumerate([*letters, *map("".join, pairs)])},
            "merges": [" ".join(pair) for pair in pairs],
        },
    }


def _tokenizer_config(size: Size) -> dict[str, Any]:
    return {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": {str(size.added_id(text)): _token(size, text) for text in size.added},
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": TURN_END,
        "errors": "replace",
        "model_max_length": 131072,
        "pad_token": END_OF_TEXT,
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }


def _layer(size: Size, number: int) -> Tensors:
    hidden, queries, keys = size.hidden, size.heads * size.head_dim, size.key_heads * size.head_dim
    shapes: dict[str, tuple[int, ...]] = {
        "input_layernorm": (hidden,),
        "mlp.down_proj": (hidden, size.inner),
        "mlp.gate_proj": (size.inner, hidden),
        "mlp.up_proj": (size.inner, hidden),
        "post_attention_layernorm": (hidden,),
        "self_attn.k_norm": (size.head_dim,),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, queries),
        "self_attn.q_norm": (size.head_dim,),
        "self_attn.q_proj": (queries, hidden),
        "self_attn.v_proj": (keys, hidden),
    }
    return {f"model.layers.{number}.{name}.weight": ("BF16", shape) for name, shape in shapes.items()}


def _divided(size: Size) -> list[Tensors]:
    """The tensors of each file: the embedding in the first one, the layers in order, the output in the last one."""
    files: list[Tensors] = [{} for _ in range(size.files)]
    files[0]["model.embed_tokens.weight"] = ("BF16", (size.rows, size.hidden))
    for number in range(size.layers):
        files[number * size.files // size.layers] |= _layer(size, number)
    files[-1] |= {"lm_head.weight": ("BF16", (size.rows, size.hidden)), "model.norm.weight": ("BF16", (size.hidden,))}
    return files


def _index(weights: dict[str, Tensors]) -> dict[str, Any]:
    names = {name: file for file, tensors in weights.items() for name in tensors}
    return {"metadata": {"total_size": sum(map(tensor_bytes, weights.values()))}, "weight_map": names}
