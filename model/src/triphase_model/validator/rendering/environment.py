"""The environment in which engines render chat templates: that of transformers' `apply_chat_template`.

Rule: names, filters and settings are exactly those of transformers 5 (its `chat_template_utils`), so that what fails
here fails there; only the date stands still. Limits are `child.py`, and none of them is in this sandbox itself.
"""

import json
from datetime import datetime, timezone
from typing import Any, Final, NoReturn

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.parser
import jinja2.sandbox

_NOW: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)  # noqa: UP017 - the same in every supported Python


class GenerationBlock(jinja2.ext.Extension):
    """Understands `{% generation %}…{% endgeneration %}`, which marks what a model wrote and renders as its content."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it as a plain set

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        """Returns the nodes inside the block."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def hugging_face_environment() -> jinja2.sandbox.ImmutableSandboxedEnvironment:
    """A fresh environment."""
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationBlock, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = _NOW.strftime
    return environment


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


class RaisedByTemplate(jinja2.TemplateError):
    """The template refused a conversation by its own words."""


def _raise(message: str) -> NoReturn:
    raise RaisedByTemplate(message)
