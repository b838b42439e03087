"""The tokens of a repository: which texts have which ids, and which of its files says so.

Rule: `tokenizer.json` is believed before `tokenizer.model`, that before `tokenizer_config.json` and the older files; a
disagreement is for the rules to tell and never settled here. Texts become tokens only where a token is exactly that
text: nothing is segmented, so no expression of an untrusted tokenizer is ever run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from triphase_model.validator.documents import Document, Node
from triphase_model.validator.pieces import Pieces, PieceType

_MOST_DIGITS: Final = 18
# The tokens that a configuration names by their text, and the key that names each by its id.
NAMED: Final[Mapping[str, str]] = {
    "bos_token": "bos_token_id",
    "eos_token": "eos_token_id",
    "pad_token": "pad_token_id",
    "unk_token": "unk_token_id",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A token that is found in text before any segmentation; `special` ones are left out of decoded text."""

    id: int
    content: str
    special: bool
    node: Node


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """All that the tokenizer's files say of ids."""

    tokenizer: Document
    config: Document
    special_map: Document
    added_file: Document
    plain_vocab: Document
    pieces: Pieces | None

    @cached_property
    def model(self) -> Mapping[str, int]:
        """The vocabulary of the segmentation model itself, without added tokens."""
        vocab = self.tokenizer["model"]["vocab"]
        if isinstance(vocab.value, dict):
            return {text: number for text, number in vocab.value.items() if isinstance(number, int)}
        if isinstance(vocab.value, list):
            return dict(_unigrams(vocab.value))
        if isinstance(self.plain_vocab.value, dict):
            return {text: number for text, number in self.plain_vocab.value.items() if isinstance(number, int)}
        return {piece.text: number for number, piece in enumerate(self.pieces.items)} if self.pieces else {}

    @cached_property
    def added(self) -> tuple[Added, ...]:
        """The added tokens of `tokenizer.json`, or where it is missing, those of the next file that has any."""
        return self.added_in_tokenizer or self.added_in_config or tuple(self._of_added_file())

    @cached_property
    def added_in_tokenizer(self) -> tuple[Added, ...]:
        """The added tokens of `tokenizer.json`."""
        nodes = self.tokenizer["added_tokens"].items()
        return tuple(made for node in nodes if (made := _added(node, node["id"].integer)))

    @cached_property
    def added_in_config(self) -> tuple[Added, ...]:
        """The added tokens of `tokenizer_config.json`."""
        members = self.config["added_tokens_decoder"].members()
        return tuple(made for key, node in members if (made := _added(node, natural(key))))

    def _of_added_file(self) -> Iterator[Added]:
        for text, node in self.added_file.root.members():
            if node.integer is not None:
                yield Added(id=node.integer, content=text, special=True, node=node)

    @cached_property
    def ids(self) -> Mapping[str, int]:
        """The id of each token's text."""
        return {**self.model, **{token.content: token.id for token in self.added}}

    @cached_property
    def texts(self) -> Mapping[int, str]:
        """The text of each id."""
        return {number: text for text, number in self.ids.items()}

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """The ids that never come from ordinary text: added tokens, and control pieces."""
        control = (PieceType.CONTROL, PieceType.UNKNOWN, PieceType.USER_DEFINED)
        pieces = self.pieces.items if self.pieces else ()
        of_pieces = {number for number, piece in enumerate(pieces) if piece.type in control}
        return frozenset({token.id for token in self.added} | of_pieces)

    @property
    def known(self) -> bool:
        """Whether any file says which tokens there are."""
        return bool(self.ids)

    @cached_property
    def highest(self) -> tuple[int, str] | None:
        """The highest id and its text."""
        return max(self.texts.items(), default=None)

    def named(self, key: str) -> Node:
        """Where a token such as `eos_token` is named: the text itself, be it bare or in an object."""
        for document in (self.config, self.special_map):
            node = document[key]
            inner = node["content"] if isinstance(node.value, dict) else node
            if inner.given:
                return inner
        return self.config[key]

    def id_of(self, key: str) -> int | None:
        """The id of a token such as `eos_token`."""
        text = self.named(key).text
        return None if text is None else self.ids.get(text)

    @property
    def named_keys(self) -> Iterator[str]:
        """The keys of all tokens that are named."""
        yield from (key for key in NAMED if self.named(key).text is not None)


def _added(node: Node, number: int | None) -> Added | None:
    content = node["content"].text
    if number is None or content is None:
        return None
    return Added(id=number, content=content, special=node["special"].flag is True, node=node)


def natural(text: str) -> int | None:
    """The number that a text writes, if it is one of a size that occurs; Python refuses to read very long ones."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def _unigrams(entries: Sequence[object]) -> Iterator[tuple[str, int]]:
    for number, entry in enumerate(entries):
        if isinstance(entry, list) and entry and isinstance(entry[0], str):
            yield entry[0], number
