"""Family P: the SentencePiece model `tokenizer.model`, by its pieces, their types and the other tokenizer beside it.

Rule: only a CONTROL piece ends or begins a text, and no text ever produces one; bytes come whole or not at all. That a
file is no such model is told in `files.py`; reading it is `validator/pieces.py`.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from triphase_model.validator.findings import Evidence, Location, Problem, Severity
from triphase_model.validator.pieces import Pieces, PieceType
from triphase_model.validator.repository import Repository
from triphase_model.validator.rule import Rule

_FILE: Final = "tokenizer.model"
_AT: Final = Location(file=_FILE)


def _of(repository: Repository) -> Iterator[Pieces]:
    """The pieces, where there are any."""
    if repository.pieces is not None:
        yield repository.pieces


def _unknown(repository: Repository) -> Iterator[Problem]:
    for pieces in _of(repository):
        found = pieces.of_type(PieceType.UNKNOWN)
        if len(found) != 1:
            says = Evidence(witness=_FILE, says=f"{len(found)} pieces of the type UNKNOWN")
            message = "there must be exactly one piece for what is unknown"
            yield Problem(message=message, at=_AT, evidence=(says,))


def _bytes(repository: Repository) -> Iterator[Problem]:
    for pieces in _of(repository):
        found = len(pieces.of_type(PieceType.BYTE))
        if found != (256 if pieces.byte_fallback else 0):
            says = Evidence(
                witness=_FILE, says=f"{found} pieces of the type BYTE, byte_fallback {pieces.byte_fallback}"
            )
            message = "bytes are all pieces or none, as byte_fallback says: the model does not load"
            yield Problem(message=message, at=_AT, evidence=(says,))


def _doubled(repository: Repository) -> Iterator[Problem]:
    for pieces in _of(repository):
        twice = [text for text, count in Counter(piece.text for piece in pieces.items).items() if count > 1 and text]
        if twice:
            yield Problem(message=f"{len(twice)} piece(s) stand twice, the first is {twice[0]!r}", at=_AT)


def _empty(repository: Repository) -> Iterator[Problem]:
    for pieces in _of(repository):
        empty = [number for number, piece in enumerate(pieces.items) if not piece.text]
        if empty:
            yield Problem(message=f"the piece {empty[0]} is empty: the model does not load", at=_AT)


def _size(repository: Repository) -> Iterator[Problem]:
    for pieces in _of(repository):
        if pieces.vocab_size is not None and pieces.vocab_size != len(pieces.items):
            says = Evidence(witness=f"{_FILE}, its trainer", says=f"vocab_size {pieces.vocab_size}")
            message = f"the model has {len(pieces.items)} pieces, and says that it has {pieces.vocab_size}"
            yield Problem(message=message, at=_AT, evidence=(says,))


def _not_control(repository: Repository) -> Iterator[Problem]:
    vocabulary = repository.vocabulary
    for pieces in _of(repository):
        types = {piece.text: piece.type for piece in pieces.items}
        for key in ("bos_token", "eos_token"):
            text = vocabulary.named(key).text
            if text in types and types[text or ""] in (PieceType.NORMAL, PieceType.UNUSED):
                says = Evidence(witness=f"{_FILE}, {text!r}", says=f"type {PieceType(types[text or '']).name}")
                message = f"{key} {text!r} is an ordinary piece, so sentencepiece knows of no such end or beginning"
                yield Problem(message=message, at=_AT, evidence=(vocabulary.named(key).says, says))


def _differs(repository: Repository) -> Iterator[Problem]:
    vocab = repository.vocabulary.tokenizer["model"]["vocab"]
    for pieces in _of(repository) if vocab.given else ():
        ids = repository.vocabulary.ids
        wrong = [(n, piece.text) for n, piece in enumerate(pieces.items) if ids.get(piece.text, n) != n]
        unknown = [(n, piece.text) for n, piece in enumerate(pieces.items) if piece.text and piece.text not in ids]
        if wrong or unknown:
            number, text = (wrong or unknown)[0]
            yield Problem(
                message=f"tokenizer.json has other ids than {_FILE} for {len(wrong) + len(unknown)} piece(s)",
                at=_AT,
                evidence=(
                    Evidence(witness=_FILE, says=f"{text!r} is {number}"),
                    Evidence(witness="tokenizer.json", says=f"{text!r} is {ids.get(text, 'not there')}"),
                ),
            )


RULES: Final = (
    Rule(code="P01", title="Not one piece for the unknown", severity=Severity.ERROR, check=_unknown),
    Rule(code="P02", title="Bytes without a fallback, or the reverse", severity=Severity.ERROR, check=_bytes),
    Rule(code="P03", title="A piece stands twice", severity=Severity.WARNING, check=_doubled),
    Rule(code="P04", title="An empty piece", severity=Severity.ERROR, check=_empty),
    Rule(code="P05", title="The number of pieces is wrong", severity=Severity.INFO, check=_size),
    Rule(code="P06", title="An end that is an ordinary piece", severity=Severity.WARNING, check=_not_control),
    Rule(code="P07", title="The two tokenizers differ", severity=Severity.WARNING, check=_differs),
)
