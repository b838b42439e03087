"""Faults of what is quantized, or said to be."""

from typing import Final

from tensor_files import Files

from repositories.clean import HIDDEN, SHARDS
from repositories.editing import Change, dropping, fault, retensoring, setting

_INDEX: Final = "model.safetensors.index.json"
_GPTQ: Final = {"quant_method": "gptq", "bits": 4, "group_size": 32}


def _settings(**values: object) -> Change:
    return setting("config.json", "quantization_config", to=values)


def _packing(files: Files) -> None:
    """Two matrices of the last layer and the output, packed as GPTQ does."""
    for name in ("model.layers.2.self_attn.q_proj", "lm_head"):
        packed = {f"{name}.qweight": ("I32", (HIDDEN // 8, 128)), f"{name}.scales": ("F16", (2, 128))}
        retensoring(SHARDS[1], lambda tensors, packed=packed: tensors.update(packed))(files)  # type: ignore[misc]
        for tensor in packed:
            setting(_INDEX, "weight_map", tensor, to=SHARDS[1])(files)
    dropping(_INDEX, "metadata", "total_size")(files)


FAULTS: Final = (
    fault("Q01", "no method", _settings(bits=4)),
    fault("Q02", "plain tensors", _settings(**_GPTQ)),
    fault("Q03", "packed tensors", _packing),
    fault("Q04", "a packed output", _packing, _settings(**_GPTQ, ignore=["lm_head"])),
    fault("Q05", "groups of 48", _packing, _settings(**{**_GPTQ, "group_size": 48})),
    fault("Q06", "seven bits", _packing, _settings(**{**_GPTQ, "bits": 7})),
)
