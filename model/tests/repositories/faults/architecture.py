"""Faults of what the model is called, against its tensors."""

from typing import Final

from tensor_files import Files, Tensors

from repositories.clean import HIDDEN, ROWS, SHARDS
from repositories.editing import Change, dropping, fault, header_of, replacing, retensoring, setting

_CONFIG: Final = "config.json"
_INDEX: Final = "model.safetensors.index.json"
_HEAD: Final = "lm_head.weight"


def _prefixed(tensors: Tensors) -> None:
    names = list(tensors)
    for name in names:
        tensors[f"module.{name}"] = tensors.pop(name)


def _all_prefixed(files: Files) -> None:
    for shard in SHARDS:
        retensoring(shard, _prefixed)(files)
    replacing(_INDEX, '"model.', '"module.model.')(files)
    replacing(_INDEX, '"lm_head', '"module.lm_head')(files)


def _adding(name: str, *shape: int) -> Change:
    """A tensor more, in the file and in the index."""

    def change(files: Files) -> None:
        retensoring(SHARDS[1], lambda tensors: tensors.update({name: ("BF16", shape)}))(files)
        setting(_INDEX, "weight_map", name, to=SHARDS[1])(files)
        dropping(_INDEX, "metadata", "total_size")(files)

    return change


def _removing(shard: str, name: str) -> Change:
    """A tensor less, in the file and in the index."""

    def change(files: Files) -> None:
        retensoring(shard, lambda tensors: tensors.pop(name) and None)(files)
        dropping(_INDEX, "weight_map", name)(files)
        dropping(_INDEX, "metadata", "total_size")(files)

    return change


def _without_head(files: Files) -> None:
    """No output projection, and an index that was written so."""
    _removing(SHARDS[1], _HEAD)(files)
    entries = [entry for shard in SHARDS for name, entry in header_of(files[shard]).items() if name != "__metadata__"]
    total = sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in entries)
    setting(_INDEX, "metadata", "total_size", to=total)(files)


def _with_experts(files: Files) -> None:
    """The repository as a mixture of four experts, whose configuration speaks of eight."""
    for number in range(4):
        _adding_expert(number)(files)
    setting(_CONFIG, "num_experts", to=8)(files)


def _adding_expert(number: int) -> Change:
    name = f"model.layers.0.mlp.experts.{number}.gate_proj.weight"

    def change(files: Files) -> None:
        retensoring(SHARDS[1], lambda tensors: tensors.update({name: ("BF16", (128, HIDDEN))}))(files)
        setting(_INDEX, "weight_map", name, to=SHARDS[1])(files)
        setting(_INDEX, "metadata", to={"n": number})(files)

    return change


FAULTS: Final = (
    fault("A01", "no type", dropping(_CONFIG, "model_type")),
    fault("A02", "no class", dropping(_CONFIG, "architectures")),
    fault("A02", "no class", setting(_CONFIG, "architectures", to=[]), base="reference"),
    fault("A03", "another class", setting(_CONFIG, "architectures", to=["LlamaForCausalLM"])),
    fault("A03", "a type that nobody knows", setting(_CONFIG, "model_type", to="qwen33")),
    fault("A03", "another class", setting(_CONFIG, "architectures", to=["MistralForCausalLM"]), base="reference"),
    fault("A04", "a type as the README has it", setting(_CONFIG, "model_type", to="llama")),
    fault(
        "A04",
        "type and class as the README has them",
        setting(_CONFIG, "model_type", to="llama"),
        setting(_CONFIG, "architectures", to=["LlamaForCausalLM"]),
    ),
    fault("A05", "a layer too many", setting(_CONFIG, "num_hidden_layers", to=4)),
    fault("A05", "a layer too many", setting(_CONFIG, "num_hidden_layers", to=7), base="reference"),
    fault("A06", "a layer too few", setting(_CONFIG, "num_hidden_layers", to=2)),
    fault("A07", "a matrix less", _removing(SHARDS[0], "model.layers.1.mlp.up_proj.weight")),
    fault("A08", "a prefix of training", _all_prefixed),
    fault("A09", "an adapter's matrix", _adding("model.layers.0.self_attn.q_proj.lora_A.weight", 8, HIDDEN)),
    fault("A10", "a matrix more", _adding("model.extra.weight", 8, HIDDEN)),
    fault("A11", "no output projection", _removing(SHARDS[1], _HEAD)),
    fault("A11", "none, and the index counts none", _without_head),
    fault("A11", "lost, and the index has it",
          retensoring(SHARDS[1], lambda tensors: tensors.pop(_HEAD) and None), also=("W09",)),
    fault("A11", "no output projection", setting(_CONFIG, "tie_word_embeddings", to=False), base="reference"),
    fault("A12", "tied with another one stored", setting(_CONFIG, "tie_word_embeddings", to=True)),
    fault("A13", "eight experts of four", _with_experts),
    fault("A14", "eyes without glasses", setting(_CONFIG, "vision_config", "hidden_size", to=ROWS)),
)  # fmt: skip
