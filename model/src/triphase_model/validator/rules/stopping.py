"""Family T: which ids end a turn, and whether each engine stops at one of them.

Rule: engines stop at different sets, so each is asked with its own; where a turn ends is not looked up in a list but
read from the rendered template: the tokens between an answer and what follows it. Ids without rows are `vocabulary.py`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from triphase_model.validator.documents import Node
from triphase_model.validator.findings import Engine, Evidence, Location, Problem, Severity
from triphase_model.validator.fixes import NO_CHOICE, Fix, Remedy, SetValue, automatic
from triphase_model.validator.json_values import JsonValue
from triphase_model.validator.rendering.probes import ANSWER, USER_AGAIN
from triphase_model.validator.rendering.results import Failure
from triphase_model.validator.repository import Repository
from triphase_model.validator.rule import Rule
from triphase_model.validator.rules.vocabulary import id_nodes
from triphase_model.validator.vocabulary import NAMED

_GENERATION: Final = "generation_config.json"
# What looks like a token of a chat in a template's text, whether or not the tokenizer has it.
LIKE_A_TOKEN: Final = re.compile(r"<\|[^|<>\s]{1,40}\|>|<\uff5c[^\uff5c\s]{1,40}\uff5c>|<(?:start|end)_of_turn>")
# The texts that llama.cpp takes for ends of turns by themselves (`llama-vocab.cpp`).
_ENDS_BY_TEXT: Final = frozenset({
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<end_of_turn>", "<|endoftext|>", "<|eom_id|>",
    "<|end_of_text|>", "<EOT>", "_<EOT>", "<|flush|>", "<\uff5cend▁of▁sentence\uff5c>", "<turn|>",
})  # fmt: skip


def stop_sets(repository: Repository) -> Mapping[Engine, frozenset[int]]:
    """The ids at which each engine stops, for the engines whose sources say so (see the page of T01)."""
    vocabulary = repository.vocabulary
    config = set(repository.config["eos_token_id"].integers)
    generation = set(repository.generation["eos_token_id"].integers) or config
    named = {number for number in (vocabulary.id_of("eos_token"),) if number is not None}
    by_text = {number for text, number in vocabulary.ids.items() if text in _ENDS_BY_TEXT}
    return {
        Engine.TRANSFORMERS: frozenset(generation),
        Engine.VLLM: frozenset(generation | named),
        Engine.SGLANG: frozenset(generation | named | config),
        Engine.LLAMA_CPP: frozenset(named | config | by_text),
    }


def turn_ends(repository: Repository) -> list[int]:
    """The ids of the special tokens that follow an answer in a rendered conversation, the likeliest end first.

    The last answer comes first: gpt-oss ends it otherwise than those before, and some templates end only the others. Of
    several tokens behind it the last ends the turn, since the others end parts of it.
    """
    within = _between(repository, "two_turns", ANSWER, USER_AGAIN)
    return list(dict.fromkeys([*reversed(_last_ends(repository)), *_specials(repository, within)]))


def _last_ends(repository: Repository) -> list[int]:
    """The special tokens behind the last answer, in their order."""
    return list(_specials(repository, _between(repository, "answered", ANSWER, "")))


def _between(repository: Repository, probe: str, start: str, end: str) -> str:
    """The text of a rendering between two words, or to its end; nothing where one of them is missing."""
    text = repository.rendering.text(probe) if repository.rendering else None
    if text is None or start not in text:
        return ""
    rest = text[text.index(start) + len(start) :]
    return rest if not end else rest.partition(end)[0] if end in rest else ""


def _is_foreign(repository: Repository, span: str) -> bool:
    """Whether what ends a turn looks like a token and is none here; what follows then begins the next turn."""
    first = LIKE_A_TOKEN.search(span)
    return (
        first is not None
        and first.group() not in repository.vocabulary.ids
        and not any(token.content in span[: first.start()] for token in repository.vocabulary.added)
    )


def _specials(repository: Repository, text: str) -> Iterator[int]:
    vocabulary = repository.vocabulary
    if _is_foreign(repository, text):
        return
    found = [(text.find(token.content), -len(token.content), token.id) for token in vocabulary.added if token.content]
    if not vocabulary.added:
        found = [(text.find(vocabulary.texts[n]), 0, n) for n in vocabulary.special_ids if vocabulary.texts.get(n)]
    yield from (number for place, _, number in sorted(found) if place >= 0)


def _never_stops(repository: Repository) -> Iterator[Problem]:
    ends = turn_ends(repository)
    deaf = {engine: stops for engine, stops in stop_sets(repository).items() if not stops & set(ends)}
    if not ends or not deaf:
        return
    text = repository.vocabulary.texts.get(ends[0], "")
    eos = repository.generation["eos_token_id"]
    yield Problem(
        message=f"a turn ends with {text!r} ({ends[0]}), at which {_listed(deaf)} do not stop",
        at=eos.at,
        engines=frozenset(deaf),
        evidence=(
            Evidence(witness="the rendered template", says=f"{text!r} ({ends[0]}) follows an answer"),
            *(Evidence(witness=f"{engine} stops at", says=str(sorted(stops))) for engine, stops in deaf.items()),
        ),
        fix=_stopping(repository, ends[0]),
    )


def _listed(engines: Mapping[Engine, object]) -> str:
    return ", ".join(sorted(engines))


def _stopping(repository: Repository, likeliest: int) -> Fix:
    """Automatic where one token ends the turn; where several do, which of them is a choice."""
    several = _last_ends(repository)
    if len(several) < 2:
        return Fix(ways={NO_CHOICE: _also_stop_at(repository, likeliest)})
    texts = repository.vocabulary.texts
    return Fix(ways={texts[number]: _also_stop_at(repository, number) for number in reversed(several)})


def _also_stop_at(repository: Repository, number: int) -> Remedy:
    known = repository.generation["eos_token_id"].integers or repository.config["eos_token_id"].integers
    valid = [other for other in known if other in repository.vocabulary.special_ids and other != number]
    value: JsonValue = [number, *valid]
    edit = SetValue(file=_GENERATION, pointer="/eos_token_id", value=value)
    return Remedy(
        edits=(edit,),
        why="the template says how a turn ends; an id more in this list never hides another",
        risk="none for chats; texts that were meant to go on after this token end there",
    )


def generation_file(repository: Repository) -> Fix | None:
    """A `generation_config.json` of what the other files say: ends of texts and turns, beginning, padding."""
    config, vocabulary = repository.config, repository.vocabulary
    likeliest = turn_ends(repository)[:1]
    ends = [n for n in dict.fromkeys([*config["eos_token_id"].integers, *likeliest]) if n in vocabulary.texts]
    if not ends:
        return None
    found: Mapping[str, JsonValue] = {
        "bos_token_id": config["bos_token_id"].integer,
        "eos_token_id": [*ends] if len(ends) > 1 else ends[0],
        "pad_token_id": vocabulary.id_of("pad_token"),
    }
    edits = (SetValue(file=_GENERATION, pointer=f"/{key}", value=value) for key, value in found.items()
             if value is not None)  # fmt: skip
    return automatic(*edits, why="config.json, the tokenizer and the template say these; how to sample, they do not")


def _ends_differ(repository: Repository) -> Iterator[Problem]:
    named, own = repository.vocabulary.named("eos_token"), repository.vocabulary.id_of("eos_token")
    nodes = [repository.config["eos_token_id"], repository.generation["eos_token_id"]]
    configured = [number for node in nodes for number in node.integers]
    if own is None or not configured or own in configured:
        return
    yield Problem(
        message=f"the tokenizer's eos_token {named.text!r} ({own}) is none of the configured ids",
        at=named.at,
        evidence=(named.says, *(node.says for node in nodes if node.present)),
        fix=_named_turn_end(repository, named),
    )


def _named_turn_end(repository: Repository, named: Node) -> Fix | None:
    configured = set(repository.config["eos_token_id"].integers + repository.generation["eos_token_id"].integers)
    ends = [number for number in turn_ends(repository) if number in configured]
    if not ends:
        return None
    text = repository.vocabulary.texts[ends[0]]
    edit = SetValue(file=named.file, pointer=named.pointer, value=text)
    return Fix(ways={text: Remedy(edits=(edit,), why="it ends a turn in the template, and the configuration has it")})


def _not_an_id(repository: Repository) -> Iterator[Problem]:
    for document in (repository.config.document, repository.generation):
        node = document["eos_token_id"]
        members = list(node.items()) or ([node] if node.given else [])
        wrong = [member for member in members if member.integer is None or member.integer < 0]
        if wrong:
            message = f"eos_token_id must be a token's id or a list of them, not {wrong[0].says.says}"
            yield Problem(message=message, at=wrong[0].at, evidence=(node.says,), fix=_valid_end(repository, node))


def _valid_end(repository: Repository, node: Node) -> Fix | None:
    """What the other configuration says, or else the tokenizer."""
    others = (repository.generation["eos_token_id"], repository.config["eos_token_id"])
    values = [
        other.value for other in others if other.file != node.file and other.integers and min(other.integers) >= 0
    ]
    own = repository.vocabulary.id_of("eos_token")
    value = values[0] if values else own
    if value is None:
        return None
    return automatic(SetValue(file=node.file, pointer=node.pointer, value=value), why="another file names valid ids")


def _ordinary_end(repository: Repository) -> Iterator[Problem]:
    vocabulary = repository.vocabulary
    for node in (repository.config["eos_token_id"], repository.generation["eos_token_id"]):
        plain = [n for n in node.integers if n in vocabulary.texts and n not in vocabulary.special_ids]
        if plain and vocabulary.special_ids:
            text = Evidence(
                witness="the tokenizer", says=f"{plain[0]} is the ordinary text {vocabulary.texts[plain[0]]!r}"
            )
            message = f"eos_token_id names {plain[0]}, which is ordinary text: answers end in the middle"
            yield Problem(message=message, at=node.at, evidence=(node.says, text), fix=_special_end(repository, node))


def _special_end(repository: Repository, node: Node) -> Fix | None:
    """The tokenizer's own eos, where the other configuration has it as well: two against one."""
    own = repository.vocabulary.id_of("eos_token")
    others = (repository.generation["eos_token_id"], repository.config["eos_token_id"])
    seconded = any(own in other.integers for other in others if other.file != node.file)
    if own is None or not (seconded or own in turn_ends(repository)):
        return None
    edit = SetValue(file=node.file, pointer=node.pointer, value=own)
    return automatic(edit, why="the tokenizer and another witness agree on this token")


def _negative(repository: Repository) -> Iterator[Problem]:
    vocabulary = repository.vocabulary
    for node in id_nodes(repository):
        key = node.pointer.rpartition("/")[2]
        if key == "eos_token_id" or node.integer is None or node.integer >= 0:
            continue
        own = vocabulary.id_of(key.removesuffix("_id"))
        ends = repository.config["eos_token_id"].integers or repository.generation["eos_token_id"].integers
        value = own if own is not None or key != "pad_token_id" else next(iter(ends), None)
        edit = SetValue(file=node.file, pointer=node.pointer, value=value)
        yield Problem(
            message=f"{key} is {node.integer}, which is no id",
            at=node.at,
            evidence=(node.says,),
            severity=Severity.ERROR if node.file == _GENERATION else Severity.WARNING,
            fix=automatic(edit, why="padding is masked, so any valid id does; the tokenizer's own comes first"),
        )


def _no_padding(repository: Repository) -> Iterator[Problem]:
    nodes = (
        repository.vocabulary.named("pad_token"),
        repository.config["pad_token_id"],
        repository.generation["pad_token_id"],
    )
    if repository.config.readable and not any(node.given for node in nodes):
        message = "no file names a token for padding: batches in transformers need one"
        yield Problem(message=message, at=nodes[0].at, evidence=tuple(node.says for node in nodes))


def _unset_in_template(repository: Repository) -> Iterator[Problem]:
    rendering = repository.rendering
    failed = rendering.failed("user") if rendering else None
    if failed is None or failed.failure is not Failure.UNDEFINED:
        return
    for key, id_key in NAMED.items():
        if f"'{key}'" not in failed.detail:
            continue
        number = next(iter(repository.config[id_key].integers), None)
        text = repository.vocabulary.texts.get(-1 if number is None else number)
        node = repository.vocabulary.config[key]
        edit = SetValue(file="tokenizer_config.json", pointer=f"/{key}", value=text)
        yield Problem(
            message=f"the template joins {key} to a text, and no file names that token: every chat fails",
            at=node.at,
            evidence=(node.says, repository.config[id_key].says, Evidence(witness="rendering", says=failed.detail)),
            fix=automatic(edit, why=f"config.json's {id_key} is this token") if text else None,
        )


def _begins_twice(repository: Repository) -> Iterator[Problem]:
    vocabulary, rendering = repository.vocabulary, repository.rendering
    begin, text = vocabulary.named("bos_token").text, rendering.text("user") if rendering else None
    if not begin or text is None or not text.startswith(begin):
        return
    first = vocabulary.tokenizer["post_processor"]["single"][0]["SpecialToken"]["id"]
    switch = vocabulary.config["add_bos_token"]
    adds = [node for node in (first, switch) if node.value in (begin, True)]
    if adds:
        message = (
            f"template and tokenizer both begin a text with {begin!r}: encode rendered text without special tokens"
        )
        yield Problem(message=message, at=adds[0].at, evidence=tuple(node.says for node in adds))


def _thought_end_is_text(repository: Repository) -> Iterator[Problem]:
    vocabulary, template = repository.vocabulary, next((t for t in repository.templates if t.used), None)
    if template and vocabulary.added and "</think>" in template.text and "</think>" not in vocabulary.ids:
        message = "</think> is several tokens, so reasoning parsers that need one cannot start"
        yield Problem(message=message, at=template.at, engines=frozenset({Engine.VLLM, Engine.SGLANG}))


def _ids_and_texts(repository: Repository) -> Iterator[Problem]:
    vocabulary = repository.vocabulary
    for key in ("bos_token", "pad_token", "unk_token"):
        node, number = vocabulary.named(key), vocabulary.id_of(key)
        ids = [repository.config[NAMED[key]], repository.generation[NAMED[key]]]
        for other in ids:
            if number is not None and other.integer is not None and other.integer not in (number, -1):
                message = f"{NAMED[key]} is {other.integer}, but the tokenizer's {key} {node.text!r} is {number}"
                yield Problem(message=message, at=other.at, evidence=(other.says, node.says))


def _no_end(repository: Repository) -> Iterator[Problem]:
    nodes = (
        repository.config["eos_token_id"],
        repository.generation["eos_token_id"],
        repository.vocabulary.named("eos_token"),
    )
    if repository.config.readable and not any(node.given for node in nodes):
        place = Location(file=_GENERATION, pointer="/eos_token_id")
        yield Problem(message="no file names a token that ends a text", at=place, evidence=tuple(n.says for n in nodes))


RULES: Final = (
    Rule(code="T01", title="An engine does not stop where turns end", severity=Severity.ERROR, check=_never_stops),
    Rule(code="T02", title="The tokenizer ends texts otherwise", severity=Severity.WARNING, check=_ends_differ),
    Rule(code="T03", title="eos_token_id is no id", severity=Severity.ERROR, check=_not_an_id),
    Rule(code="T04", title="eos_token_id is ordinary text", severity=Severity.ERROR, check=_ordinary_end),
    Rule(code="T05", title="A negative id", severity=Severity.WARNING, check=_negative),
    Rule(code="T06", title="No padding token", severity=Severity.INFO, check=_no_padding,
         engines=frozenset({Engine.TRANSFORMERS})),
    Rule(code="T07", title="The template needs an unset token", severity=Severity.ERROR, check=_unset_in_template),
    Rule(code="T08", title="Texts begin twice", severity=Severity.INFO, check=_begins_twice),
    Rule(code="T09", title="The end of thoughts is no token", severity=Severity.INFO, check=_thought_end_is_text),
    Rule(code="T10", title="Id and text name different tokens", severity=Severity.WARNING, check=_ids_and_texts),
    Rule(code="T11", title="Nothing ends a text", severity=Severity.ERROR, check=_no_end),
)  # fmt: skip
