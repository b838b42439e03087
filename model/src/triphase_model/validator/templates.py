"""Which chat templates a repository has, where each stands, and which of them a chat uses.

Rule: as transformers reads them: `chat_template.jinja` wins over `tokenizer_config.json`, files below
`additional_chat_templates/` are named by their stem, and a list needs one that is called `default`. What a template
does is found by rendering it (`rendering/`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from triphase_model.validator.documents import Document, Node
from triphase_model.validator.findings import Location

FILE: Final = "chat_template.jinja"
DEFAULT: Final = "default"
_CONFIG: Final = "tokenizer_config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One template; `used` is the one that a chat without tools uses, `node` its place where it stands in JSON."""

    name: str
    text: str
    at: Location
    used: bool = False
    node: Node | None = None


def templates_of(documents: Mapping[str, Document], files: Mapping[str, str]) -> tuple[Template, ...]:
    """All templates, the used one first."""
    found = [*_of_files(files), *_of_config(documents[_CONFIG]), *_of_processor(documents["chat_template.json"])]
    used = next((template for template in found if _is_default(template)), None)
    others = [template for template in found if template is not used]
    if used is None:
        return tuple(others)
    return (Template(name=used.name, text=used.text, at=used.at, node=used.node, used=True), *others)


def _is_default(template: Template) -> bool:
    return template.name in (FILE, _CONFIG, f"{_CONFIG}:{DEFAULT}", "chat_template.json")


def _of_files(files: Mapping[str, str]) -> Iterator[Template]:
    for path in sorted(files, key=lambda path: path != FILE):
        yield Template(name=path, text=files[path], at=Location(file=path))


def _of_config(config: Document) -> Iterator[Template]:
    node = config["chat_template"]
    if node.text is not None:
        yield Template(name=_CONFIG, text=node.text, at=node.at, node=node)
    for item in node.items():
        name, inner = item["name"].text, item["template"]
        if name is not None and inner.text is not None:
            yield Template(name=f"{_CONFIG}:{name}", text=inner.text, at=inner.at, node=inner)


def _of_processor(document: Document) -> Iterator[Template]:
    node = document["chat_template"]
    if node.text is not None:
        yield Template(name="chat_template.json", text=node.text, at=node.at, node=node)
