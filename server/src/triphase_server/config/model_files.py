"""What of a model's files the gateway itself needs to bound thoughts: its chat template, and its control tokens.

Rule: small files are read up to a limit, and only what is asked for is decoded; where a file is absent or says nothing,
the next one may. Whether a repository is sound is the validator's matter, as `triphase-server check` tells; which keys
name these files is `schema_enforcement.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec
from triphase_model.validator.pieces import NotPieces, Piece, PieceType, read_pieces

_MOST_TEMPLATE_BYTES = 1 << 20
_MOST_FILE_BYTES = 256 << 20
_NAMED = ("bos_token", "eos_token", "pad_token", "unk_token")
_TOKENIZERS = ("tokenizer.model", "tokenizer.json")

T = TypeVar("T")


class NotFound(Exception):
    """A file is not there, cannot be read, or holds something else; the message says what was expected of it."""


class _Added(msgspec.Struct):
    content: str
    special: bool = False


class _TokenizerFile(msgspec.Struct):
    added_tokens: list[_Added] = []


class _NamedTemplate(msgspec.Struct):
    name: str
    template: str


class _TokenizerConfig(msgspec.Struct):
    chat_template: str | list[_NamedTemplate] | None = None
    added_tokens_decoder: dict[str, _Added] = {}
    bos_token: str | _Added | None = None
    eos_token: str | _Added | None = None
    pad_token: str | _Added | None = None
    unk_token: str | _Added | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """What a repository says: its template (empty = none), and special tokens by the names that templates know.

    `special` are the texts of those tokens that the tokenizer finds in any text and that are framing; `other` of those
    that it finds there too but that may be text, such as line breaks and tags.
    """

    template: str = ""
    tokens: Mapping[str, str] = field(default_factory=dict)
    special: tuple[str, ...] = ()
    other: tuple[str, ...] = ()

    def controls(self, template: str) -> tuple[str, ...]:
        """Returns the control tokens' texts: those that are special, and of the others those that a template writes."""
        return (*self.special, *(text for text in self.other if text.strip() and text in template))


def read_template(path: Path) -> str:
    """Returns the text of a template; raises NotFound."""
    data = _bytes(path, most=_MOST_TEMPLATE_BYTES)
    if data is None:
        raise NotFound("expected the path of a chat template; there is no such file")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise NotFound("expected the path of a chat template; this file is not UTF-8") from None


def read_model_files(folder: Path) -> ModelFiles:
    """Returns what a repository says; raises NotFound where one of its files cannot be read."""
    config = _decoded(folder / "tokenizer_config.json", _TokenizerConfig) or _TokenizerConfig()
    tokenizer = _decoded(folder / "tokenizer.json", _TokenizerFile) or _TokenizerFile()
    added = [*tokenizer.added_tokens, *config.added_tokens_decoder.values()]
    tokens = {name: text for name in _NAMED if (text := _text(getattr(config, name)))}
    pieces = list(_pieces(folder))
    special = [token.content for token in added if token.special]
    special += [piece.text for piece in pieces if piece.type == PieceType.CONTROL]
    other = [*(token.content for token in added), *(piece.text for piece in pieces)]
    file = folder / "chat_template.jinja"
    return ModelFiles(
        template=read_template(file) if file.is_file() else _template(config),
        tokens=tokens,
        special=tuple(dict.fromkeys([*special, *tokens.values()])),
        other=tuple(dict.fromkeys(other)),
    )


def tokenizers_of(folder: Path) -> Iterator[str]:
    """Yields the paths of the tokenizers that are there."""
    yield from (str(folder / name) for name in _TOKENIZERS if (folder / name).is_file())


def _template(config: _TokenizerConfig) -> str:
    if isinstance(config.chat_template, str):
        return config.chat_template
    return next((one.template for one in config.chat_template or () if one.name == "default"), "")


def _text(token: str | _Added | None) -> str:
    return token.content if isinstance(token, _Added) else token or ""


def _pieces(folder: Path) -> Iterator[Piece]:
    """Yields the pieces of a SentencePiece model that stand for themselves wherever their text does."""
    data = _bytes(folder / "tokenizer.model", most=_MOST_FILE_BYTES)
    if data is None:
        return
    try:
        pieces = read_pieces(data)
    except NotPieces:  # other tokenizers have files of that name; what they add is in the JSON files
        return
    yield from (piece for piece in pieces.items if piece.type in (PieceType.CONTROL, PieceType.USER_DEFINED))


def _decoded(path: Path, kind: type[T]) -> T | None:
    data = _bytes(path, most=_MOST_FILE_BYTES)
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise NotFound(f"expected a model repository; its {path.name} cannot be read") from None


def _bytes(path: Path, *, most: int) -> bytes | None:
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            data = file.read(most + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no valid path"
        raise NotFound(f"expected a readable file; {path.name}: {reason}") from None
    if len(data) > most:
        raise NotFound(f"expected at most {most} bytes in {path.name}")
    return data
