"""All that is read of a model repository, once, for every rule: documents, tokens, tensors, templates, renderings.

Rule: reading never fails. What is absent, broken or too large is here as such, for a rule to tell. Opening files is
`source.py`; rendering templates happens in a child process (`rendering/`), whose results are handed in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Final

from triphase_model.validator.documents import Document, Node
from triphase_model.validator.json_values import parse
from triphase_model.validator.layers import Layers
from triphase_model.validator.pieces import NotPieces, Pieces, read_pieces
from triphase_model.validator.rendering.results import Rendering
from triphase_model.validator.source import Source, TooLarge
from triphase_model.validator.templates import Template, templates_of
from triphase_model.validator.vocabulary import Vocabulary
from triphase_model.validator.weights import LFS_HEAD, Shard, Tensor, read_shards

INDEX: Final = "model.safetensors.index.json"
WHOLE: Final = "model.safetensors"
# The files that are read as JSON wherever they are there.
JSON_FILES: Final = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "chat_template.json",
    "processor_config.json",
    "preprocessor_config.json",
    "adapter_config.json",
    INDEX,
)
README: Final = "README.md"
PIECES: Final = "tokenizer.model"
_MOST_SHARDS: Final = 2_000
_MOST_TEMPLATES: Final = 50
_STORED_APART: Final = (".safetensors", ".model", ".json", ".gguf", ".bin")
_SAMPLE_BYTES: Final = 4_096


@dataclass(frozen=True, kw_only=True)
class Repository:
    """One repository. Files that could not be read at all stand in `unread` with the reason.

    `head_is_embedding` is whether samples of both are the same bytes, where the configuration ties them.
    """

    source: Source
    documents: Mapping[str, Document]
    shards: Mapping[str, Shard]
    pointers: frozenset[str]
    unread: Mapping[str, str]
    pieces: Pieces | None
    templates: tuple[Template, ...]
    readme: str
    head_is_embedding: bool | None = None
    renderings: Mapping[str, Rendering] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def config(self) -> "Configuration":
        """`config.json`."""
        return Configuration(document=self.documents["config.json"])

    @property
    def generation(self) -> Document:
        """`generation_config.json`."""
        return self.documents["generation_config.json"]

    @property
    def index(self) -> Document:
        """`model.safetensors.index.json`."""
        return self.documents[INDEX]

    @cached_property
    def weight_map(self) -> Mapping[str, Node]:
        """Which file the index says that each tensor is in."""
        return dict(self.index["weight_map"].members())

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The tokens."""
        return Vocabulary(
            tokenizer=self.documents["tokenizer.json"],
            config=self.documents["tokenizer_config.json"],
            special_map=self.documents["special_tokens_map.json"],
            added_file=self.documents["added_tokens.json"],
            plain_vocab=self.documents["vocab.json"],
            pieces=self.pieces,
        )

    @cached_property
    def layers(self) -> Layers:
        """The tensors that belong to the model: those of the files that the index names, or of the only file."""
        named = {node.text for node in self.weight_map.values()}
        alone = {WHOLE} if WHOLE in self.shards else set(self.shards)
        files = [file for file in self.shards if file in (named or alone)]
        found: dict[str, Tensor] = {}
        for file in files:
            found.update(self.shards[file].tensors)
        return Layers(tensors=found)

    @property
    def lacks_samples(self) -> bool:
        """Whether samples of embedding and output projection would tell if they are the same, and were not sent."""
        pair = [tensor for tensor in (self.layers.embedding, self.layers.head) if tensor is not None]
        alike = len(pair) > 1 and len({(tensor.dtype, tensor.shape) for tensor in pair}) == 1
        return alike and any(self.source.lacks(tensor.file, tensor.end) for tensor in pair)

    @property
    def rendering(self) -> Rendering | None:
        """What came of the template that chats use by default, where it could be asked."""
        template = next((template for template in self.templates if template.used), None)
        return self.renderings.get(template.name) if template else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """`config.json`; where a model has several parts, what is asked of it is asked of its text model."""

    document: Document

    @property
    def readable(self) -> bool:
        """Whether it is there and an object."""
        return isinstance(self.document.value, dict)

    def __getitem__(self, key: str) -> Node:
        inner = self.document["text_config"][key]
        return inner if inner.present else self.document[key]

    def first(self, *keys: str) -> Node:
        """The first of several keys that is given; families call the same thing by different names."""
        return next((self[key] for key in keys if self[key].given), self[keys[0]])


def read_repository(source: Source) -> Repository:
    """Reads all that rules may ask for, but for renderings."""
    read = _files_of(source)
    tied = read.config["tie_word_embeddings"].flag is True
    return replace(read, head_is_embedding=_same_bytes(source, read.layers) if tied else None)


def _same_bytes(source: Source, layers: Layers) -> bool | None:
    """Whether embedding and output projection are the same, by samples; None where that cannot be told."""
    one, other = layers.embedding, layers.head
    if one is None or other is None or (one.dtype, one.shape) != (other.dtype, other.shape):
        return None
    size = one.end - one.start
    for at in (0, size // 2, max(0, size - _SAMPLE_BYTES)):
        left, right = (_sample(source, tensor, at) for tensor in (one, other))
        if not left or len(left) != len(right):
            return None
        if left != right:
            return False
    return True


def _sample(source: Source, tensor: Tensor, at: int) -> bytes:
    try:
        return source.read_range(tensor.file, tensor.start + at, min(_SAMPLE_BYTES, tensor.end - tensor.start - at))
    except OSError:
        return b""


def _files_of(source: Source) -> Repository:
    unread: dict[str, str] = {}
    pointers = {path for path in _watched(source) if _head(source, path).startswith(LFS_HEAD)}
    documents = {file: _document(source, file, pointers, unread) for file in JSON_FILES}
    shards = [path for path in source.names() if path.endswith(".safetensors") and "/" not in path][:_MOST_SHARDS]
    return Repository(
        source=source,
        documents=documents,
        shards=read_shards(source, shards),
        pointers=frozenset(pointers),
        pieces=_pieces(source, pointers, unread),
        templates=templates_of(documents, _texts(source, unread)),
        readme=_text(source, README, unread) or "",
        unread=unread,
    )


def _watched(source: Source) -> list[str]:
    """The files that large-file storage may have replaced by pointers."""
    return [path for path in source.names() if "/" not in path and path.endswith(_STORED_APART)]


def _head(source: Source, path: str) -> bytes:
    try:
        return source.read_range(path, 0, len(LFS_HEAD))
    except OSError:
        return b""


def _bytes(source: Source, path: str, unread: dict[str, str]) -> bytes | None:
    """A whole file, or None where it is absent or cannot be had, which is then noted."""
    if not source.has(path):
        return None
    try:
        return source.read(path)
    except TooLarge as error:
        unread[path] = str(error)
    except OSError as error:
        unread[path] = error.strerror or str(error)
    return None


def _document(source: Source, file: str, pointers: set[str], unread: dict[str, str]) -> Document:
    data = None if file in pointers else _bytes(source, file, unread)
    if data is None:
        return Document(file=file, present=source.has(file))
    parsed = parse(data)
    return Document(
        file=file,
        present=True,
        readable=parsed.readable,
        value=parsed.value,
        text=parsed.text,
        faults=parsed.faults,
    )


def _text(source: Source, path: str, unread: dict[str, str]) -> str | None:
    data = _bytes(source, path, unread)
    return None if data is None else data.decode("utf-8", "replace")


def _texts(source: Source, unread: dict[str, str]) -> dict[str, str]:
    """The template files, by path."""
    # The one that chats use by default first.
    wanted = sorted((path for path in source.names() if is_template(path)), key=lambda path: ("/" in path, path))
    for path in wanted[_MOST_TEMPLATES : _MOST_TEMPLATES + 1]:
        unread[path] = f"of {len(wanted)} templates only the first {_MOST_TEMPLATES} are read"
    return {path: text for path in wanted[:_MOST_TEMPLATES] if (text := _text(source, path, unread)) is not None}


def is_template(path: str) -> bool:
    """Whether a file holds a chat template, and nothing else."""
    return path == "chat_template.jinja" or (path.startswith("additional_chat_templates/") and path.endswith(".jinja"))


def _pieces(source: Source, pointers: set[str], unread: dict[str, str]) -> Pieces | None:
    file = PIECES
    data = None if file in pointers else _bytes(source, file, unread)
    if data is None:
        return None
    try:
        return read_pieces(data)
    except NotPieces as error:
        unread[file] = f"it is no SentencePiece model: {error}"
        return None
