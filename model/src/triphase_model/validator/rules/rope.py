"""Family R: rotary positions and the length of the context.

Rule: the keys that each kind of scaling needs, and the arithmetic between them, are checked; that a base is unusual for
its family is a suspicion, since no tensor tells it. The length that the tokenizer names is `tokenizer.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from triphase_model.validator.documents import Node
from triphase_model.validator.findings import Engine, Evidence, Problem, Severity
from triphase_model.validator.fixes import Fix, RemoveValue, SetValue, automatic
from triphase_model.validator.repository import Repository
from triphase_model.validator.rule import Rule
from triphase_model.validator.rules.architecture import family_of

_ORIGINAL: Final = "original_max_position_embeddings"
# What each kind needs, as transformers validates it (`modeling_rope_utils`).
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "default": (),
    "linear": ("factor",),
    "dynamic": ("factor",),
    "yarn": ("factor", _ORIGINAL),
    "llama3": ("factor", _ORIGINAL, "low_freq_factor", "high_freq_factor"),
    "longrope": ("short_factor", "long_factor", _ORIGINAL),
}
# Kinds of single families, whose keys are their own; `su` is what Phi-3 first called longrope.
_OTHERS: Final = frozenset({"mrope", "su", "proportional"})
_DEFAULT_BASE: Final = 10_000.0


def _scaling(repository: Repository) -> Node:
    """The block that says how positions are scaled, by its old or new name."""
    return repository.config.first("rope_scaling", "rope_parameters")


def _kind(block: Node) -> Node:
    return block["rope_type"] if block["rope_type"].given else block["type"]


def _value(repository: Repository, block: Node, key: str) -> Node:
    """A value of the block; some families keep the original length beside it."""
    return block[key] if block[key].given else repository.config[key]


def _missing_keys(repository: Repository) -> Iterator[Problem]:
    block = _scaling(repository)
    kind = _kind(block)
    missing = [key for key in _NEEDED.get(kind.text or "", ()) if not _value(repository, block, key).given]
    if missing:
        message = f"scaling of the kind {kind.text} needs {', '.join(missing)}"
        yield Problem(message=message, at=block.at, evidence=(block.says,))


def _unknown_kind(repository: Repository) -> Iterator[Problem]:
    block = _scaling(repository)
    kind = _kind(block)
    # Some families have a block for each kind of layer.
    nested = any(isinstance(node.value, dict) for _, node in block.members())
    if block.given and not nested and kind.given and kind.text not in (*_NEEDED, *_OTHERS):
        yield Problem(message=f"{kind.says.says} is no kind of scaling", at=kind.at, evidence=(kind.says,))


def _two_kinds(repository: Repository) -> Iterator[Problem]:
    block = repository.config["rope_scaling"]
    old, new = block["type"], block["rope_type"]
    if old.text is not None and new.text is not None and old.text != new.text and old.text not in _OTHERS:
        fix = automatic(RemoveValue(file=old.file, pointer=old.pointer), why="rope_type is the name that is read first")
        message = f"type is {old.text} and rope_type is {new.text}: engines read one or the other"
        yield Problem(message=message, at=old.at, evidence=(old.says, new.says), fix=fix)


def _factor(repository: Repository) -> Iterator[Problem]:
    node = _scaling(repository)["factor"]
    if node.given and (node.number is None or node.number < 1):
        yield Problem(message=f"the factor is {node.says.says}, not 1 or more", at=node.at, evidence=(node.says,))


def _ratio(repository: Repository) -> Iterator[Problem]:
    block, length = _scaling(repository), repository.config["max_position_embeddings"]
    factor, original = block["factor"], _value(repository, block, _ORIGINAL)
    if _kind(block).text != "yarn" or not factor.number or not original.number or not length.number:
        return
    if abs(original.number * factor.number / length.number - 1) > 0.01:
        message = f"{original.number:.0f} positions times {factor.number:g} are not {length.number:.0f}"
        yield Problem(message=message, at=factor.at, evidence=(original.says, factor.says, length.says))


def _factor_lists(repository: Repository) -> Iterator[Problem]:
    block, config = _scaling(repository), repository.config
    heads, width = config["num_attention_heads"].integer, config["hidden_size"].integer
    head = config["head_dim"].integer or (width // heads if heads and width else None)
    part = config["partial_rotary_factor"].number or 1
    if _kind(block).text not in ("longrope", "su") or not head or not 0 < part <= 1:
        return
    expected = int(head * part) // 2
    for node in (block["short_factor"], block["long_factor"]):
        if node.length is not None and node.length != expected:
            message = f"{node.pointer.rpartition('/')[2]} has {node.length} values for {expected} pairs"
            yield Problem(message=message, at=node.at, evidence=(config["head_dim"].says,))


def _original_length(repository: Repository) -> Iterator[Problem]:
    block, length = _scaling(repository), repository.config["max_position_embeddings"]
    original = block[_ORIGINAL]
    if _kind(block).text == "llama3" and original.number and length.number and original.number >= length.number:
        message = "the original length is not below the scaled one"
        yield Problem(message=message, at=original.at, evidence=(original.says, length.says))


def _frequencies(repository: Repository) -> Iterator[Problem]:
    block = _scaling(repository)
    for low, high in (("low_freq_factor", "high_freq_factor"), ("beta_slow", "beta_fast")):
        one, other = block[low], block[high]
        if one.number is not None and other.number is not None and other.number <= one.number:
            message = f"{high} must be above {low}"
            yield Problem(message=message, at=other.at, evidence=(one.says, other.says))


def _length(repository: Repository) -> Iterator[Problem]:
    node = repository.config["max_position_embeddings"]
    if node.given and (node.integer is None or node.integer <= 0):
        message = f"max_position_embeddings is {node.says.says}, which is no length"
        yield Problem(message=message, at=node.at, evidence=(node.says,))


def _two_bases(repository: Repository) -> Iterator[Problem]:
    old, new = repository.config["rope_theta"], repository.config["rope_parameters"]["rope_theta"]
    if old.number is not None and new.number is not None and old.number != new.number:
        edit = SetValue(file=old.file, pointer=old.pointer, value=new.value)
        message = "rope_theta stands twice with different values: old engines read one, new ones the other"
        fix = automatic(edit, why="the block is what newer versions write, the other is left over")
        yield Problem(message=message, at=old.at, evidence=(old.says, new.says), fix=fix)


def _new_form_only(repository: Repository) -> Iterator[Problem]:
    new, old = repository.config["rope_parameters"]["rope_theta"], repository.config["rope_theta"]
    if new.given and not old.given and new.number != _DEFAULT_BASE:
        message = f"only rope_parameters has the base: transformers 4 takes it to be {_DEFAULT_BASE:.0f}"
        yield Problem(message=message, at=new.at, evidence=(new.says, old.says), fix=_old_form(repository, new))


def _old_form(repository: Repository, base: Node) -> Fix:
    """The same for old versions: the base beside the block, and the scaling under its old name."""
    block = repository.config["rope_parameters"]
    parent = block.pointer.rpartition("/")[0]
    edits = [SetValue(file=base.file, pointer=f"{parent}/rope_theta", value=base.value)]
    scaling = {key: node.value for key, node in block.members() if key != "rope_theta"}
    if _kind(block).text not in (None, "default") and not repository.config["rope_scaling"].given:
        edits.append(SetValue(file=base.file, pointer=f"{parent}/rope_scaling", value=scaling))
    return automatic(*edits, why="newer versions read the block, older ones what stands beside it")


def _unlikely_base(repository: Repository) -> Iterator[Problem]:
    family, old = family_of(repository), repository.config["rope_theta"]
    node = old if old.given else repository.config["rope_parameters"]["rope_theta"]
    base = node.number if node.given else _DEFAULT_BASE
    if family is None or not family.theta or base is None or base in family.theta:
        return
    published = ", ".join(f"{theta:.0f}" for theta in sorted(family.theta))
    says = Evidence(witness="published models of the family", says=published)
    message = f"rope_theta is {base:.0f}, which no published model of the family has; shapes cannot prove it"
    yield Problem(message=message, at=node.at, evidence=(node.says, says))


RULES: Final = (
    Rule(code="R01", title="Scaling lacks a key", severity=Severity.ERROR, check=_missing_keys),
    Rule(code="R02", title="An unknown kind of scaling", severity=Severity.ERROR, check=_unknown_kind),
    Rule(code="R03", title="Two kinds of scaling", severity=Severity.WARNING, check=_two_kinds),
    Rule(code="R04", title="A factor below one", severity=Severity.WARNING, check=_factor),
    Rule(code="R05", title="The factor does not give the length", severity=Severity.WARNING, check=_ratio),
    Rule(code="R06", title="Factors for other heads", severity=Severity.WARNING, check=_factor_lists),
    Rule(code="R07", title="The original length is the longer", severity=Severity.WARNING, check=_original_length),
    Rule(code="R08", title="Frequencies in the wrong order", severity=Severity.WARNING, check=_frequencies),
    Rule(code="R09", title="No context at all", severity=Severity.ERROR, check=_length),
    Rule(code="R10", title="Two bases", severity=Severity.WARNING, check=_two_bases),
    Rule(code="R11", title="A base that old versions miss", severity=Severity.INFO, check=_new_form_only,
         engines=frozenset({Engine.TRANSFORMERS, Engine.VLLM, Engine.SGLANG, Engine.TGI})),
    Rule(code="R12", title="An unlikely rope_theta", severity=Severity.WARNING, check=_unlikely_base),
)  # fmt: skip
