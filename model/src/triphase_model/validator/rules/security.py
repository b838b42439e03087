"""Family S: what a repository does to whoever loads it: code, files outside of it, templates that attack or deceive.

Rule: nothing is ever executed to find out; templates were looked at in a child process (`rendering/screen.py`). That
something is dangerous is told even where it is common, and as a warning where it may be meant well.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from triphase_model.validator.findings import EVERY_ENGINE, Engine, Evidence, Location, Problem, Severity
from triphase_model.validator.rendering.results import Seen
from triphase_model.validator.repository import Repository
from triphase_model.validator.rule import Check, Rule
from triphase_model.validator.source import is_inside

_PICKLES: Final = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
_PYTHON_ENGINES: Final = EVERY_ENGINE - {Engine.LLAMA_CPP}


def _pickles(repository: Repository) -> Iterator[Problem]:
    names = [path for path in repository.source.names() if path.endswith(_PICKLES) and "/" not in path]
    models = [path for path in names if path.startswith(("pytorch_model", "model", "consolidated"))]
    if models:
        safe = bool(repository.shards)
        yield Problem(
            message=f"{models[0]} is a pickle, which runs code when it is loaded"
            + ("; the same weights as safetensors are beside it" if safe else "; there are no safetensors"),
            at=Location(file=models[0]),
            evidence=tuple(Evidence(witness=path, says=f"{repository.source.size(path)} bytes") for path in models[:3]),
            severity=Severity.INFO if safe else Severity.WARNING,
        )


def _code(repository: Repository) -> Iterator[Problem]:
    for document in (repository.config.document, repository.documents["tokenizer_config.json"]):
        mapped = document["auto_map"]
        if isinstance(mapped.value, dict) and mapped.value:
            message = f"{document.file} names code of the repository itself, which trust_remote_code would run"
            yield Problem(message=message, at=mapped.at, evidence=(mapped.says,))


def _missing_code(repository: Repository) -> Iterator[Problem]:
    for document in (repository.config.document, repository.documents["tokenizer_config.json"]):
        for _, node in document["auto_map"].members():
            named = node.text or next((item.text for item in node.items() if item.text), None)
            # `owner/name--module.Class` is code of another repository.
            if named is None or "--" in named or repository.source.has(f"{named.partition('.')[0]}.py"):
                continue
            message = f"auto_map names {named}, but there is no file {named.partition('.')[0]}.py"
            yield Problem(message=message, at=node.at, evidence=(node.says,))


def _escapes(repository: Repository) -> Iterator[Problem]:
    for path in repository.source.escaping:
        yield Problem(message=f"{path} is a link that leads out of the repository", at=Location(file=path))


def _odd(repository: Repository) -> Iterator[Problem]:
    for path in repository.source.odd:
        message = f"{path} is no regular file, a link that leads nowhere or to a folder, or no name on every system"
        yield Problem(message=message, at=Location(file=path))


def _index_escapes(repository: Repository) -> Iterator[Problem]:
    for name, node in repository.weight_map.items():
        if node.text is None or not is_inside(node.text) or not node.text.endswith(".safetensors"):
            message = f"the index sends the tensor {name} to a place that is no safetensors file of the repository"
            yield Problem(message=message, at=node.at, evidence=(node.says,))
            return


def _seen(what: Seen, message: str) -> Check:
    """A check for one kind of thing in the source of any template."""

    def check(repository: Repository) -> Iterator[Problem]:
        for template in repository.templates:
            made = repository.renderings.get(template.name)
            sights = [sight for sight in (made.seen if made else ()) if sight.what is what]
            if sights:
                line = sights[0].line if template.node is None else template.at.line
                place = Location(file=template.at.file, pointer=template.at.pointer, line=line)
                told = [Evidence(witness=f"line {sight.line} of the template", says=sight.detail) for sight in sights]
                yield Problem(message=f"{message}: {sights[0].detail}", at=place, evidence=tuple(told[:5]))

    return check


_MESSAGES: Final[Mapping[Seen, str]] = {
    Seen.BLOW_UP: "the template makes texts or loops of enormous size",
    Seen.INTERNALS: "the template reaches for Python's internals",
    Seen.LOADS: "the template loads other templates",
    Seen.ADDRESS: "the template puts an address into prompts",
    Seen.HIDDEN: "the template writes characters that nobody sees",
    Seen.TRIGGER: "the template acts on words that a user writes",
}

RULES: Final = (
    Rule(code="S01", title="Weights as pickles", severity=Severity.WARNING, check=_pickles, engines=_PYTHON_ENGINES),
    Rule(code="S02", title="Code of the repository", severity=Severity.INFO, check=_code, engines=_PYTHON_ENGINES),
    Rule(code="S03", title="Code that is not there", severity=Severity.ERROR, check=_missing_code,
         engines=_PYTHON_ENGINES),
    Rule(code="S04", title="A link out of the repository", severity=Severity.ERROR, check=_escapes),
    Rule(code="S05", title="No regular file", severity=Severity.WARNING, check=_odd),
    Rule(code="S06", title="The index leaves the repository", severity=Severity.ERROR, check=_index_escapes),
    Rule(code="S07", title="A template that grows without bound", severity=Severity.ERROR,
         check=_seen(Seen.BLOW_UP, _MESSAGES[Seen.BLOW_UP])),
    Rule(code="S08", title="A template that reaches for internals", severity=Severity.ERROR,
         check=_seen(Seen.INTERNALS, _MESSAGES[Seen.INTERNALS])),
    Rule(code="S09", title="A template that loads others", severity=Severity.ERROR,
         check=_seen(Seen.LOADS, _MESSAGES[Seen.LOADS])),
    Rule(code="S10", title="An address in the template", severity=Severity.WARNING,
         check=_seen(Seen.ADDRESS, _MESSAGES[Seen.ADDRESS])),
    Rule(code="S11", title="Invisible characters in the template", severity=Severity.WARNING,
         check=_seen(Seen.HIDDEN, _MESSAGES[Seen.HIDDEN])),
    Rule(code="S12", title="The template acts on users' words", severity=Severity.WARNING,
         check=_seen(Seen.TRIGGER, _MESSAGES[Seen.TRIGGER])),
)  # fmt: skip
