"""Clean tiny repositories of other families: names and shapes of tensors, tokens, the manner of their templates.

Rule: each has what is healthy in its family and looks like a fault elsewhere: a turn that ends with the header of the
answer, a head that is stored although it is tied, experts in one tensor, a layer for multi-token prediction, a model
inside a larger one. All is made by code, and the templates are written for these tests.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from tensor_files import Files, Tensors, safetensors
from tiny_qwen3 import byte_letters, dumped

Shapes = Mapping[str, tuple[int, ...]]

HIDDEN: Final = 64
ROWS: Final = 320
_BASE: Final = 256
_ROLES: Final = "{%- for m in messages -%}"


def family(name: str) -> Files:
    """A fresh copy of the repository of a family."""
    return dict(_cached(name))


@cache
def _cached(name: str) -> Mapping[str, bytes]:
    return _FAMILIES[name]()


def _made(
    *,
    config: dict[str, Any],
    tensors: Tensors,
    tokens: list[str],
    eos: list[str],
    template: str,
    settings: Mapping[str, Any],
    generation: Mapping[str, Any] | None = None,
    processor: Mapping[str, Any] | None = None,
    extra: Mapping[str, bytes] | None = None,
) -> Files:
    ids = {text: _BASE + number for number, text in enumerate(tokens)}
    added = [{"id": ids[text], "content": text, "special": True, "normalized": False} for text in tokens]
    levels = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": levels,
        "post_processor": processor,
        "decoder": levels,
        "model": {"type": "BPE", "vocab": {text: n for n, text in enumerate(byte_letters())}, "merges": []},
    }
    ends = [ids[text] for text in eos]
    common = {"vocab_size": ROWS, "hidden_size": HIDDEN, "eos_token_id": ends[0] if len(ends) == 1 else ends}
    return {
        "config.json": dumped({"torch_dtype": "bfloat16", "use_cache": True, **common, **config}),
        "generation_config.json": dumped({"eos_token_id": ends, "pad_token_id": ends[0], **(generation or {})}),
        "tokenizer.json": dumped(tokenizer),
        "tokenizer_config.json": dumped({"chat_template": template, "eos_token": eos[0], **settings}),
        "model.safetensors": safetensors(tensors),
        **(extra or {}),
    }


def _stack(prefix: str, layer: Shapes, layers: int = 2, ends: Shapes | None = None) -> Tensors:
    shapes: dict[str, tuple[int, ...]] = {
        f"{prefix}embed_tokens.weight": (ROWS, HIDDEN),
        f"{prefix}norm.weight": (HIDDEN,),
    }
    shapes |= {f"{prefix}layers.{n}.{name}": shape for n in range(layers) for name, shape in layer.items()}
    return {name: ("BF16", shape) for name, shape in {**shapes, **(ends or {})}.items()}


def _attention(q: int, k: int, *, bias: bool = False) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "self_attn.q_proj.weight": (q, HIDDEN),
        "self_attn.k_proj.weight": (k, HIDDEN),
        "self_attn.v_proj.weight": (k, HIDDEN),
        "self_attn.o_proj.weight": (HIDDEN, q),
        "input_layernorm.weight": (HIDDEN,),
        "post_attention_layernorm.weight": (HIDDEN,),
    }
    biases = {f"self_attn.{name}_proj.bias": (size,) for name, size in (("q", q), ("k", k), ("v", k))}
    return shapes | (biases if bias else {})


_MLP: Final = {
    "mlp.gate_proj.weight": (128, HIDDEN),
    "mlp.up_proj.weight": (128, HIDDEN),
    "mlp.down_proj.weight": (HIDDEN, 128),
}
_HEAD: Final[Shapes] = {"lm_head.weight": (ROWS, HIDDEN)}
_SIZES: Final = {
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-05,
    "max_position_embeddings": 4096,
    "hidden_act": "silu",
}


def _llama3() -> Files:
    header = "'<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n'"
    scaling = {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 512,
    }
    begin = {"SpecialToken": {"id": "<|begin_of_text|>", "type_id": 0}}
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "rope_theta": 500000.0}
    return _made(
        config={**_SIZES, **config, "rope_scaling": scaling, "tie_word_embeddings": False, "bos_token_id": 256},
        tensors=_stack("model.", _attention(64, 32) | _MLP, ends=_HEAD),
        tokens=[
            "<|begin_of_text|>",
            "<|end_of_text|>",
            "<|start_header_id|>",
            "<|end_header_id|>",
            "<|eom_id|>",
            "<|eot_id|>",
        ],
        eos=["<|eot_id|>", "<|end_of_text|>", "<|eom_id|>"],
        template="{{- bos_token -}}" + _ROLES + "{{- " + header + " + m.content + '<|eot_id|>' -}}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}{%- endif -%}",
        settings={
            "bos_token": "<|begin_of_text|>",
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": 4096,
        },
        processor={"type": "TemplateProcessing", "single": [begin, {"Sequence": {"id": "A", "type_id": 0}}]},
    )


def _mistral() -> Files:
    """Its user turn ends with what elsewhere begins an answer, and a head is not hidden_size / heads wide."""
    return _made(
        config={**_SIZES, "architectures": ["MistralForCausalLM"], "model_type": "mistral", "head_dim": 32,
                "rope_theta": 1000000.0, "sliding_window": None, "tie_word_embeddings": False},
        tensors=_stack("model.", _attention(128, 64) | _MLP, ends=_HEAD),
        tokens=["<unk>", "<s>", "</s>", "[INST]", "[/INST]"],
        eos=["</s>"],
        template="{{- bos_token -}}{%- for m in messages -%}{%- if (m.role == 'user') != (loop.index0 % 2 == 0) -%}"
        "{{- raise_exception('roles must alternate') -}}{%- endif -%}{%- if m.role == 'user' -%}"
        "{{- '[INST]' + m.content + '[/INST]' -}}{%- else -%}{{- m.content + eos_token -}}{%- endif -%}{%- endfor -%}",
        settings={"bos_token": "<s>", "unk_token": "<unk>", "add_bos_token": True, "model_max_length": 1e30,
                  "tokenizer_class": "PreTrainedTokenizerFast"},
    )  # fmt: skip


def _gemma(model_type: str, extra: Mapping[str, tuple[int, ...]], prefix: str = "model.") -> Files:
    """Tied without a stored head, a head of its own width, no system role."""
    names = {"pre_feedforward_layernorm.weight": (HIDDEN,), "post_feedforward_layernorm.weight": (HIDDEN,), **extra}
    return _made(
        config={**_SIZES, "architectures": ["Gemma2ForCausalLM" if model_type == "gemma2" else "Gemma3ForCausalLM"],
                "model_type": model_type, "head_dim": 32, "hidden_activation": "gelu_pytorch_tanh",
                "rms_norm_eps": 1e-06, "sliding_window": 512, "bos_token_id": 258},
        tensors=_stack(prefix, _attention(128, 64) | _MLP | names),
        tokens=["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"],
        eos=["<eos>", "<end_of_turn>"],
        template="{{- bos_token -}}" + _ROLES + "{%- if m.role == 'system' -%}{{- raise_exception('no system') -}}"
        "{%- endif -%}{{- '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\\n' -}}"
        "{{- m.content | trim + '<end_of_turn>\\n' -}}{%- endfor -%}{%- if add_generation_prompt -%}"
        "{{- '<start_of_turn>model\\n' -}}{%- endif -%}",
        settings={"bos_token": "<bos>", "pad_token": "<pad>", "tokenizer_class": "GemmaTokenizer",
                  "model_max_length": 1e30},
        generation={"pad_token_id": 256, "bos_token_id": 258},
    )  # fmt: skip


def _gemma2() -> Files:
    return _gemma("gemma2", {})


def _gemma3() -> Files:
    """A text model inside one that sees, whose tower has layers of its own, and whose configuration is nested."""
    normed: dict[str, tuple[int, ...]] = {"self_attn.q_norm.weight": (32,), "self_attn.k_norm.weight": (32,)}
    files = _gemma("gemma3_text", normed)
    text = json.loads(files["config.json"])
    outer = {key: text.pop(key) for key in ("architectures", "eos_token_id", "torch_dtype")}
    outer |= {"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "text_config": text,
              "vision_config": {"model_type": "siglip_vision_model", "num_hidden_layers": 5}}  # fmt: skip
    names = {"pre_feedforward_layernorm.weight": (HIDDEN,), "post_feedforward_layernorm.weight": (HIDDEN,), **normed}
    tower = {f"vision_tower.encoder.layers.{n}.norm.weight": ("BF16", (8,)) for n in range(5)}
    tensors = _stack("language_model.model.", _attention(128, 64) | _MLP | names)
    files |= {"config.json": dumped(outer), "model.safetensors": safetensors({**tensors, **tower}),
              "preprocessor_config.json": b"{}"}  # fmt: skip
    return files


def _chatml(end: str, begin: str = "<|im_start|>") -> str:
    return (
        _ROLES + "{{- '" + begin + "' + m.role + '\\n' + m.content + '" + end + "\\n' -}}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '" + begin + "assistant\\n' -}}{%- endif -%}"
    )


def _qwen2() -> Files:
    """Tied, and its head stored all the same, with the same bytes."""
    tensors = _stack("model.", _attention(64, 32, bias=True) | _MLP, ends=_HEAD)
    both = ("model.embed_tokens.weight", "lm_head.weight")
    return _made(
        extra={"model.safetensors": safetensors(tensors, alike=both)},
        config={**_SIZES, "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "rope_theta": 1000000.0,
                "tie_word_embeddings": True, "use_sliding_window": False, "sliding_window": 4096},
        tensors=tensors,
        tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        eos=["<|im_end|>", "<|endoftext|>"],
        template=_chatml("<|im_end|>"),
        settings={"bos_token": None, "pad_token": "<|endoftext|>", "tokenizer_class": "Qwen2Tokenizer",
                  "model_max_length": 131072},
        generation={"pad_token_id": 256, "do_sample": True, "temperature": 0.7, "top_p": 0.8, "top_k": 20},
    )  # fmt: skip


def _phi3() -> Files:
    """Fused projections, and lists of factors for long contexts."""
    layer = {
        "self_attn.qkv_proj.weight": (128, HIDDEN),
        "self_attn.o_proj.weight": (HIDDEN, 64),
        "mlp.gate_up_proj.weight": (256, HIDDEN),
        "mlp.down_proj.weight": (HIDDEN, 128),
        "input_layernorm.weight": (HIDDEN,),
        "post_attention_layernorm.weight": (HIDDEN,),
    }
    scaling = {"type": "longrope", "short_factor": [1.0] * 8, "long_factor": [2.0] * 8}
    return _made(
        config={**_SIZES, "architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "rope_scaling": scaling,
                "original_max_position_embeddings": 2048, "rope_theta": 10000.0, "tie_word_embeddings": False,
                "auto_map": {"AutoConfig": "owner/other--configuration_phi3.Phi3Config"}},
        tensors=_stack("model.", layer, ends=_HEAD),
        tokens=["<|endoftext|>", "<|assistant|>", "<|end|>", "<|system|>", "<|user|>"],
        eos=["<|endoftext|>", "<|assistant|>", "<|end|>"],
        template=_ROLES + "{{- '<|' + m.role + '|>\\n' + m.content + '<|end|>\\n' -}}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|assistant|>\\n' -}}{%- endif -%}",
        settings={"tokenizer_class": "LlamaTokenizerFast", "pad_token": "<|endoftext|>", "model_max_length": 4096},
    )  # fmt: skip


def _deepseek() -> Files:
    """Compressed attention, experts after a dense layer, a layer more for multi-token prediction, an open thought."""
    attention = {
        "self_attn.kv_a_proj_with_mqa.weight": (40, HIDDEN),
        "self_attn.o_proj.weight": (HIDDEN, 64),
        "input_layernorm.weight": (HIDDEN,),
    }
    experts = {f"mlp.experts.{n}.gate_proj.weight": (32, HIDDEN) for n in range(4)} | {"mlp.gate.weight": (4, HIDDEN)}
    tensors = _stack("model.", attention, layers=3, ends=_HEAD)
    tensors |= {f"model.layers.0.{name}": ("BF16", shape) for name, shape in _MLP.items()}
    tensors |= {f"model.layers.{n}.{name}": ("BF16", shape) for n in (1, 2) for name, shape in experts.items()}
    yarn = {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1}
    end = "<\uff5cend\u2581of\u2581sentence\uff5c>"
    return _made(
        config={**_SIZES, "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3",
                "num_nextn_predict_layers": 1, "n_routed_experts": 4, "num_experts_per_tok": 2, "head_dim": None,
                "rope_scaling": yarn, "max_position_embeddings": 163840, "tie_word_embeddings": False},
        tensors=tensors,
        tokens=["<\uff5cbegin\u2581of\u2581sentence\uff5c>", end, "<\uff5cUser\uff5c>", "<\uff5cAssistant\uff5c>",
                "<think>", "</think>"],
        eos=[end],
        template="{{- bos_token -}}" + _ROLES + "{%- if m.role == 'user' -%}{{- '<\uff5cUser\uff5c>' + m.content -}}"
        "{%- elif m.role == 'assistant' -%}{{- '<\uff5cAssistant\uff5c>' + m.content + '" + end + "' -}}{%- else -%}"
        "{{- m.content -}}{%- endif -%}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<\uff5cAssistant\uff5c><think>\\n' -}}{%- endif -%}",
        settings={"bos_token": "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "pad_token": end,
                  "tokenizer_class": "LlamaTokenizerFast", "model_max_length": 163840},
    )  # fmt: skip


def _gpt_oss() -> Files:
    """Other ends in history than at last, experts in one packed tensor, and kinds of layers in turn."""
    layer = _attention(64, 32, bias=True) | {
        "self_attn.sinks": (4,),
        "mlp.router.weight": (4, HIDDEN),
        "mlp.experts.down_proj": (4, 32, HIDDEN),
    }
    said = "'<|start|>' + m.role + ('<|channel|>final' if m.role == 'assistant' else '') + '<|message|>' + m.content"
    end = "('<|return|>' if loop.last and m.role == 'assistant' else '<|end|>')"
    return _made(
        config={**_SIZES, "architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "head_dim": 16,
                "num_local_experts": 4, "num_experts_per_tok": 2, "rope_theta": 150000, "attention_bias": True,
                "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 128,
                "tie_word_embeddings": False},
        tensors=_stack("model.", layer, ends=_HEAD),
        tokens=["<|return|>", "<|endoftext|>", "<|call|>", "<|start|>", "<|end|>", "<|message|>", "<|channel|>"],
        eos=["<|return|>", "<|endoftext|>", "<|call|>"],
        template="{{- '<|start|>system<|message|>' + strftime_now('%Y-%m-%d') + '<|end|>' -}}"
        + _ROLES + "{{- " + said + " + " + end + " -}}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|start|>assistant' -}}{%- endif -%}",
        settings={"pad_token": "<|endoftext|>", "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 4096},
        generation={"pad_token_id": 257},
    )  # fmt: skip


def _mixtral() -> Files:
    experts = {f"block_sparse_moe.experts.{n}.w1.weight": (128, HIDDEN) for n in range(8)}
    layer = _attention(64, 32) | experts | {"block_sparse_moe.gate.weight": (8, HIDDEN)}
    files = _mistral()
    config = json.loads(files["config.json"]) | {"architectures": ["MixtralForCausalLM"], "model_type": "mixtral",
                                                 "num_local_experts": 8, "num_experts_per_tok": 2}  # fmt: skip
    del config["head_dim"]
    files |= {"config.json": dumped(config), "model.safetensors": safetensors(_stack("model.", layer, ends=_HEAD))}
    return files


def _glm4() -> Files:
    """Nothing ends an answer but what begins the next turn."""
    tokens = ["<|endoftext|>", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"]
    return _made(
        config={**_SIZES, "architectures": ["Glm4ForCausalLM"], "model_type": "glm4", "head_dim": 16,
                "partial_rotary_factor": 0.5, "rope_theta": 10000.0, "attention_bias": True,
                "tie_word_embeddings": False},
        tensors=_stack("model.", _attention(64, 32, bias=True) | _MLP, ends=_HEAD),
        tokens=tokens,
        eos=["<|endoftext|>", "<|user|>", "<|observation|>"],
        template="{{- '[gMASK]<sop>' -}}" + _ROLES + "{{- '<|' + m.role + '|>\n' + m.content -}}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|assistant|>\n' -}}{%- endif -%}",
        settings={"pad_token": "<|endoftext|>", "tokenizer_class": "PreTrainedTokenizerFast",
                  "model_max_length": 128000},
    )  # fmt: skip


def _packed() -> Files:
    """A model that GPTQ has packed: shapes of eight numbers in one, scales beside them, and a plain output."""
    files = _qwen2()
    sizes = {"q_proj": (64, 64), "k_proj": (64, 32), "v_proj": (64, 32), "o_proj": (64, 64)}
    inner = {"gate_proj": (64, 128), "up_proj": (64, 128), "down_proj": (128, 64)}
    layer = {f"self_attn.{name}": shape for name, shape in sizes.items()}
    layer |= {f"mlp.{name}": shape for name, shape in inner.items()}
    tensors = _stack("model.", {"input_layernorm.weight": (HIDDEN,), "post_attention_layernorm.weight": (HIDDEN,)})
    for number, (name, (rows, columns)) in ((n, item) for n in range(2) for item in layer.items()):
        at = f"model.layers.{number}.{name}"
        tensors[f"{at}.qweight"] = ("I32", (rows // 8, columns))
        tensors[f"{at}.qzeros"] = ("I32", (rows // 32, columns // 8))
        tensors[f"{at}.scales"] = ("F16", (rows // 32, columns))
        tensors[f"{at}.g_idx"] = ("I32", (rows,))
    config = json.loads(files["config.json"]) | {
        "torch_dtype": "float16",
        "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": False, "sym": True},
    }
    return files | {"config.json": dumped(config), "model.safetensors": safetensors(tensors)}


_FAMILIES: Final[Mapping[str, Callable[[], Files]]] = {
    "llama3": _llama3,
    "mistral": _mistral,
    "mixtral": _mixtral,
    "gemma2": _gemma2,
    "gemma3": _gemma3,
    "qwen2": _qwen2,
    "phi3": _phi3,
    "deepseek": _deepseek,
    "gpt_oss": _gpt_oss,
    "glm4": _glm4,
    "packed": _packed,
}
NAMES: Final = tuple(_FAMILIES)
