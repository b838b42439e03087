"""Family A once more: single values of `config.json` that can be judged by themselves or by what a family shares.

Rule: what no loader can take is an error. What is only unusual for the family is a suspicion, a warning without a fix,
since shapes say nothing of it. Positions and context are `rope.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from triphase_model.validator.documents import Node
from triphase_model.validator.families import NEVER_FLOAT16
from triphase_model.validator.findings import Engine, Evidence, Problem, Severity
from triphase_model.validator.fixes import Fix, SetValue, automatic
from triphase_model.validator.json_values import JsonValue
from triphase_model.validator.repository import Repository
from triphase_model.validator.rule import Rule
from triphase_model.validator.rules.architecture import family_of, type_of
from triphase_model.validator.vocabulary import natural

_COUNTS: Final = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
# Counts that may be null, which then means something.
_OPTIONAL: Final = ("num_key_value_heads", "head_dim")
_LAYER_TYPES: Final = frozenset({
    "full_attention", "sliding_attention", "chunked_attention", "linear_attention", "attention", "mamba", "conv",
    "sparse", "dense", "hybrid", "moe", "local_attention", "global_attention", "recurrent",
})  # fmt: skip
_ACTIVATIONS: Final = frozenset({
    "silu", "swish", "gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python", "gelu_python_tanh", "gelu_10",
    "gelu_accurate", "quick_gelu", "relu", "relu2", "relu6", "laplace", "leaky_relu", "linear", "mish", "prelu",
    "sigmoid", "tanh", "xielu",
})  # fmt: skip
# The dtypes of PyTorch that models are declared in, and what each is called in headers of safetensors files.
_DTYPES: Final[Mapping[str, str]] = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
}
_WIDE: Final = frozenset({"float32", "float64"})
_MOST_LAYERS: Final = 10_000


def _dtype(repository: Repository) -> Node:
    return repository.config.first("torch_dtype", "dtype")


def _no_count(repository: Repository) -> Iterator[Problem]:
    for key in (*_COUNTS, *_OPTIONAL):
        node = repository.config[key]
        if not node.present or (key in _OPTIONAL and not node.given) or (node.integer or 0) > 0:
            continue
        # A list has one number for each layer, as some families have them.
        if node.length is None:
            message = f"{key} must be a positive number, not {node.says.says}"
            yield Problem(message=message, at=node.at, evidence=(node.says,), fix=_counted(repository, node, key))


def _counted(repository: Repository, node: Node, key: str) -> Fix | None:
    embedding = repository.layers.embedding
    written = natural(node.text or "")
    if written is not None:
        edit = SetValue(file=node.file, pointer=node.pointer, value=written)
        return automatic(edit, why="it is the same number, as a number")
    if embedding is None or key not in ("vocab_size", "hidden_size"):
        return None
    value = embedding.shape[0 if key == "vocab_size" else 1]
    return automatic(SetValue(file=node.file, pointer=node.pointer, value=value), why="the embedding has this shape")


def _kinds_per_layer(repository: Repository) -> Iterator[Problem]:
    kinds, layers = repository.config["layer_types"], repository.config["num_hidden_layers"]
    if kinds.length is not None and layers.integer is not None and kinds.length != layers.integer:
        message = f"layer_types has {kinds.length} entries for {layers.integer} layers"
        fix = _continued(kinds, layers.integer)
        yield Problem(message=message, at=kinds.at, evidence=(kinds.says, layers.says), fix=fix)


def _continued(kinds: Node, layers: int) -> Fix | None:
    """The list cut or continued by its own pattern, where it shows one at least twice."""
    listed = [item.text for item in kinds.items()]
    whole = next((n for n in range(1, len(listed) // 2 + 1) if _repeats(listed, n)), None)
    if whole is None or not 0 < layers <= _MOST_LAYERS:
        return None
    value: JsonValue = [listed[n % whole] for n in range(layers)]
    edit = SetValue(file=kinds.file, pointer=kinds.pointer, value=value)
    return automatic(edit, why=f"its pattern repeats every {whole} layer(s)")


def _repeats(listed: list[str | None], period: int) -> bool:
    return all(kind == listed[n % period] for n, kind in enumerate(listed))


def _unknown_kind(repository: Repository) -> Iterator[Problem]:
    odd = [item for item in repository.config["layer_types"].items() if item.text not in _LAYER_TYPES]
    if odd and family_of(repository):
        message = f"layer_types has {odd[0].says.says}, which is no kind of layer"
        yield Problem(message=message, at=odd[0].at, evidence=(odd[0].says,))


def _window(repository: Repository) -> Iterator[Problem]:
    used, window = repository.config["use_sliding_window"], repository.config["sliding_window"]
    if used.flag is True and not (window.integer or 0) > 0:
        message = "a sliding window is to be used, and there is none"
        yield Problem(message=message, at=window.at, evidence=(used.says, window.says))


def _activation(repository: Repository) -> Iterator[Problem]:
    node = repository.config.first("hidden_act", "hidden_activation")
    if family_of(repository) and node.given and node.text not in _ACTIVATIONS:
        message = f"{node.pointer[1:]} is {node.says.says}, which transformers does not know"
        yield Problem(message=message, at=node.at, evidence=(node.says,))


def _unknown_dtype(repository: Repository) -> Iterator[Problem]:
    node = _dtype(repository)
    if not node.given or (node.text or "").removeprefix("torch.") in (*_DTYPES, "auto"):
        return
    stored = next((name for name, code in _DTYPES.items() if code == repository.layers.dtype), None)
    edit = SetValue(file=node.file, pointer=node.pointer, value=stored)
    yield Problem(
        message=f"{node.pointer[1:]} is {node.says.says}, which is no dtype",
        at=node.at,
        evidence=(node.says, Evidence(witness="most of the weights", says=str(repository.layers.dtype))),
        fix=automatic(edit, why="the weights are stored so") if stored else None,
    )


def _other_dtype(repository: Repository) -> Iterator[Problem]:
    node, stored = _dtype(repository), repository.layers.dtype
    declared = _DTYPES.get((node.text or "").removeprefix("torch."))
    if declared is None or stored not in ("F32", "F16", "BF16") or declared == stored:
        return
    says = Evidence(witness="most of the weights", says=stored)
    wide = node.text in _WIDE
    message = f"the weights are {stored} and are declared to be {node.text}" + (": twice the memory" if wide else "")
    severity = Severity.WARNING if wide else Severity.INFO
    name = next(name for name, code in _DTYPES.items() if code == stored)
    edit = SetValue(file=node.file, pointer=node.pointer, value=name)
    fix = automatic(edit, why="the weights are stored so, and no precision is lost by it")
    yield Problem(message=message, at=node.at, evidence=(node.says, says), severity=severity, fix=fix)


def _half_precision(repository: Repository) -> Iterator[Problem]:
    node = _dtype(repository)
    if type_of(repository) in NEVER_FLOAT16 and node.text == "float16":
        edit = SetValue(file=node.file, pointer=node.pointer, value="bfloat16")
        yield Problem(
            message=f"models of the type {type_of(repository)} overflow in float16 and answer garbage",
            at=node.at,
            evidence=(node.says, repository.config["model_type"].says),
            fix=automatic(edit, why="the family was trained in bfloat16, which has the range of float32"),
        )


def _epsilon(repository: Repository) -> Iterator[Problem]:
    node = repository.config["rms_norm_eps"]
    if node.number is not None and not 1e-8 <= node.number <= 1e-4:
        message = f"rms_norm_eps is {node.number}: published models have 1e-6 or 1e-5, and shapes cannot prove it"
        yield Problem(message=message, at=node.at, evidence=(node.says,))


def _experts_per_token(repository: Repository) -> Iterator[Problem]:
    used = repository.config["num_experts_per_tok"]
    there = repository.config.first("num_experts", "num_local_experts", "n_routed_experts")
    if used.integer is not None and there.integer and not 1 <= used.integer <= there.integer:
        message = f"{used.integer} of {there.integer} experts cannot be used for a token"
        yield Problem(message=message, at=used.at, evidence=(used.says, there.says))


RULES: Final = (
    Rule(code="A40", title="A count that is none", severity=Severity.ERROR, check=_no_count),
    Rule(code="A41", title="layer_types has another length", severity=Severity.ERROR, check=_kinds_per_layer),
    Rule(code="A42", title="An unknown kind of layer", severity=Severity.ERROR, check=_unknown_kind),
    Rule(code="A43", title="A sliding window without a size", severity=Severity.WARNING, check=_window),
    Rule(code="A44", title="An unknown activation", severity=Severity.ERROR, check=_activation),
    Rule(code="A45", title="An unknown dtype", severity=Severity.ERROR, check=_unknown_dtype),
    Rule(code="A46", title="Declared in another dtype", severity=Severity.WARNING, check=_other_dtype),
    Rule(code="A47", title="float16 for a family that overflows", severity=Severity.ERROR, check=_half_precision,
         engines=frozenset({Engine.VLLM, Engine.SGLANG, Engine.TRANSFORMERS})),
    Rule(code="A48", title="An unlikely rms_norm_eps", severity=Severity.WARNING, check=_epsilon),
    Rule(code="A49", title="More experts used than there are", severity=Severity.ERROR, check=_experts_per_token),
)  # fmt: skip
