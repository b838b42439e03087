"""Values as TOML: tables of tables, and in them what fits on a line. Reading TOML is Python's own `tomllib`.

Rule: what is written reads back as the same values. A mapping is a table where a table stands, and an inline one where
it is a value of `INLINE`. What a profile is, is `profile.py`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_DELETE: Final = "\x7f"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# Mappings that are short and belong on one line.
INLINE: Final = frozenset({"kwargs"})


def toml_text(value: Mapping[str, Any]) -> str:
    """Returns a document; values are texts, numbers, booleans, sequences of these, and mappings."""
    return "\n".join(_table(value, ())).strip("\n") + "\n"


def _table(value: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    inner = {key: one for key, one in value.items() if isinstance(one, Mapping) and key not in INLINE}
    plain = {key: one for key, one in value.items() if key not in inner}
    if path and (plain or not inner):
        yield ""
        yield f"[{'.'.join(_key(part) for part in path)}]"
    yield from (f"{_key(key)} = {_value(one)}" for key, one in plain.items())
    for key, one in inner.items():
        yield from _table(one, (*path, key))


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case int() | float():
            return repr(value)
        case Mapping():
            inner = ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items())
            return f"{{ {inner} }}" if inner else "{}"
        case Sequence():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            raise TypeError(f"{type(value).__name__} has no place in TOML")


def _text(text: str) -> str:
    """A basic string. JSON's escapes are TOML's as well, but for those of surrogates; of controls JSON leaves one."""
    whole = _SURROGATE.sub("\ufffd", text)
    return json.dumps(whole, ensure_ascii=False).replace(_DELETE, "\\u007f")
