"""HTML that cannot be broken out of: text becomes markup in one place, here, and is escaped there.

Its rule: whatever is not `Html` already is text. Scripts take data only as JSON, in which no `<` is left.
"""

import html as _html
import json
from collections.abc import Mapping
from typing import Any, Final

_VOID: Final = {"meta", "br", "hr"}


class Html(str):
    """Text that is markup, made by the functions of this file or a constant of ours."""

    __slots__ = ()


def escaped(text: str) -> Html:
    """Any text as markup that shows it."""
    return text if isinstance(text, Html) else Html(_html.escape(text, quote=True))


def joined(*parts: str) -> Html:
    """Parts in a row; those that are text are escaped."""
    return Html("".join(map(escaped, parts)))


def element(name: str, /, *children: str, **attributes: str) -> Html:
    """An element. Attributes are named as in Python: `class_` is `class`, `data_chart` is `data-chart`."""
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{escaped(str(value))}"' for key, value in attributes.items())
    return Html(f"<{name}{told}>" if name in _VOID else f"<{name}{told}>{joined(*children)}</{name}>")


def data(value: Mapping[str, Any]) -> Html:
    """A value as JSON for a script element. Raises `ValueError` where it holds NaN or an infinity."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return Html(text.translate({ord(character): f"\\u{ord(character):04x}" for character in "<>&"}))
