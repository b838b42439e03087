"""Faults of numbers, against the shapes of the tensors."""

from typing import Final

from tensor_files import Tensors

from repositories.editing import Change, dropping, fault, retensoring, setting


def _config(key: str, value: object) -> Change:
    return setting("config.json", key, to=value)


def _three_heads(tensors: Tensors) -> None:
    """Heads whose number does not divide the width of the model, as some models have them."""
    for name, (dtype, shape) in list(tensors.items()):
        if name.endswith("q_proj.weight"):
            tensors[name] = (dtype, (96, shape[1]))
        if name.endswith("o_proj.weight"):
            tensors[name] = (dtype, (shape[0], 96))
        if name.endswith(("k_proj.weight", "v_proj.weight")):
            tensors[name] = (dtype, (32, shape[1]))


FAULTS: Final = (
    fault("A20", "a wider model", _config("hidden_size", 96)),
    fault("A20", "a wider model", _config("hidden_size", 256), base="reference"),
    fault("A21", "a wider inside", _config("intermediate_size", 192)),
    fault("A22", "more heads", _config("num_attention_heads", 8)),
    fault("A22", "more heads", _config("num_attention_heads", 8), base="reference"),
    fault("A23", "more key heads", _config("num_key_value_heads", 4)),
    fault("A23", "more key heads", _config("num_key_value_heads", 4), base="reference"),
    fault("A24", "no head_dim, which then is another", dropping("config.json", "head_dim")),
    fault("A24", "a larger head", _config("head_dim", 64)),
    fault("A22", "a larger head", _config("head_dim", 64), base="reference", also=("A23",)),
    fault("A25", "three key heads", _config("num_key_value_heads", 3), also=("A23",)),
    fault("A26", "an odd head", _config("head_dim", 33), base="reference", also=("A22", "A23")),
    fault(
        "A27",
        "five heads",
        _config("num_attention_heads", 5),
        dropping("config.json", "head_dim"),
        base="reference",
        also=("A22", "A23", "A25", "A26"),
    ),
    fault(
        "A27",
        "no head_dim, where it cannot be divided",
        retensoring("model.safetensors", _three_heads),
        _config("num_attention_heads", 3),
        _config("num_key_value_heads", 1),
        dropping("config.json", "head_dim"),
        base="reference",
        also=("A22", "A23"),
    ),
    fault("A28", "a bias that is not there", _config("attention_bias", True), base="reference"),
)
