"""Whether prompts that differ as texts also differ as tokens, by the repository's own tokenizer.

Rule: a SentencePiece model is asked itself, in a child process, since it is native code that reads what others wrote. A
tokenizer of bytes needs no asking: where nothing of a text can be lost on the way to tokens, texts that differ give
tokens that differ. Of every other tokenizer it is said that it was not evaluated, and why. The child is
`tokens_child.py`.
"""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from triphase_model.effort.profile import Tokenizer
from triphase_model.validator.rendering.asking import answer_of
from triphase_model.validator.repository import PIECES, Repository

JSON: Final = "tokenizer.json"
_CHILD: Final = "triphase_model.effort.tokens_child"
# How a text is cut before it is encoded, with nothing taken away.
_CUTTING: Final = frozenset({"ByteLevel", "Split", "Digits", "Punctuation", "Sequence"})
_LOSSLESS: Final = frozenset({"Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCheck:
    """What came of it: `differ` None is not evaluated, `why` then says why, and otherwise how it is known.

    `counts` are the tokens of each text, where they could be counted.
    """

    differ: bool | None
    why: str
    counts: tuple[int, ...] = ()


def tokenizer_of(repository: Repository) -> Tokenizer:
    """The file that tokens can be counted by, relative to the repository."""
    if repository.pieces is not None:
        return Tokenizer(file=PIECES, kind="sentencepiece")
    return Tokenizer(file=JSON, kind="tokenizers") if repository.documents[JSON].readable else Tokenizer()


def compared(repository: Repository, texts: Sequence[str]) -> TokenCheck:
    """Tells whether all of some texts that differ, one pair at least, give different tokens."""
    if len(texts) < 2:
        return TokenCheck(differ=None, why="there are no two levels to compare")
    if repository.pieces is not None:
        return _by_pieces(repository, texts)
    document = repository.documents[JSON]
    if not document.readable:
        return TokenCheck(differ=None, why=f"not evaluated: there is neither {PIECES} nor a {JSON} that can be read")
    return _by_bytes(document.value, texts)


def _by_pieces(repository: Repository, texts: Sequence[str]) -> TokenCheck:
    try:
        model = repository.source.read(PIECES)
        question = json.dumps({"length": len(model), "texts": list(texts)}).encode() + b"\n" + model
        answer = answer_of(_CHILD, question)
    except OSError as error:
        return TokenCheck(differ=None, why=f"not evaluated: {error.strerror}")
    if not answer.endswith(b"\n"):
        return TokenCheck(differ=None, why=f"not evaluated: {PIECES} could not be used within limits")
    encoded: list[Mapping[str, Any]] = json.loads(answer)
    counts = tuple(int(one["count"]) for one in encoded)
    differ = len({one["digest"] for one in encoded}) == len(set(texts))
    return TokenCheck(differ=differ, why=f"by {PIECES}", counts=counts)


def _by_bytes(tokenizer: object, texts: Sequence[str]) -> TokenCheck:
    lost = loss_of(tokenizer)
    if lost:
        return TokenCheck(differ=None, why=f"not evaluated: {JSON} {lost}, and what that loses is not followed here")
    whole = len({unicodedata.normalize("NFC", text) for text in texts}) == len(set(texts))
    return TokenCheck(differ=whole, why=f"{JSON} encodes bytes and loses none")


def loss_of(tokenizer: object) -> str:
    """What of a `tokenizer.json` may lose something of a text; empty where nothing does, but for NFC."""
    value = tokenizer if isinstance(tokenizer, dict) else {}
    model = _members(value.get("model"))
    cuts = _flat(value.get("pre_tokenizer"), "pretokenizers")
    kinds = {str(cut.get("type")) for cut in cuts}
    vocabulary = _members(model.get("vocab"))
    added = value.get("added_tokens") or []
    ways = (
        (model.get("type") != "BPE" or "ByteLevel" not in kinds, "is no tokenizer of bytes"),
        (not kinds <= _CUTTING or not all(map(_keeps, cuts)), "cuts texts in a way of its own"),
        (any(n.get("type") != "NFC" for n in _flat(value.get("normalizer"), "normalizers")), "changes texts first"),
        (not all(letter in vocabulary for letter in _letters()), "has no token for some bytes"),
        (any(_strips(token) for token in added), "has tokens that take the spaces beside them"),
        (bool(model.get("continuing_subword_prefix") or model.get("end_of_word_suffix")), "marks words"),
    )
    return next((why for holds, why in ways if holds), "")


def _members(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _flat(step: object, key: str) -> list[Mapping[str, Any]]:
    """A step, or the steps of a sequence of them, one deep as all tokenizers have it."""
    if not isinstance(step, dict):
        return []
    inner = step.get(key)
    return [_members(one) for one in inner] if isinstance(inner, list) else [step]


def _keeps(cut: Mapping[str, Any]) -> bool:
    return not cut.get("add_prefix_space") and cut.get("behavior", "Isolated") in _LOSSLESS


def _strips(token: object) -> bool:
    members = _members(token)
    return bool(members.get("lstrip") or members.get("rstrip"))


def _letters() -> list[str]:
    """The letters by which tokenizers of bytes write each byte: itself where it prints, else one from U+0100 on."""
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [*map(chr, printed), *(chr(0x100 + number) for number in range(256 - len(printed)))]
