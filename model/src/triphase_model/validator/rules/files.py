"""Family F: the files themselves. Is each there, whole, and JSON that every parser reads alike?

Rule: a file that cannot be read is told here and once; other families then have nothing to say about it. Safetensors
files are `weights.py`, what stands inside the JSON belongs to the family of its meaning.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from triphase_model.validator.documents import Document
from triphase_model.validator.findings import EVERY_ENGINE, Engine, Evidence, Location, Problem, Severity
from triphase_model.validator.fixes import Fix, WriteText, automatic
from triphase_model.validator.json_values import FaultKind, without_trailing_commas
from triphase_model.validator.repository import README, Repository
from triphase_model.validator.rule import Check, Rule
from triphase_model.validator.rules.stopping import generation_file

_UNREADABLE: Final = (FaultKind.SYNTAX, FaultKind.ENCODING, FaultKind.TOO_DEEP)
_NOT_LLAMA_CPP: Final = EVERY_ENGINE - {Engine.LLAMA_CPP}
_WEIGHTS: Final = (".safetensors", ".bin", ".pt", ".pth", ".gguf")


def _no_configuration(repository: Repository) -> Iterator[Problem]:
    if repository.source.has("config.json") or _is_adapter(repository):
        return
    gguf = any(path.endswith(".gguf") for path in repository.source.names())
    yield Problem(
        message="there is no config.json, so no engine can tell what model this is",
        at=Location(file="config.json"),
        engines=_NOT_LLAMA_CPP if gguf else EVERY_ENGINE,
    )


def _faulty(*kinds: FaultKind) -> Check:
    """A check for documents that have faults of some kinds."""

    def check(repository: Repository) -> Iterator[Problem]:
        for document in repository.documents.values():
            for fault in document.faults:
                if fault.kind in kinds:
                    yield Problem(
                        message=f"{document.file} {fault.kind}: {fault.detail}",
                        at=Location(file=document.file, line=fault.line),
                        fix=_clean_text(document, fault.kind),
                    )

    return check


def _clean_text(document: Document, kind: FaultKind) -> Fix | None:
    """The same values as JSON that everybody reads; the text around what is taken out stays as it is."""
    if kind not in (FaultKind.BYTE_ORDER_MARK, FaultKind.TRAILING_COMMA) or not document.readable:
        return None
    whole = WriteText(file=document.file, text=without_trailing_commas(document.text))
    return automatic(whole, why="the values stay the same; only what strict parsers refuse goes")


def _not_an_object(repository: Repository) -> Iterator[Problem]:
    for document in repository.documents.values():
        if document.readable and not isinstance(document.value, dict):
            yield Problem(
                message=f"{document.file} is JSON, but no object", at=Location(file=document.file, line=1),
                evidence=(document.root.says,),
            )  # fmt: skip


def _pointers(repository: Repository) -> Iterator[Problem]:
    for path in sorted(repository.pointers):
        says = Evidence(witness=path, says=f"{repository.source.size(path)} bytes that begin like a Git LFS pointer")
        message = f"{path} is a Git LFS pointer: the data themselves were never fetched"
        yield Problem(message=message, at=Location(file=path), evidence=(says,))


def _unread(repository: Repository) -> Iterator[Problem]:
    for path, why in repository.unread.items():
        yield Problem(message=f"{path} could not be read: {why}", at=Location(file=path))


def _no_tokenizer(repository: Repository) -> Iterator[Problem]:
    has = repository.source.has
    ways = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("tekken.json",), ("vocab.txt",))
    other = any(path.endswith((".model", ".tiktoken", ".gguf")) for path in repository.source.names())
    if other or _is_adapter(repository) or any(all(has(file) for file in way) for way in ways):
        return
    yield Problem(
        message="there is no tokenizer: transformers makes up one of a few tokens and says nothing",
        at=Location(file="tokenizer.json"),
        evidence=tuple(Evidence(witness=" + ".join(way), says="not there") for way in ways),
    )


def _no_generation_config(repository: Repository) -> Iterator[Problem]:
    if repository.source.has("generation_config.json") or not repository.config.readable:
        return
    eos = repository.config["eos_token_id"]
    yield Problem(
        message="there is no generation_config.json: engines stop only at what config.json names",
        at=Location(file="generation_config.json"),
        evidence=(eos.says,),
        fix=generation_file(repository),
    )


def _is_adapter(repository: Repository) -> bool:
    names = repository.source.names()
    weights = [path for path in names if path.endswith(_WEIGHTS) and "adapter" not in path]
    return repository.source.has("adapter_config.json") and not weights


def _adapter_only(repository: Repository) -> Iterator[Problem]:
    if _is_adapter(repository):
        base = repository.documents["adapter_config.json"]["base_model_name_or_path"]
        message = f"this is an adapter, not a model; it belongs on top of {base.text or 'a base that it does not name'}"
        yield Problem(message=message, at=base.at, evidence=(base.says,))


def _no_weights(repository: Repository) -> Iterator[Problem]:
    if any(path.endswith(_WEIGHTS) for path in repository.source.names()) or _is_adapter(repository):
        return
    yield Problem(message="there are no weights of any known form", at=Location(file="model.safetensors"))


# Words in the name of a base model, and the model types that its weights can have. A word that says less stands later.
_CLAIMS: Final[Mapping[str, frozenset[str]]] = {
    "llama": frozenset({"llama", "llama4", "llama4_text", "mllama"}),
    "mistral": frozenset({"mistral", "mixtral", "ministral", "ministral3"}),
    "mixtral": frozenset({"mixtral"}),
    "qwen3": frozenset({"qwen3", "qwen3_moe"}),
    "qwen2": frozenset({"qwen2", "qwen2_moe"}),
    "qwq": frozenset({"qwen2"}),
    "gemma": frozenset({"gemma", "gemma2", "gemma3", "gemma3_text", "gemma3n", "gemma4", "gemma4_text"}),
    "phi-3": frozenset({"phi3"}),
    "gpt-oss": frozenset({"gpt_oss"}),
    "deepseek-v": frozenset({"deepseek_v2", "deepseek_v3", "deepseek_v32"}),
}
_FRONT_MATTER: Final = re.compile(r"\A---\r?\n(.*?)\r?\n---", re.DOTALL)
_BASE: Final = re.compile(r"^base_model:[ \t]*(.*(?:\n[ \t]*-.*)*)$", re.MULTILINE)
_NOT_TEXT: Final = "\ufffd"


def _wrong_base(repository: Repository) -> Iterator[Problem]:
    text = repository.readme
    front = _FRONT_MATTER.match(text)
    base = _BASE.search(front.group(1)) if front else None
    families = repository.layers.families
    if front is None or base is None or families is None:
        return
    claimed = {family for word, types in _CLAIMS.items() if word in base.group(1).lower() for family in types}
    if not claimed or claimed & families:
        return
    start, end = front.start(1) + base.start(), text.index("\n", front.start(1) + base.end()) + 1
    named, proven = " ".join(base.group(1).split()), " or ".join(sorted(families))
    yield Problem(
        message=f"the README names {named} as the base, but the tensors are those of {proven}",
        at=Location(file=README, line=text.count("\n", 0, start) + 1),
        evidence=(
            Evidence(witness=f"{README} base_model", says=named),
            Evidence(witness="names of tensors", says=", ".join(sorted(families))),
        ),
        fix=_without_base(text[:start] + text[end:], proven),
    )


def _without_base(text: str, proven: str) -> Fix | None:
    """The README without that line; none where its text could not be written back as it was."""
    if _NOT_TEXT in text:
        return None
    return automatic(
        WriteText(file=README, text=text),
        why="the tensors cannot be of that family; which base it really was, they do not say",
        configuration=f"the tensors are those of {proven}: in a configuration of another family they give garbage",
    )


RULES: Final = (
    Rule(code="F01", title="No config.json", severity=Severity.ERROR, check=_no_configuration),
    Rule(code="F02", title="A file is not JSON", severity=Severity.ERROR, check=_faulty(*_UNREADABLE)),
    Rule(
        code="F03", title="A key stands twice", severity=Severity.WARNING, check=_faulty(FaultKind.DUPLICATE_KEY)
    ),
    Rule(
        code="F04", title="NaN or Infinity in JSON", severity=Severity.ERROR, check=_faulty(FaultKind.NOT_A_NUMBER),
        engines=frozenset({Engine.LLAMA_CPP, Engine.TGI, Engine.FRIENDLI}),
    ),
    Rule(
        code="F05", title="A byte order mark", severity=Severity.ERROR, check=_faulty(FaultKind.BYTE_ORDER_MARK)
    ),
    Rule(
        code="F06", title="A trailing comma", severity=Severity.ERROR, check=_faulty(FaultKind.TRAILING_COMMA)
    ),
    Rule(code="F07", title="A pointer instead of a file", severity=Severity.ERROR, check=_pointers),
    Rule(code="F08", title="JSON that is no object", severity=Severity.ERROR, check=_not_an_object),
    Rule(code="F09", title="A file that cannot be read", severity=Severity.ERROR, check=_unread),
    Rule(code="F10", title="No tokenizer", severity=Severity.ERROR, check=_no_tokenizer),
    Rule(code="F11", title="No generation_config.json", severity=Severity.INFO, check=_no_generation_config),
    Rule(code="F12", title="Only an adapter", severity=Severity.ERROR, check=_adapter_only),
    Rule(code="F13", title="The README names the wrong base", severity=Severity.WARNING, check=_wrong_base),
    Rule(code="F14", title="No weights", severity=Severity.ERROR, check=_no_weights),
)  # fmt: skip
