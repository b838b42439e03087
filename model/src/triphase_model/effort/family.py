"""Which family a model is of, by the name that the gateway's presets have for it.

Rule: the type in `config.json` says the family, and what the template does says which of its variants. A type that is
not in the table has no family here; nothing is guessed from names of files or from the README.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from triphase_model.effort.profile import Thought
from triphase_model.validator.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One variant: `declares` is a variable of the template, `starts` how its default prompt leaves the thoughts.

    A `plain` one has `<think>` and no variable about effort: the distills of DeepSeek-R1 have types of other models.
    """

    family: str
    types: tuple[str, ...]
    declares: str = ""
    starts: Thought | None = None
    plain: bool = False


_QWEN3: Final = ("qwen3", "qwen3_moe")
_QWEN35: Final = ("qwen3_5", "qwen3_5_moe", "qwen3_5_text", "qwen3_5_moe_text")
_GLM: Final = ("glm4", "glm4_moe", "glm4v", "glm4v_moe")
_DEEPSEEK: Final = ("deepseek_v3", "deepseek_v32", "deepseek_v4")

# The first row that fits. Types are those of transformers and of the models' own code.
_ROWS: Final = (
    _Row(family="qwen3", types=_QWEN3, declares="enable_thinking", starts=Thought.UNOPENED),
    _Row(family="qwen3-thinking", types=_QWEN3, starts=Thought.OPEN),
    _Row(family="qwen3.8", types=_QWEN35, declares="reasoning_effort"),
    _Row(family="qwen3.5", types=_QWEN35, declares="enable_thinking"),
    _Row(family="gpt-oss", types=("gpt_oss",)),
    _Row(family="deepseek-v3", types=_DEEPSEEK, declares="thinking"),
    _Row(family="deepseek-r1", types=(*_DEEPSEEK, "qwen2", "llama"), starts=Thought.OPEN, plain=True),
    _Row(family="glm-4.7", types=_GLM, declares="enable_thinking", starts=Thought.OPEN),
    _Row(family="glm", types=_GLM, declares="enable_thinking"),
    _Row(family="granite", types=("granite", "granitemoe", "granitemoehybrid"), declares="thinking"),
    _Row(family="kimi-k3", types=("kimi_k3",)),
    _Row(family="kimi", types=("kimi_k2",)),
    _Row(family="minimax-m1", types=("minimax_m1",)),
    _Row(family="minimax", types=("minimax_m2",)),
    _Row(family="minimax-m3", types=("minimax_m3",)),
    _Row(family="seed-oss", types=("seed_oss",)),
    _Row(family="gemma-4", types=("gemma4", "gemma4_text")),
    _Row(family="nemotron-3", types=("nemotron_h",), declares="enable_thinking"),
    _Row(family="nemotron", types=("nemotron_h",)),
    _Row(family="hunyuan", types=("hunyuan_v1_moe", "hunyuan_v1_dense")),
    _Row(family="hy3", types=("hy_v3",)),
    _Row(family="exaone-4", types=("exaone4",)),
    _Row(family="smollm3", types=("smollm3",)),
    _Row(family="apertus", types=("apertus",)),
)
FAMILIES: Final = frozenset(row.family for row in _ROWS)


def family_of(repository: Repository, variables: Collection[str], starts: Thought, *, plain: bool) -> str:
    """The family, empty where it is not known; `plain` is as in a row of the table."""
    document = repository.documents["config.json"]
    types = {node.text for node in (document["model_type"], repository.config["model_type"])}
    for row in _ROWS:
        fits = bool(types & set(row.types)) and (not row.declares or row.declares in variables)
        if fits and row.starts in (None, starts) and (plain or not row.plain):
            return row.family
    return ""
