"""Family A: what the configuration calls the model, against the names of its tensors.

Rule: tensors decide. A configuration that contradicts them is changed, and never because of a README. Nothing is said
of names where files of the weights are missing or broken. Numbers and shapes are `shapes.py`, and
single values `settings.py`.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from triphase_model.validator.documents import Node
from triphase_model.validator.families import FAMILIES, TYPE_OF_CLASS, Family
from triphase_model.validator.findings import EVERY_ENGINE, Engine, Evidence, Location, Problem, Severity
from triphase_model.validator.fixes import NO_CHOICE, Edit, Fix, Refusal, Reheader, Remedy, SetValue, automatic
from triphase_model.validator.json_values import JsonValue
from triphase_model.validator.layers import is_head, shape_of
from triphase_model.validator.repository import INDEX, WHOLE, Repository
from triphase_model.validator.rule import CannotTell, Rule
from triphase_model.validator.weights import Tensor

_LEFTOVER: Final = re.compile(r"lora_[AB]|exp_avg|optimizer|\.absmax$|\.quant_map$|original_module|modules_to_save")
_TOP: Final = re.compile(r"(embed_tokens|norm)\.weight|rotary_emb\.inv_freq")
_NO_README: Final = "the README is the weakest of all witnesses, and tensors of one family in another give garbage"
_LAYER_COUNTS: Final = ("num_hidden_layers", "n_layer", "num_layers")


def type_of(repository: Repository) -> str | None:
    """The declared type of the text model."""
    return repository.config["model_type"].text


def family_of(repository: Repository) -> Family | None:
    """What is known of the family: of the declared one, or where tensors contradict it, of theirs."""
    families = repository.layers.families or frozenset()
    proven = next(iter(families)) if len(families) == 1 and _contradicts_tensors(repository) else None
    named = TYPE_OF_CLASS.get(_class(repository).text or "")
    return FAMILIES.get(proven or type_of(repository) or named or "")


def complete(repository: Repository) -> bool:
    """Whether all weights are there, so that a name that is not there is missing."""
    named = {node.text for node in repository.weight_map.values()}
    whole = all(file in repository.shards for file in named) and not any(s.broken for s in repository.shards.values())
    return whole and repository.layers.known


def _class(repository: Repository) -> Node:
    return repository.config.document["architectures"][0]


def _no_type(repository: Repository) -> Iterator[Problem]:
    node = repository.config.document["model_type"]
    if not repository.config.readable or node.given:
        return
    known = TYPE_OF_CLASS.get(_class(repository).text or "")
    edit = SetValue(file="config.json", pointer="/model_type", value=known)
    yield Problem(
        message="config.json has no model_type, so nothing can load it",
        at=node.at,
        evidence=(node.says, _class(repository).says),
        fix=automatic(edit, why="architectures names a class of that type") if known else None,
    )


def _no_class(repository: Repository) -> Iterator[Problem]:
    node, family = repository.config.document["architectures"], family_of(repository)
    if not repository.config.readable or node.length:
        return
    value: JsonValue = [family.causal] if family else None
    edit = SetValue(file="config.json", pointer="/architectures", value=value)
    yield Problem(
        message="config.json names no architectures: vLLM and SGLang do not know which class to use",
        at=node.at,
        evidence=(node.says, repository.config.document["model_type"].says),
        fix=automatic(edit, why="it is the class of the model_type") if family else None,
    )


def _contradicts_tensors(repository: Repository) -> bool:
    families, declared = repository.layers.families, type_of(repository)
    return families is not None and declared in FAMILIES and declared not in families


def _class_and_type(repository: Repository) -> Iterator[Problem]:
    node, declared = _class(repository), repository.config.document["model_type"]
    other = TYPE_OF_CLASS.get(node.text or "")
    own_code = repository.config.document["auto_map"].given
    if other is None or declared.text in (None, other) or own_code or _contradicts_tensors(repository):
        return
    yield Problem(
        message=f"architectures names {node.text}, a class of {other}, but model_type is {declared.text}",
        at=node.at,
        evidence=(node.says, declared.says, _by_names(repository)),
        fix=_agreeing(repository, node, declared, other),
    )


def _by_names(repository: Repository) -> Evidence:
    families = repository.layers.families
    return Evidence(
        witness="names of tensors", says=", ".join(sorted(families)) if families else "fit several families"
    )


def _agreeing(repository: Repository, node: Node, declared: Node, other: str) -> Fix:
    """Tensors decide between the two; where they cannot, it is a choice."""
    families, family = repository.layers.families or frozenset(), family_of(repository)
    follow = Remedy(
        edits=(SetValue(file=declared.file, pointer=declared.pointer, value=other),),
        why=f"the tensors are those of {other}" if other in families else "model_type follows architectures",
    )
    if other in families or family is None:
        return Fix(ways={"automatic" if other in families else "architectures": follow})
    lead = Remedy(
        edits=(SetValue(file=node.file, pointer=node.pointer, value=family.causal),),
        why=f"the tensors are those of {declared.text}" if families else "architectures follows model_type",
    )
    return Fix(ways={"automatic": lead} if families else {"architectures": follow, "model_type": lead})


def _type_and_tensors(repository: Repository) -> Iterator[Problem]:
    node, families = repository.config["model_type"], repository.layers.families
    if families is None or not _contradicts_tensors(repository):
        return
    named = TYPE_OF_CLASS.get(_class(repository).text or "")
    right = named if named in families else (next(iter(families)) if len(families) == 1 else None)
    yield Problem(
        message=f"model_type is {node.text}, but the tensors are those of {' or '.join(sorted(families))}",
        at=node.at,
        evidence=(node.says, _class(repository).says, _by_names(repository), _telling(repository)),
        fix=_as_the_tensors(repository, node, right) if right in FAMILIES else None,
    )


def _telling(repository: Repository) -> Evidence:
    names = sorted(name for name in repository.layers.inside if "norm" in name or "bias" in name)
    return Evidence(witness="names inside layers", says=", ".join(names[:6]))


def _as_the_tensors(repository: Repository, node: Node, right: str | None) -> Fix:
    assert right is not None
    edits = [SetValue(file=node.file, pointer=node.pointer, value=right)]
    top = _class(repository)
    if TYPE_OF_CLASS.get(top.text or "", right) != right:
        edits.append(SetValue(file=top.file, pointer=top.pointer, value=FAMILIES[right].causal))
    ways: dict[str, Remedy | Refusal] = {"automatic": Remedy(edits=tuple(edits), why="tensors cannot be mistaken")}
    return Fix(ways=ways | {"readme": Refusal(why=_NO_README)})


def _layer_count(repository: Repository) -> Iterator[tuple[Node, int, int]]:
    """The declared number of layers, the highest that may be, and the number that there is."""
    declared, found = repository.config.first(*_LAYER_COUNTS), repository.layers.count
    if declared.integer is not None and found is not None and complete(repository):
        # Layers for multi-token prediction come after the others and are not counted among them.
        extra = repository.config["num_nextn_predict_layers"].integer or 0
        yield declared, declared.integer + extra, found


def _too_many_layers(repository: Repository) -> Iterator[Problem]:
    for declared, _, found in _layer_count(repository):
        if (declared.integer or 0) > found:
            message = f"the weights have {found} layers; the others would be random, with no more than a warning"
            yield _layers_problem(declared, found, message)


def _too_few_layers(repository: Repository) -> Iterator[Problem]:
    for declared, most, found in _layer_count(repository):
        if most < found:
            message = f"the weights have {found} layers, of which the last would be left out without an error"
            yield _layers_problem(declared, found, message)


def _layers_problem(declared: Node, found: int, message: str) -> Problem:
    highest = Evidence(witness="names of tensors", says=f"layers 0 to {found - 1}")
    edit = SetValue(file=declared.file, pointer=declared.pointer, value=found)
    fix = automatic(edit, why="so many layers are in the weights")
    return Problem(message=message, at=declared.at, evidence=(declared.says, highest), fix=fix)


def _incomplete_layers(repository: Repository) -> Iterator[Problem]:
    family, layers = family_of(repository), repository.layers.by_layer
    if family is None or not family.dense or not complete(repository):
        return
    counts = Counter(rest for layer in layers.values() for rest in layer)
    usual = {rest for rest, count in counts.items() if count * 2 > len(layers)}
    for number, layer in sorted(layers.items()):
        missing = sorted(usual - set(layer))
        if missing:
            message = f"layer {number} lacks {', '.join(missing[:3])}: it would be random, with no more than a warning"
            says = Evidence(witness=f"the other {len(layers) - 1} layers", says=f"have {missing[0]}")
            yield Problem(message=message, at=Location(file=next(iter(layer.values())).file), evidence=(says,))


def _wrapped(repository: Repository) -> Iterator[Problem]:
    wrapper = repository.layers.wrapper
    if wrapper is not None:
        first = next(iter(repository.layers.tensors.values()))
        message = f"every tensor's name begins with {wrapper}, so none is found and all would be random"
        fix = _unwrapped(repository, wrapper)
        yield Problem(message=message, at=Location(file=first.file), evidence=(shape_of(first),), fix=fix)


def _unwrapped(repository: Repository, wrapper: str) -> Fix:
    """New headers for the files of weights, and an index of the new names."""
    files = sorted({tensor.file for tensor in repository.layers.tensors.values()})
    edits: list[Edit] = [Reheader(file=file, unwrapped=wrapper) for file in files]
    if repository.weight_map:
        names: JsonValue = {name.removeprefix(wrapper): node.value for name, node in repository.weight_map.items()}
        edits.append(SetValue(file=INDEX, pointer="/weight_map", value=names))
    return automatic(*edits, why="all names begin so, and no model's do; only headers change")


def _leftovers(repository: Repository) -> Iterator[Problem]:
    found = [tensor for name, tensor in repository.layers.tensors.items() if _LEFTOVER.search(name)]
    quantized = repository.config["quantization_config"].given
    if found and not quantized:
        message = f"{len(found)} tensor(s) are left from training or quantizing and belong to no model"
        yield Problem(message=message, at=Location(file=found[0].file), evidence=tuple(map(shape_of, found[:3])))


def _unexpected(repository: Repository) -> Iterator[Problem]:
    family, layers = family_of(repository), repository.layers
    if family is None or not family.dense or layers.prefix != "model." or layers.quantized:
        return
    inside = {tensor.name for layer in layers.by_layer.values() for tensor in layer.values()}
    others = [t for name, t in layers.tensors.items() if name not in inside and name != "lm_head.weight"]
    odd = [t for t in others if not _TOP.fullmatch(t.name.removeprefix("model.")) and not _LEFTOVER.search(t.name)]
    if odd:
        message = f"{len(odd)} tensor(s) have no place in a model of this type: {odd[0].name}"
        yield Problem(message=message, at=Location(file=odd[0].file), evidence=tuple(map(shape_of, odd[:3])))


def _tied(repository: Repository) -> bool | None:
    node, family = repository.config["tie_word_embeddings"], family_of(repository)
    return node.flag if node.present else (family.tied if family else None)


def _no_head(repository: Repository) -> Iterator[Problem]:
    node, embedding = repository.config["tie_word_embeddings"], repository.layers.embedding
    if _tied(repository) is not False or repository.layers.head or embedding is None or not complete(repository):
        return
    yield Problem(
        message="there is no output projection and the embedding is not tied: it would be random, without an error",
        at=node.at,
        evidence=(node.says, shape_of(embedding)),
        fix=_tie(repository, embedding),
    )


def _tie(repository: Repository, embedding: Tensor) -> Fix | None:
    """The embedding as the projection. Of itself only where nothing of the weights can be missing."""
    if any(is_head(name) for name in repository.weight_map):
        return None  # it was there when the index was written
    way = Remedy(
        edits=(SetValue(file="config.json", pointer="/tie_word_embeddings", value=True),),
        why="a model that is stored without an output projection uses the embedding",
        risk="if the projection was lost instead, answers stay garbage",
    )
    tensors = repository.layers.tensors.values()
    counted = repository.index["metadata"]["total_size"].integer == sum(one.end - one.start for one in tensors)
    whole = counted if repository.weight_map else {one.file for one in tensors} == {WHOLE}
    fits = repository.config["vocab_size"].integer == embedding.shape[0]
    return Fix(ways={NO_CHOICE if whole and fits else "tie": way})


def _other_head(repository: Repository) -> Iterator[Problem]:
    node, head = repository.config["tie_word_embeddings"], repository.layers.head
    if node.flag is True and repository.lacks_samples:
        raise CannotTell("whether the stored output projection is the embedding is told by samples of the weights only")
    if node.flag is True and head is not None and repository.head_is_embedding is False:
        edit = SetValue(file=node.file, pointer=node.pointer, value=False)
        yield Problem(
            message="the embedding is declared to be the output projection, but another one is stored",
            at=node.at,
            evidence=(node.says, shape_of(head), Evidence(witness="bytes of both", says="differ")),
            fix=automatic(edit, why="the stored projection was trained; some engines drop it where both are tied"),
        )


def _experts(repository: Repository) -> Iterator[Problem]:
    node = repository.config.first("num_experts", "num_local_experts", "n_routed_experts")
    found = repository.layers.experts
    if node.integer is None or found is None or found == node.integer or not complete(repository):
        return
    says = Evidence(witness="names of tensors", says=f"experts 0 to {found - 1}")
    edit = SetValue(file=node.file, pointer=node.pointer, value=found)
    fix = automatic(edit, why="so many experts are in the weights")
    message = f"{node.pointer[1:]} is {node.integer}, but each layer has {found} experts"
    yield Problem(message=message, at=node.at, evidence=(node.says, says), fix=fix)


def _no_processor(repository: Repository) -> Iterator[Problem]:
    node = repository.config.document["vision_config"]
    files = ("preprocessor_config.json", "processor_config.json")
    if node.given and not any(repository.source.has(file) for file in files):
        message = "the model sees images, and no file says how they are prepared"
        evidence = tuple(Evidence(witness=file, says="not there") for file in files)
        yield Problem(message=message, at=node.at, evidence=evidence)


_SERVERS: Final = frozenset({Engine.VLLM, Engine.SGLANG, Engine.TGI, Engine.FRIENDLI})

RULES: Final = (
    Rule(code="A01", title="No model_type", severity=Severity.ERROR, check=_no_type),
    Rule(code="A02", title="No architectures", severity=Severity.ERROR, check=_no_class, engines=_SERVERS),
    Rule(code="A03", title="Class and type differ", severity=Severity.ERROR, check=_class_and_type),
    Rule(code="A04", title="The type is not that of the tensors", severity=Severity.ERROR, check=_type_and_tensors),
    Rule(code="A05", title="More layers declared than stored", severity=Severity.ERROR, check=_too_many_layers),
    Rule(code="A06", title="Fewer layers declared than stored", severity=Severity.ERROR, check=_too_few_layers),
    Rule(code="A07", title="A layer is incomplete", severity=Severity.ERROR, check=_incomplete_layers),
    Rule(code="A08", title="All names have a prefix", severity=Severity.ERROR, check=_wrapped),
    Rule(code="A09", title="Tensors left from training", severity=Severity.WARNING, check=_leftovers),
    Rule(code="A10", title="Tensors without a place", severity=Severity.WARNING, check=_unexpected),
    Rule(code="A11", title="No output projection", severity=Severity.ERROR, check=_no_head),
    Rule(code="A12", title="Tied, and yet another one stored", severity=Severity.WARNING, check=_other_head),
    Rule(code="A13", title="The number of experts is wrong", severity=Severity.ERROR, check=_experts),
    Rule(code="A14", title="Nothing prepares images", severity=Severity.ERROR, check=_no_processor,
         engines=EVERY_ENGINE - {Engine.LLAMA_CPP}),
)  # fmt: skip
