"""Family Q: whether the configuration and the tensors agree on being quantized.

Rule: names and dtypes of tensors say whether they are packed. Methods that quantize while loading have plain tensors
and are healthy so; only those that need packed ones are held to it.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from triphase_model.validator.documents import Node
from triphase_model.validator.findings import Evidence, Problem, Severity
from triphase_model.validator.fixes import RemoveValue, automatic
from triphase_model.validator.layers import shape_of
from triphase_model.validator.repository import Repository
from triphase_model.validator.rule import Rule
from triphase_model.validator.rules.architecture import complete
from triphase_model.validator.weights import Tensor

# How the tensors of methods that pack them are called.
_PACKED: Final[Mapping[str, tuple[str, ...]]] = {
    "gptq": (".qweight",),
    "awq": (".qweight",),
    "mxfp4": ("_blocks",),
    "aqlm": (".codes",),
}
_ANY_PACKED: Final = (".qweight", ".weight_packed", ".absmax", ".codes")
_BITS: Final = frozenset({1, 2, 3, 4, 5, 6, 8})


def _settings(repository: Repository) -> Node:
    return repository.config.document["quantization_config"]


def _packed(repository: Repository, ends: tuple[str, ...]) -> list[Tensor]:
    return [tensor for name, tensor in repository.layers.tensors.items() if name.endswith(ends)]


def _no_method(repository: Repository) -> Iterator[Problem]:
    node = _settings(repository)
    if node.given and not node["quant_method"].given:
        message = "quantization_config does not say by which method: loaders refuse it"
        yield Problem(message=message, at=node.at, evidence=(node.says,))


def _plain(repository: Repository) -> Iterator[Problem]:
    node = _settings(repository)
    method = node["quant_method"]
    ends = _PACKED.get(method.text or "")
    if ends is None or not complete(repository) or _packed(repository, ends):
        return
    says = Evidence(witness="names of tensors", says=f"none ends with {' or '.join(ends)}")
    fix = automatic(RemoveValue(file=node.file, pointer=node.pointer), why="the tensors are plain numbers")
    message = f"the weights are said to be packed by {method.text}, and are not"
    yield Problem(message=message, at=node.at, evidence=(method.says, says), fix=fix)


def _silent(repository: Repository) -> Iterator[Problem]:
    found = _packed(repository, _ANY_PACKED)
    if found and repository.config.readable and not _settings(repository).given:
        message = f"{len(found)} tensors are packed, and no configuration says how"
        evidence = tuple(map(shape_of, found[:2]))
        yield Problem(message=message, at=_settings(repository).at, evidence=evidence)


def _head(repository: Repository) -> Iterator[Problem]:
    node = _settings(repository)["ignore"]
    named = any(item.text == "lm_head" for item in node.items())
    found = [tensor for tensor in _packed(repository, _ANY_PACKED) if tensor.name.startswith("lm_head.")]
    if named and found:
        message = "the output projection is said to be plain, and is packed"
        yield Problem(message=message, at=node.at, evidence=(node.says, shape_of(found[0])))


def _groups(repository: Repository) -> Iterator[Problem]:
    node, width = _settings(repository)["group_size"], repository.config["hidden_size"]
    if node.integer and node.integer > 0 and width.integer and width.integer % node.integer:
        message = f"groups of {node.integer} do not divide rows of {width.integer} values"
        yield Problem(message=message, at=node.at, evidence=(node.says, width.says))


def _odd_bits(repository: Repository) -> Iterator[Problem]:
    node = _settings(repository)["bits"]
    if node.given and node.integer not in _BITS:
        message = f"numbers of {node.says.says} bits are known to no method"
        yield Problem(message=message, at=node.at, evidence=(node.says,))


RULES: Final = (
    Rule(code="Q01", title="Quantized by no method", severity=Severity.ERROR, check=_no_method),
    Rule(code="Q02", title="Quantized only on paper", severity=Severity.ERROR, check=_plain),
    Rule(code="Q03", title="Quantized in silence", severity=Severity.ERROR, check=_silent),
    Rule(code="Q04", title="The output is packed after all", severity=Severity.ERROR, check=_head),
    Rule(code="Q05", title="Groups do not divide rows", severity=Severity.ERROR, check=_groups),
    Rule(code="Q06", title="Impossible bits", severity=Severity.ERROR, check=_odd_bits),
)
