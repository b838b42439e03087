"""Faults of single values of `config.json`."""

from typing import Final

from repositories.editing import Change, fault, replacing, setting


def _config(key: str, value: object) -> Change:
    return setting("config.json", key, to=value)


FAULTS: Final = (
    fault("A40", "a number as text", _config("hidden_size", "64")),
    fault("A40", "null", _config("vocab_size", None)),
    fault("A40", "zero", _config("num_attention_heads", 0)),
    fault("A41", "a kind too few", _config("layer_types", ["full_attention"] * 2)),
    fault("A41", "a pattern that ends early", _config("layer_types", ["full_attention", "sliding_attention"] * 2)),
    fault("A42", "an unknown kind", _config("layer_types", ["full_attention"] * 2 + ["some_attention"])),
    fault("A43", "a window without a size", _config("use_sliding_window", True)),
    fault("A44", "an unknown activation", _config("hidden_act", "sillu")),
    fault("A45", "an unknown dtype", _config("torch_dtype", "bf16")),
    fault("A45", "no text", _config("torch_dtype", 16)),
    fault("A46", "twice the memory", _config("torch_dtype", "float32")),
    fault("A46", "another half", _config("torch_dtype", "float16")),
    fault(
        "A47",
        "half precision for Gemma",
        replacing("config.json", '"model_type": "llama"', '"model_type": "glm4"'),
        replacing("config.json", "LlamaForCausalLM", "Glm4ForCausalLM"),
        _config("torch_dtype", "float16"),
        base="reference",
    ),
    fault("A48", "a large epsilon", _config("rms_norm_eps", 1e-2)),
    fault("A49", "nine of eight", _config("num_experts_per_tok", 9), _config("num_local_experts", 8), base="reference"),
)
