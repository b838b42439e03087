"""Family A again: the numbers of the configuration, against the shapes of the tensors.

Rule: a number that a shape proves wrong becomes what the shape says. Where a shape is a product of two numbers and only
one can be checked, which of them is wrong is a choice. head_dim need not be hidden_size / heads, and is not asked to
be. Only families whose shapes are known are judged (`families.py`).
"""

from collections.abc import Iterator
from typing import Final

from triphase_model.validator.documents import Node
from triphase_model.validator.findings import Evidence, Problem, Severity
from triphase_model.validator.fixes import Fix, Remedy, SetValue, automatic
from triphase_model.validator.layers import shape_of
from triphase_model.validator.repository import Repository
from triphase_model.validator.rule import Rule
from triphase_model.validator.rules.architecture import family_of
from triphase_model.validator.rules.vocabulary import rows

_Q: Final = "self_attn.q_proj.weight"
_K: Final = "self_attn.k_proj.weight"
_Q_NORM: Final = "self_attn.q_norm.weight"
_GATE: Final = "mlp.gate_proj.weight"


def _proven(node: Node, value: int, witness: Evidence, message: str) -> Problem:
    """A number that one shape proves wrong."""
    fix = automatic(SetValue(file=node.file, pointer=node.pointer, value=value), why="the shape of the tensor says so")
    return Problem(message=message, at=node.at, evidence=(node.says, witness), fix=fix)


def _width(repository: Repository) -> Iterator[Problem]:
    node, embedding = repository.config["hidden_size"], rows(repository)
    if family_of(repository) and embedding and node.integer not in (None, embedding.shape[1]):
        message = f"hidden_size is {node.integer}, but the embedding is {embedding.shape[1]} wide"
        yield _proven(node, embedding.shape[1], shape_of(embedding), message)


def _inner_width(repository: Repository) -> Iterator[Problem]:
    node, shape = repository.config["intermediate_size"], repository.layers.shape(_GATE)
    if family_of(repository) and shape and node.integer not in (None, shape[0]):
        message = f"intermediate_size is {node.integer}, but gate_proj has {shape[0]} rows"
        yield _proven(node, shape[0], repository.layers.witness(_GATE), message)


def _normed_head(repository: Repository) -> int | None:
    """head_dim as the normalization of single heads has it."""
    shape = repository.layers.shape(_Q_NORM)
    return shape[0] if shape and len(shape) == 1 else None


def _declared_head(repository: Repository) -> int | None:
    """head_dim as engines understand the configuration."""
    given, family = repository.config["head_dim"].integer, family_of(repository)
    if given is not None or family is None:
        return given
    heads, width = repository.config["num_attention_heads"].integer, repository.config["hidden_size"].integer
    if family.head_dim is not None or not heads or not width:
        return family.head_dim
    return width // heads


def _head_size(repository: Repository) -> Iterator[Problem]:
    normed, declared, node = _normed_head(repository), _declared_head(repository), repository.config["head_dim"]
    if normed is None or declared in (None, normed):
        return
    message = f"head_dim is {'taken to be ' if not node.given else ''}{declared}, but q_norm has {normed} values"
    yield _proven(node, normed, repository.layers.witness(_Q_NORM), message)


def _heads(repository: Repository) -> Iterator[Problem]:
    node = repository.config["num_attention_heads"]
    yield from _projected(repository, node, _Q, "q_proj")


def _key_heads(repository: Repository) -> Iterator[Problem]:
    node = repository.config.first("num_key_value_heads", "num_attention_heads")
    yield from _projected(repository, node, _K, "k_proj")


def _projected(repository: Repository, node: Node, name: str, called: str) -> Iterator[Problem]:
    """A projection has head_dim rows for each head."""
    shape, head = repository.layers.shape(name), _normed_head(repository) or _declared_head(repository)
    heads, family = node.integer, family_of(repository)
    if family is None or shape is None or not head or not heads or heads * head == shape[0]:
        return
    yield Problem(
        message=f"{called} has {shape[0]} rows, but {heads} heads of {head} make {heads * head}",
        at=node.at,
        evidence=(node.says, repository.config["head_dim"].says, repository.layers.witness(name)),
        fix=_head_fix(repository, node, shape[0], head),
    )


def _head_fix(repository: Repository, node: Node, found: int, head: int) -> Fix | None:
    normed, heads = _normed_head(repository), node.integer or 1
    by_count = SetValue(file=node.file, pointer=node.pointer, value=found // head)
    if normed is not None:
        return automatic(by_count, why="q_norm says how large a head is") if found % normed == 0 else None
    size = repository.config["head_dim"]
    by_size = SetValue(file=size.file, pointer=size.pointer, value=found // heads)
    ways = {}
    if found % head == 0:
        ways["heads"] = Remedy(edits=(by_count,), why="if head_dim is right")
    if found % heads == 0:
        ways["head_dim"] = Remedy(edits=(by_size,), why="if the number of heads is right")
    return Fix(ways=ways) if ways else None


def _shared_keys(repository: Repository) -> Iterator[Problem]:
    heads, keys = repository.config["num_attention_heads"], repository.config["num_key_value_heads"]
    if heads.integer and keys.integer and keys.integer > 0 and heads.integer % keys.integer:
        message = f"{heads.integer} heads cannot share {keys.integer} key heads evenly"
        yield Problem(message=message, at=keys.at, evidence=(heads.says, keys.says), fix=_stored_keys(repository, keys))


def _stored_keys(repository: Repository, keys: Node) -> Fix | None:
    """As A23 has it, where the weights have other key heads than are declared."""
    shape, head = repository.layers.shape(_K), _normed_head(repository) or _declared_head(repository)
    if shape is None or not head or (keys.integer or 0) * head == shape[0]:
        return None
    return _head_fix(repository, keys, shape[0], head)


def _odd_head(repository: Repository) -> Iterator[Problem]:
    head, node = _declared_head(repository), repository.config["head_dim"]
    if family_of(repository) and head and head % 2:
        message = f"head_dim is {head}: rotary positions need pairs"
        yield Problem(message=message, at=node.at, evidence=(node.says,))


def _uneven(repository: Repository) -> Iterator[Problem]:
    family, size = family_of(repository), repository.config["head_dim"]
    heads, width = repository.config["num_attention_heads"], repository.config["hidden_size"]
    if family is None or family.head_dim or size.given or not heads.integer or not width.integer:
        return
    if width.integer % heads.integer:
        message = f"hidden_size {width.integer} is no multiple of {heads.integer} heads, and no head_dim is given"
        evidence = (width.says, heads.says, size.says)
        yield Problem(message=message, at=heads.at, evidence=evidence, fix=_own_head(repository, heads.integer))


def _own_head(repository: Repository, heads: int) -> Fix | None:
    """head_dim as the weights have it, where queries and keys agree or the normalization of a head says it."""
    queries, keys = repository.layers.shape(_Q), repository.layers.shape(_K)
    shared = repository.config.first("num_key_value_heads", "num_attention_heads").integer
    if queries is None or keys is None or not shared:
        return None
    sizes = {queries[0] / heads, keys[0] / shared, float(_normed_head(repository) or queries[0] / heads)}
    size = sizes.pop()
    if sizes or not size.is_integer():
        return None
    node = repository.config["head_dim"]
    edit = SetValue(file=node.file, pointer=node.pointer, value=int(size))
    return automatic(edit, why="queries and keys have so many rows for each of their heads")


def _bias(repository: Repository) -> Iterator[Problem]:
    node, inside = repository.config["attention_bias"], repository.layers.inside
    if repository.config["model_type"].text != "llama" or not inside or repository.layers.shape(_Q) is None:
        return
    stored = "self_attn.q_proj.bias" in inside
    if stored != (node.flag is True):
        says = Evidence(witness="names inside layers", says=f"q_proj.bias is {'there' if stored else 'not there'}")
        message = f"attention_bias is {node.flag}, but the weights say otherwise"
        edit = SetValue(file="config.json", pointer="/attention_bias", value=stored)
        yield Problem(message=message, at=node.at, evidence=(node.says, says), fix=automatic(edit, why=says.says))


RULES: Final = (
    Rule(code="A20", title="hidden_size is wrong", severity=Severity.ERROR, check=_width),
    Rule(code="A21", title="intermediate_size is wrong", severity=Severity.ERROR, check=_inner_width),
    Rule(code="A22", title="The number of heads is wrong", severity=Severity.ERROR, check=_heads),
    Rule(code="A23", title="The number of key heads is wrong", severity=Severity.ERROR, check=_key_heads),
    Rule(code="A24", title="head_dim is wrong", severity=Severity.ERROR, check=_head_size),
    Rule(code="A25", title="Heads cannot share keys", severity=Severity.ERROR, check=_shared_keys),
    Rule(code="A26", title="head_dim is odd", severity=Severity.ERROR, check=_odd_head),
    Rule(code="A27", title="Heads do not divide the width", severity=Severity.ERROR, check=_uneven),
    Rule(code="A28", title="attention_bias is wrong", severity=Severity.ERROR, check=_bias),
)
