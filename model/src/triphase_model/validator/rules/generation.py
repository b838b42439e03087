"""Family G: the defaults of generation, which servers take over as their own.

Rule: a value that a server or transformers refuses is an error; one that it takes and should not is a warning. What
ends a text is `stopping.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from triphase_model.validator.documents import Node
from triphase_model.validator.findings import Engine, Problem, Severity
from triphase_model.validator.fixes import Edit, RemoveValue, SetValue, automatic
from triphase_model.validator.repository import Repository
from triphase_model.validator.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """What a value may be; `above` and `least` exclude and include their end."""

    least: float | None = None
    above: float | None = None
    most: float | None = None

    def has(self, value: float) -> bool:
        return (
            (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.most is None or value <= self.most)
        )


# vLLM's SamplingParams, which takes these as defaults for requests and then refuses the requests.
_RANGES: Final[Mapping[str, _Range]] = {
    "temperature": _Range(least=0),
    "top_p": _Range(above=0, most=1),
    "min_p": _Range(least=0, most=1),
    "top_k": _Range(least=-1),
    "repetition_penalty": _Range(above=0),
    "presence_penalty": _Range(least=-2, most=2),
    "frequency_penalty": _Range(least=-2, most=2),
}
# Values that sampling uses, and what each is where it has no effect.
_SAMPLING: Final[Mapping[str, float]] = {"temperature": 1, "top_p": 1, "top_k": 50, "min_p": 0, "typical_p": 1}
_SUPPRESSING: Final = ("suppress_tokens", "begin_suppress_tokens")
_DEFAULT_MAX_LENGTH: Final = 20
_FEW_TOKENS: Final = 256


def _without(node: Node, harm: str) -> Problem:
    fix = automatic(RemoveValue(file=node.file, pointer=node.pointer), why="without it engines take their own default")
    return Problem(
        message=f"{node.pointer[1:]} is {node.says.says}: {harm}", at=node.at, evidence=(node.says,), fix=fix
    )


def _out_of_range(repository: Repository) -> Iterator[Problem]:
    for key, allowed in _RANGES.items():
        node = repository.generation[key]
        if node.given and (node.number is None or not allowed.has(node.number)):
            yield _without(node, "servers make it their default and then refuse requests")


def _unused_sampling(repository: Repository) -> Iterator[Problem]:
    flag = repository.generation["do_sample"]
    nodes = [repository.generation[key] for key in _SAMPLING]
    used = [node for node in nodes if node.number is not None and node.number != _SAMPLING[node.pointer[1:]]]
    if used and flag.flag is not True:
        edit = SetValue(file=flag.file, pointer=flag.pointer, value=True)
        yield Problem(
            message=f"{used[0].pointer[1:]} is given, but nothing is to be sampled: it has no effect in transformers",
            at=flag.at,
            evidence=(flag.says, *(node.says for node in used)),
            fix=automatic(edit, why="whoever chose these values wanted to sample"),
            severity=Severity.WARNING if flag.flag is False else Severity.INFO,
        )


def _frozen_sampling(repository: Repository) -> Iterator[Problem]:
    flag, node = repository.generation["do_sample"], repository.generation["temperature"]
    if flag.flag is True and node.number == 0:
        values = (repository.generation[key] for key in _SAMPLING)
        gone = [RemoveValue(file=value.file, pointer=value.pointer) for value in values if value.given]
        off = SetValue(file=flag.file, pointer=flag.pointer, value=False)
        fix = automatic(
            off, *gone, why="a temperature of 0 means the likeliest token, which is what do_sample false does"
        )
        message = "sampling at a temperature of 0 is refused by transformers"
        yield Problem(message=message, at=node.at, evidence=(flag.says, node.says), fix=fix)


def _no_tokens(repository: Repository) -> Iterator[Problem]:
    node = repository.generation["max_new_tokens"]
    if node.given and (node.integer is None or node.integer <= 0):
        yield _without(node, "nothing could be generated")


def _few_tokens(repository: Repository) -> Iterator[Problem]:
    node = repository.generation["max_new_tokens"]
    if node.integer is not None and 0 < node.integer < _FEW_TOKENS:
        message = f"vLLM makes {node.integer} tokens the limit of every request that names none"
        yield Problem(message=message, at=node.at, evidence=(node.says,))


def _old_limit(repository: Repository) -> Iterator[Problem]:
    node = repository.generation["max_length"]
    if node.integer is not None and node.integer <= _DEFAULT_MAX_LENGTH:
        yield _without(node, "prompt and answer together would have no more tokens")


def _in_configuration(repository: Repository) -> Iterator[Problem]:
    keys = (*_RANGES, "do_sample", "max_new_tokens", "num_beams")
    nodes = [repository.config.document[key] for key in keys]
    found = [node for node in nodes if node.given]
    if found:
        message = f"{found[0].pointer[1:]} in config.json belongs into generation_config.json"
        fix = automatic(*_moved(repository, found), why="from there transformers reads them")
        yield Problem(message=message, at=found[0].at, evidence=tuple(node.says for node in found), fix=fix)


def _moved(repository: Repository, nodes: list[Node]) -> Iterator[Edit]:
    """What the other file says already stays as it is there."""
    for node in nodes:
        yield RemoveValue(file=node.file, pointer=node.pointer)
        if not repository.generation[node.pointer[1:]].given:
            yield SetValue(file="generation_config.json", pointer=node.pointer, value=node.value)


def _no_cache(repository: Repository) -> Iterator[Problem]:
    for node in (repository.config["use_cache"], repository.generation["use_cache"]):
        if node.flag is False:
            edit = SetValue(file=node.file, pointer=node.pointer, value=True)
            fix = automatic(edit, why="it is left over from training; the cache changes no answer")
            message = "without a cache every token costs as much as the whole text before it"
            yield Problem(message=message, at=node.at, evidence=(node.says,), fix=fix)


def _suppressed_end(repository: Repository) -> Iterator[Problem]:
    ends = set(repository.generation["eos_token_id"].integers + repository.config["eos_token_id"].integers)
    for key in _SUPPRESSING:
        node = repository.generation[key]
        if ends & set(node.integers):
            left = [number for number in node.integers if number not in ends]
            fix = automatic(
                SetValue(file=node.file, pointer=node.pointer, value=[*left]), why="a text must be able to end"
            )
            message = f"{key} forbids the token that ends a text"
            yield Problem(message=message, at=node.at, evidence=(node.says,), fix=fix)


def _several_answers(repository: Repository) -> Iterator[Problem]:
    node = repository.generation["num_return_sequences"]
    beams = repository.generation["num_beams"]
    if (
        node.integer is not None
        and node.integer > 1
        and (beams.integer or 1) == 1
        and (repository.generation["do_sample"].flag is not True)
    ):
        yield _without(node, "without sampling all answers would be the same, which transformers refuses")


_HF: Final = frozenset({Engine.TRANSFORMERS})

RULES: Final = (
    Rule(code="G01", title="A sampling value that is refused", severity=Severity.ERROR, check=_out_of_range),
    Rule(code="G02", title="Sampling values without sampling", severity=Severity.WARNING, check=_unused_sampling,
         engines=_HF),
    Rule(code="G03", title="Sampling at 0", severity=Severity.WARNING, check=_frozen_sampling, engines=_HF),
    Rule(code="G04", title="No new tokens", severity=Severity.ERROR, check=_no_tokens),
    Rule(code="G05", title="Few new tokens", severity=Severity.INFO, check=_few_tokens,
         engines=frozenset({Engine.VLLM, Engine.TRANSFORMERS})),
    Rule(code="G06", title="An old limit of length", severity=Severity.WARNING, check=_old_limit, engines=_HF),
    Rule(code="G07", title="Generation in config.json", severity=Severity.INFO, check=_in_configuration, engines=_HF),
    Rule(code="G08", title="No cache", severity=Severity.WARNING, check=_no_cache, engines=_HF),
    Rule(code="G09", title="The end is forbidden", severity=Severity.ERROR, check=_suppressed_end, engines=_HF),
    Rule(code="G10", title="Several equal answers", severity=Severity.WARNING, check=_several_answers, engines=_HF),
)  # fmt: skip
