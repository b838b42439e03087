"""What is known of model families beforehand: classes, defaults of absent keys, and values that all of a family share.

Rule: only families stand here whose names and shapes of tensors are known; of all others nothing is concluded. A value
that a family shares is a suspicion and never a reason for an automatic fix. Telling a family by its tensors is
`layers.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One model type. `head_dim` is what an absent one means; None there means hidden_size / heads."""

    causal: str
    head_dim: int | None = None
    tied: bool = False
    dense: bool = True
    theta: frozenset[float] = frozenset()


FAMILIES: Final[Mapping[str, Family]] = {
    "llama": Family(causal="LlamaForCausalLM"),
    "mistral": Family(causal="MistralForCausalLM"),
    "qwen2": Family(causal="Qwen2ForCausalLM"),
    # Qwen3 and its 2507 editions: https://huggingface.co/Qwen
    "qwen3": Family(causal="Qwen3ForCausalLM", head_dim=128, theta=frozenset({1e6, 5e6, 1e7})),
    "qwen3_moe": Family(causal="Qwen3MoeForCausalLM", dense=False, theta=frozenset({1e6, 5e6, 1e7})),
    "gemma": Family(causal="GemmaForCausalLM", head_dim=256, tied=True),
    "gemma2": Family(causal="Gemma2ForCausalLM", head_dim=256, tied=True),
    "gemma3_text": Family(causal="Gemma3ForCausalLM", head_dim=256, tied=True),
    "phi3": Family(causal="Phi3ForCausalLM"),
    "mixtral": Family(causal="MixtralForCausalLM", dense=False),
    "gpt_oss": Family(causal="GptOssForCausalLM", head_dim=64, dense=False, theta=frozenset({150000.0})),
    "deepseek_v2": Family(causal="DeepseekV2ForCausalLM", dense=False),
    "deepseek_v3": Family(causal="DeepseekV3ForCausalLM", dense=False),
}
TYPE_OF_CLASS: Final[Mapping[str, str]] = {family.causal: name for name, family in FAMILIES.items()}
# Families that a loader refuses or breaks in float16: vLLM's `_FLOAT16_NOT_SUPPORTED_MODELS`.
NEVER_FLOAT16: Final = frozenset({"gemma2", "gemma3", "gemma3_text", "glm4"})
