"""What the tensors' names and shapes say of a model: its text stack, its layers, and which family they can be of.

Rule: names are read relative to the token embedding, so that wrappers of multimodal models, vision towers with layers
of their own and layers for multi-token prediction are not mistaken for the text model. What cannot be told from names
is None, never a guess. The headers are `weights.py`, and what a configuration says of all this `rules/architecture.py`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from triphase_model.validator.findings import Evidence
from triphase_model.validator.weights import Tensor

_EMBEDDINGS: Final = (
    "embed_tokens.weight",
    "wte.weight",
    "word_embeddings.weight",
    "tok_embeddings.weight",
    "embed_in.weight",
)
_HEADS: Final = ("lm_head.weight", "output.weight", "embed_out.weight")
_OTHER_TOWER: Final = re.compile(r"(^|\.)(vision|visual|audio|image|vit|mm_projector|mtp)", re.IGNORECASE)
_LAYER: Final = re.compile(r"(?:layers|h|blocks)\.(\d{1,6})\.(.+)")
_EXPERT: Final = re.compile(r"\.experts\.(\d{1,6})\.")
# Storage of other dtypes than the model computes in: shapes of such tensors are packed and say nothing.
_PACKED: Final = (
    ".qweight",
    ".qzeros",
    ".weight_packed",
    ".weight_scale",
    ".absmax",
    ".scales",
    ".quant_state",
    "_blocks",
    "_scales",
    ".weight_scale_inv",
    ".biases",
)
_FLOATS: Final = frozenset({"F64", "F32", "F16", "BF16"})
_WRAPPERS: Final = ("module.", "_orig_mod.", "base_model.model.", "_fsdp_wrapped_module.")


@dataclass(frozen=True, kw_only=True)
class Layers:
    """The tensors of a whole repository, by name."""

    tensors: Mapping[str, Tensor]

    @property
    def known(self) -> bool:
        """Whether there are tensors at all."""
        return bool(self.tensors)

    @cached_property
    def embedding(self) -> Tensor | None:
        """The token embedding of the text model."""
        found = (self.tensors[name] for name in sorted(self.tensors, key=len) if not _OTHER_TOWER.search(name))
        return next((tensor for tensor in found if tensor.name.endswith(_EMBEDDINGS) and len(tensor.shape) == 2), None)

    @cached_property
    def head(self) -> Tensor | None:
        """The output projection, where it is stored."""
        plain = (tensor for name, tensor in self.tensors.items() if not _OTHER_TOWER.search(name))
        found = (tensor for tensor in plain if is_head(tensor.name) and len(tensor.shape) == 2)
        return next(found, None)

    @cached_property
    def wrapper(self) -> str | None:
        """A prefix that training code left on every name."""
        return next((wrap for wrap in _WRAPPERS if self.known and all(n.startswith(wrap) for n in self.tensors)), None)

    @cached_property
    def prefix(self) -> str | None:
        """What stands before `layers.N.` in the text model."""
        if self.embedding is None:
            return None
        return self.embedding.name[: max(self.embedding.name.rfind(end) for end in _EMBEDDINGS)]

    @cached_property
    def by_layer(self) -> Mapping[int, Mapping[str, Tensor]]:
        """The tensors of each layer of the text model, by their names within it."""
        found: dict[int, dict[str, Tensor]] = {}
        for number, rest, tensor in self._layered():
            found.setdefault(number, {})[rest] = tensor
        return found

    def _layered(self) -> Iterator[tuple[int, str, Tensor]]:
        prefix = self.prefix
        for name, tensor in self.tensors.items():
            if prefix is not None and name.startswith(prefix) and (match := _LAYER.fullmatch(name[len(prefix) :])):
                yield int(match.group(1)), match.group(2), tensor

    @property
    def count(self) -> int | None:
        """How many layers there are: one more than the highest number."""
        return max(self.by_layer) + 1 if self.by_layer else None

    @cached_property
    def inside(self) -> frozenset[str]:
        """All names that stand inside a layer, with the numbers of experts left out."""
        return frozenset(_EXPERT.sub(".experts.N.", rest) for layer in self.by_layer.values() for rest in layer)

    @property
    def quantized(self) -> bool:
        """Whether shapes are those of packed storage."""
        return any(name.endswith(_PACKED) for name in self.tensors) or any(
            tensor.dtype not in _FLOATS and len(tensor.shape) == 2 and name.endswith("_proj.weight")
            for name, tensor in self.tensors.items()
        )

    def shape(self, rest: str) -> tuple[int, ...] | None:
        """The shape of a tensor inside the layers, where all that have it agree and it is not packed."""
        shapes = {layer[rest].shape for layer in self.by_layer.values() if rest in layer}
        return next(iter(shapes)) if len(shapes) == 1 and not self.quantized else None

    def witness(self, rest: str) -> Evidence:
        """What a tensor inside the layers says by its shape."""
        found = next(layer[rest] for layer in self.by_layer.values() if rest in layer)
        return shape_of(found)

    @cached_property
    def experts(self) -> int | None:
        """How many experts a layer has, where they are stored one by one."""
        numbers = [int(m.group(1)) for layer in self.by_layer.values() for rest in layer if (m := _EXPERT.search(rest))]
        return max(numbers) + 1 if numbers else None

    @cached_property
    def dtype(self) -> str | None:
        """The dtype that most bytes of the weights have."""
        sizes: Counter[str] = Counter()
        for tensor in self.tensors.values():
            sizes[tensor.dtype] += tensor.end - tensor.start
        return sizes.most_common(1)[0][0] if sizes else None

    @cached_property
    def families(self) -> frozenset[str] | None:
        """The model types that such names can belong to; None where the names tell nothing."""
        return next((types for wanted, unwanted, types in _PRINTS if self._bears(wanted, unwanted)), None)

    def _bears(self, wanted: tuple[str, ...], unwanted: tuple[str, ...]) -> bool:
        names = self.inside
        return all(any(part in name for name in names) for part in wanted) and not any(
            part in name for part in unwanted for name in names
        )


def is_head(name: str) -> bool:
    """Whether a tensor of that name is the output projection of a text model."""
    return name.endswith(_HEADS) and not _LAYER.search(name) and not _OTHER_TOWER.search(name)


def shape_of(tensor: Tensor) -> Evidence:
    """What a tensor says by its shape."""
    return Evidence(witness=f"{tensor.file} {tensor.name}", says=f"shape {list(tensor.shape)} {tensor.dtype}")


# Fingerprints: names that must and must not stand inside the layers, and the model types that can have such. The first
# that fits decides. Only those stand here whose names are theirs alone; plain Llama names fit many and tell less.
_Print = tuple[tuple[str, ...], tuple[str, ...], frozenset[str]]
_QK: Final = ("self_attn.q_norm.weight", "self_attn.k_norm.weight")
_PRINTS: Final[tuple[_Print, ...]] = (
    ((*_QK, "pre_feedforward_layernorm"), (), frozenset({"gemma3", "gemma3_text", "gemma3n", "gemma4", "gemma4_text"})),
    (("pre_feedforward_layernorm",), _QK, frozenset({"gemma2"})),
    ((*_QK, "input_layernorm", "mlp.experts", "mlp.gate.weight"), ("q_proj.bias", "shared_expert", "linear_attn"),
     frozenset({"qwen3_moe"})),
    ((*_QK, "input_layernorm", "mlp.gate_proj.weight"), ("q_proj.bias", "linear_attn", "mlp.experts", "bias"),
     frozenset({"qwen3"})),
    (("q_proj.bias", "k_proj.bias", "v_proj.bias", "mlp.gate_proj.weight"), (*_QK, "o_proj.bias"),
     frozenset({"qwen2"})),
    (("self_attn.qkv_proj.weight", "mlp.gate_up_proj.weight"), ("mlp.experts",), frozenset({"phi3"})),
    (("block_sparse_moe.gate.weight", "experts"), ("q_proj.bias", *_QK), frozenset({"mixtral"})),
    (("kv_a_proj_with_mqa",), (), frozenset({"deepseek_v2", "deepseek_v3", "deepseek_v32"})),
    (("self_attn.sinks", "mlp.router"), (), frozenset({"gpt_oss"})),
)  # fmt: skip
