"""Faults of rotary positions and context."""

from typing import Any, Final

from repositories.editing import Change, fault, setting

_LLAMA3: Final = {
    "rope_type": "llama3",
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 256,
}
_YARN: Final = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 10240}
_LONG: Final = {"type": "longrope", "short_factor": [1.0] * 16, "long_factor": [2.0] * 16}


def _config(key: str, value: object) -> Change:
    return setting("config.json", key, to=value)


def _without(block: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name != key}


_ORIGINAL: Final = _config("original_max_position_embeddings", 256)
FAULTS: Final = (
    fault("R01", "llama3 without a factor", _config("rope_scaling", _without(_LLAMA3, "factor")), base="reference"),
    fault("R01", "longrope without a length", _config("rope_scaling", _LONG), base="reference"),
    fault("R02", "an unknown kind", _config("rope_scaling", {"rope_type": "yarnn", "factor": 2})),
    fault("R03", "two kinds", _config("rope_scaling", {**_YARN, "type": "linear"})),
    fault("R04", "half", _config("rope_scaling", {"rope_type": "linear", "factor": 0.5})),
    fault("R04", "a text", _config("rope_scaling", {"rope_type": "linear", "factor": "2"})),
    fault("R05", "another ratio", _config("rope_scaling", {**_YARN, "factor": 2.0})),
    fault("R06", "a value too few", _config("rope_scaling", {**_LONG, "long_factor": [2.0] * 15}), _ORIGINAL,
          base="reference"),
    fault("R07", "longer before", _config("rope_scaling", {**_LLAMA3, "original_max_position_embeddings": 2048}),
          base="reference"),
    fault("R08", "the wrong order", _config("rope_scaling", {**_LLAMA3, "high_freq_factor": 0.5}), base="reference"),
    fault("R09", "no positions", _config("max_position_embeddings", 0)),
    fault("R10", "two bases", _config("rope_parameters", {"rope_type": "default", "rope_theta": 5000000})),
    fault("R11", "the new form alone", _config("rope_theta", None),
          _config("rope_parameters", {"rope_type": "default", "rope_theta": 1000000})),
    fault("R12", "the default for all", _config("rope_theta", 10000)),
)  # fmt: skip
