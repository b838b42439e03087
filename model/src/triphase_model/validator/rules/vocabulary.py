"""Family V: which ids there are, against the rows that the weights have for them.

Rule: the rows of the embedding are the strongest witness. More rows than tokens is padding, and healthy: nothing here
ever asks for fewer rows or a smaller `vocab_size`. What the ids are used for is `stopping.py`.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from triphase_model.validator.documents import Node
from triphase_model.validator.findings import Engine, Evidence, Problem, Severity
from triphase_model.validator.fixes import Fix, Remedy, RemoveValue, SetValue, automatic
from triphase_model.validator.json_values import JsonValue
from triphase_model.validator.layers import shape_of
from triphase_model.validator.repository import Repository
from triphase_model.validator.rule import Rule
from triphase_model.validator.vocabulary import NAMED, Added
from triphase_model.validator.weights import Tensor

_SHOWN: Final = 3


def rows(repository: Repository) -> Tensor | None:
    """The embedding, where its rows can be counted: packed storage has other shapes."""
    found = repository.layers.embedding
    return found if found and found.dtype in ("F32", "F16", "BF16", "F64") else None


def id_nodes(repository: Repository) -> Iterator[Node]:
    """Every place that names token ids: keys that end so in both configurations."""
    config = repository.config.document
    for root in (config.root, config["text_config"], repository.generation.root):
        yield from (node for key, node in root.members() if key.endswith(("_token_id", "_token_index")))


def _size_is_not_rows(repository: Repository) -> Iterator[Problem]:
    size, embedding = repository.config["vocab_size"], rows(repository)
    if size.integer is None or embedding is None or size.integer == embedding.shape[0]:
        return
    highest = repository.vocabulary.highest
    tokens = (Evidence(witness="the highest token id", says=str(highest[0])),) if highest else ()
    yield Problem(
        message=f"vocab_size is {size.integer}, but the embedding has {embedding.shape[0]} rows",
        at=size.at,
        evidence=(size.says, shape_of(embedding), *tokens),
        fix=automatic(
            SetValue(file=size.file, pointer=size.pointer, value=embedding.shape[0]),
            why="the rows are what the weights have; loaders compare them with vocab_size and refuse a difference",
            tokenizer="the tokenizer's size is no witness: rows beyond the last token are padding, and with a smaller "
            "vocab_size the weights do not load",
        ),
    )


def _rows_differ(repository: Repository) -> Iterator[Problem]:
    embedding, head = rows(repository), repository.layers.head
    if embedding is None or head is None or repository.layers.quantized or embedding.shape[0] == head.shape[0]:
        return
    yield Problem(
        message="the output projection has another number of rows than the embedding",
        at=repository.config["vocab_size"].at,
        evidence=(shape_of(embedding), shape_of(head)),
    )


def _tokens_beyond_rows(repository: Repository) -> Iterator[Problem]:
    embedding, vocabulary = rows(repository), repository.vocabulary
    if embedding is None:
        return
    beyond = sorted((n, text) for n, text in vocabulary.texts.items() if n >= embedding.shape[0])
    if not beyond:
        return
    places = [token.node.at for token in vocabulary.added if token.id == beyond[0][0]]
    named = ", ".join(f"{text!r} ({number})" for number, text in beyond[:_SHOWN])
    yield Problem(
        message=f"{len(beyond)} token(s) have no row in the embedding: {named}",
        at=places[0] if places else vocabulary.tokenizer["model"].at,
        evidence=(shape_of(embedding), Evidence(witness="the highest token id", says=str(beyond[-1][0]))),
    )


def _named_ids_beyond_rows(repository: Repository) -> Iterator[Problem]:
    embedding = rows(repository)
    for node in id_nodes(repository):
        wrong = [number for number in node.integers if embedding and number >= embedding.shape[0]]
        if wrong and embedding:
            message = f"{node.pointer[1:]} is {wrong[0]}, but there are only {embedding.shape[0]} rows"
            fix = _by_text(repository, node)
            yield Problem(message=message, at=node.at, evidence=(node.says, shape_of(embedding)), fix=fix)


def _by_text(repository: Repository, node: Node) -> Fix | None:
    """The id of the token that the tokenizer names for the same purpose."""
    text_key = node.pointer.rpartition("/")[2].removesuffix("_id")
    number, embedding = repository.vocabulary.id_of(text_key), rows(repository)
    if text_key not in NAMED or number is None or embedding is None or number >= embedding.shape[0]:
        return None
    edit = SetValue(file=node.file, pointer=node.pointer, value=number)
    return automatic(edit, why=f"the tokenizer says by its {text_key} which token is meant")


def _files_disagree(repository: Repository) -> Iterator[Problem]:
    vocabulary = repository.vocabulary
    if not vocabulary.tokenizer.readable:
        return
    wrong = [token for token in vocabulary.added_in_config if _contradicts(repository, token)]
    if not wrong:
        return
    first = wrong[0]
    other = vocabulary.texts.get(first.id)
    believed = vocabulary.ids.get(first.content)
    decoder = vocabulary.config["added_tokens_decoder"]
    yield Problem(
        message=f"tokenizer_config.json and tokenizer.json give {len(wrong)} token(s) different ids",
        at=first.node.at,
        evidence=(
            Evidence(witness=f"tokenizer_config.json {first.node.pointer}", says=f"{first.content!r} is {first.id}"),
            Evidence(witness="tokenizer.json", says=f"{first.content!r} is {believed}; {first.id} is {other!r}"),
        ),
        fix=automatic(
            SetValue(file=decoder.file, pointer=decoder.pointer, value=_decoder(vocabulary.added_in_tokenizer)),
            why="tokenizer.json is what the weights were trained with; the other file only repeats it",
        )
        if vocabulary.added_in_tokenizer
        else None,
    )


def _contradicts(repository: Repository, token: Added) -> bool:
    vocabulary = repository.vocabulary
    number, text = vocabulary.ids.get(token.content), vocabulary.texts.get(token.id)
    return number not in (None, token.id) or text not in (None, token.content)


def _decoder(added: tuple[Added, ...]) -> JsonValue:
    kept = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")
    return {str(token.id): {key: token.node[key].value for key in kept} for token in added}


def _named_text_unknown(repository: Repository) -> Iterator[Problem]:
    vocabulary = repository.vocabulary
    if not vocabulary.known:
        return
    for key in vocabulary.named_keys:
        node = vocabulary.named(key)
        if node.text in vocabulary.ids:
            continue
        number = next(iter(repository.config[NAMED[key]].integers), None)
        text = vocabulary.texts.get(-1 if number is None else number)
        way = {text: Remedy(edits=(SetValue(file=node.file, pointer=node.pointer, value=text),),
               why=f"config.json's {NAMED[key]} {number} is this token")} if text else {}  # fmt: skip
        yield Problem(
            message=f"{key} is {node.text!r}, which is no token: it is added as a new id, without a row in the weights",
            at=node.at,
            evidence=(node.says, repository.config[NAMED[key]].says),
            severity=Severity.ERROR if key == "eos_token" else Severity.WARNING,
            fix=Fix(ways=way) if way else None,
        )


def _flags_differ(repository: Repository) -> Iterator[Problem]:
    vocabulary = repository.vocabulary
    told = {token.content: token for token in vocabulary.added_in_config}
    named = {vocabulary.named(key).text for key in vocabulary.named_keys}
    for token in vocabulary.added_in_tokenizer:
        other = told.get(token.content)
        if other is None or other.special == token.special:
            continue
        plain = other if token.special else token
        edit = SetValue(file=plain.node.file, pointer=f"{plain.node.pointer}/special", value=True)
        yield Problem(
            message=f"{token.content!r} is special in one file and ordinary text in the other",
            at=plain.node["special"].at,
            evidence=(token.node["special"].says, other.node["special"].says),
            fix=automatic(edit, why="a token that begins or ends texts is never text")
            if token.content in named
            else None,
        )


def _control_not_special(repository: Repository) -> Iterator[Problem]:
    vocabulary = repository.vocabulary
    for key in ("bos_token", "eos_token", "pad_token"):
        text = vocabulary.named(key).text
        copies = [
            token for token in (*vocabulary.added_in_tokenizer, *vocabulary.added_in_config) if token.content == text
        ]
        if copies and not any(token.special for token in copies):
            yield Problem(
                message=f"{key} {text!r} is not marked special, so it stays in what users read",
                at=copies[0].node["special"].at,
                evidence=tuple(token.node["special"].says for token in copies),
            )


def _ids_twice(repository: Repository) -> Iterator[Problem]:
    vocabulary = repository.vocabulary
    counts = Counter(vocabulary.model.values())
    twice = sorted(number for number, count in counts.items() if count > 1)
    if twice:
        texts = [text for text, number in vocabulary.model.items() if number == twice[0]]
        yield Problem(
            message=f"{len(twice)} id(s) belong to more than one token",
            at=vocabulary.tokenizer["model"]["vocab"].at,
            evidence=tuple(Evidence(witness=f"token {text!r}", says=str(twice[0])) for text in texts[:_SHOWN]),
        )


def _added_on_others(repository: Repository) -> Iterator[Problem]:
    vocabulary = repository.vocabulary
    base = {number: text for text, number in vocabulary.model.items()}
    for token in vocabulary.added_in_tokenizer:
        there = base.get(token.id)
        if there is not None and there != token.content:
            yield Problem(
                message=f"the added token {token.content!r} has the id {token.id} of another token",
                at=token.node.at,
                evidence=(token.node["id"].says, Evidence(witness="the vocabulary", says=f"{token.id} is {there!r}")),
            )


def _added_twice(repository: Repository) -> Iterator[Problem]:
    counts = Counter(token.content for token in repository.vocabulary.added_in_tokenizer)
    for text in sorted(text for text, count in counts.items() if count > 1):
        nodes = [token.node for token in repository.vocabulary.added_in_tokenizer if token.content == text]
        message = f"the added token {text!r} has several ids, of which only one is ever produced"
        yield Problem(message=message, at=nodes[-1].at, evidence=tuple(node["id"].says for node in nodes))


def _holes(repository: Repository) -> Iterator[Problem]:
    # Counted and not listed: an id may be any number that a file can hold.
    ids = {number for number in repository.vocabulary.texts if number >= 0}
    holes = max(ids, default=-1) + 1 - len(ids)
    if 0 < holes < len(ids):
        first = next(number for number in range(len(ids)) if number not in ids)
        message = f"{holes} id(s) below the highest belong to no token, the first is {first}"
        yield Problem(message=message, at=repository.vocabulary.tokenizer["model"].at)


def _merges(repository: Repository) -> Iterator[Problem]:
    vocabulary = repository.vocabulary
    merges = vocabulary.tokenizer["model"]["merges"]
    known = vocabulary.model
    for number, merge in enumerate(merges.value if isinstance(merges.value, list) else []):
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str) or not isinstance(pair[1], str):
            continue
        left, right = pair[0], pair[1]
        # Told apart only where one is missing, since there are as many merges as tokens.
        if left not in known or right not in known or left + right not in known:
            unknown = [part for part in (left, right, left + right) if part not in known]
            message = f"a merge needs the token {unknown[0]!r}, which is not there: the tokenizer does not load"
            yield Problem(message=message, at=merges[number].at, evidence=(merges[number].says,))
            return


def _added_file(repository: Repository) -> Iterator[Problem]:
    vocabulary = repository.vocabulary
    base = {number: text for text, number in vocabulary.model.items()}
    for text, node in vocabulary.added_file.root.members():
        there = base.get(-1 if node.integer is None else node.integer)
        if there is not None and there != text:
            message = f"added_tokens.json gives {text!r} the id of {there!r}"
            edit = RemoveValue(file=node.file, pointer=node.pointer)
            fix = automatic(edit, why="the id belongs to the token that the vocabulary was made with")
            yield Problem(message=message, at=node.at, evidence=(node.says,), fix=fix)


def _named_twice(repository: Repository) -> Iterator[Problem]:
    vocabulary = repository.vocabulary
    for key in NAMED:
        one, other = (_content(document[key]) for document in (vocabulary.config, vocabulary.special_map))
        if one.text is not None and other.text is not None and one.text != other.text:
            message = f"special_tokens_map.json names another {key} than tokenizer_config.json"
            edit = SetValue(file=other.file, pointer=other.pointer, value=one.text)
            fix = automatic(edit, why="tokenizers read tokenizer_config.json first; the other file is older")
            yield Problem(message=message, at=other.at, evidence=(one.says, other.says), fix=fix)


def _content(node: Node) -> Node:
    return node["content"] if isinstance(node.value, dict) else node


RULES: Final = (
    Rule(code="V01", title="vocab_size is not the number of rows", severity=Severity.ERROR, check=_size_is_not_rows),
    Rule(code="V02", title="Embedding and output differ in rows", severity=Severity.ERROR, check=_rows_differ),
    Rule(code="V03", title="A token has no row", severity=Severity.ERROR, check=_tokens_beyond_rows),
    Rule(code="V04", title="A special id has no row", severity=Severity.ERROR, check=_named_ids_beyond_rows),
    Rule(code="V05", title="Two files give a token different ids", severity=Severity.ERROR, check=_files_disagree),
    Rule(code="V06", title="A special token is no token", severity=Severity.ERROR, check=_named_text_unknown),
    Rule(code="V07", title="Special in one file only", severity=Severity.WARNING, check=_flags_differ),
    Rule(code="V08", title="A control token is not special", severity=Severity.WARNING, check=_control_not_special),
    Rule(code="V09", title="An id belongs to two tokens", severity=Severity.WARNING, check=_ids_twice),
    Rule(code="V10", title="An added token covers another", severity=Severity.ERROR, check=_added_on_others),
    Rule(code="V11", title="An added token has two ids", severity=Severity.WARNING, check=_added_twice),
    Rule(code="V12", title="Ids without a token", severity=Severity.INFO, check=_holes,
         engines=frozenset({Engine.LLAMA_CPP})),
    Rule(code="V13", title="A merge needs an unknown token", severity=Severity.ERROR, check=_merges),
    Rule(code="V14", title="added_tokens.json covers a token", severity=Severity.ERROR, check=_added_file,
         engines=frozenset({Engine.LLAMA_CPP, Engine.TRANSFORMERS})),
    Rule(code="V15", title="Two files name different special tokens", severity=Severity.WARNING, check=_named_twice),
)  # fmt: skip
