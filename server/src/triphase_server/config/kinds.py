"""The kinds of value that a configuration holds: numbers, names, addresses, headers, texts, engine fields.

Rule: a kind says in one phrase what it takes. Keys and certificates, which stand outside the file, are in
`api_keys.py`; how a check works, in `fields.py`.
"""

import ipaddress
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from triphase_server.config.errors import KeyPath
from triphase_server.config.fields import expected, must, surroundings, wrong
from triphase_server.upstream.body import RESERVED_FIELDS
from triphase_server.upstream.loopback import is_loopback

VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")
HEADER_VALUE = re.compile(r"([\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?)?")

_MOST_UNIX_PATH_BYTES = 103  # what macOS takes; Linux takes 107
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 section 5.6.2

_MOST_JSON_DEPTH = 64
_JSON_PHRASE = f"no date, time, infinity or integer of more than 64 bits, at most {_MOST_JSON_DEPTH} levels deep"

# What decides how a message is framed or read is the adapter's alone.
_OWN_HEADERS = frozenset(
    {
        "accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect",
        "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
_SECRET_HEADERS = frozenset({"api-key", "authorization", "cookie", "proxy-authorization", "x-api-key"})
# Fields of a message that hold something else than thoughts.
_OTHER_FIELDS = frozenset({"", "content", "refusal", "role", "tool_calls"})


def _is_listen_address(text: str) -> bool:
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        return path.startswith("/") and path.isprintable() and len(path.encode()) <= _MOST_UNIX_PATH_BYTES
    host, _, port = text.rpartition(":")
    return re.fullmatch(r"[0-9]{1,5}", port) is not None and int(port) <= 65535 and _is_host(host)


def _is_metrics_address(text: str) -> bool:
    return not text or (_is_listen_address(text) and not text.startswith("unix:"))


def _is_admin_address(text: str) -> bool:
    if not text or not _is_listen_address(text):
        return not text
    # Its workers' sockets have up to three more characters.
    if text.startswith("unix:"):
        return len(text.removeprefix("unix:").encode()) <= _MOST_UNIX_PATH_BYTES - 3
    return is_loopback(text.rpartition(":")[0].strip("[]"))


def _is_host(text: str) -> bool:
    if text.startswith("[") and text.endswith("]"):
        return _is_ip(text[1:-1], version=6)
    if re.fullmatch(r"[0-9.]+", text):
        return _is_ip(text, version=4)
    return len(text) <= 253 and ".." not in text and _HOST.fullmatch(text) is not None


def _is_ip(text: str, *, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def _is_base_url(text: str) -> bool:
    if not VISIBLE_ASCII.fullmatch(text) or any(mark in text for mark in "?#@\\"):
        return False
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        return False
    return url.scheme in {"http", "https"} and _is_host(f"[{host}]" if ":" in host else host) and port != 0


def _is_name(text: str) -> bool:
    return text.isprintable() and " " not in text


def _header_name(name: str) -> str:
    if name.lower() in _OWN_HEADERS:
        raise wrong("expected a header that the gateway does not set itself", show=False)
    return name.lower()


def _header_in_file(name: str) -> str:
    if name in _SECRET_HEADERS:
        raise wrong(
            "expected no secret in this file; name the environment variable that holds it in headers_env", show=False
        )
    return name


def _marker_pair(pair: list[str]) -> list[str]:
    if pair[0] == pair[1]:
        raise ValueError
    return pair


def _distinct_openers(pairs: list[list[str]]) -> list[list[str]]:
    # A text that leads to two places, or that opens one block and closes another, says nothing for sure.
    taken = {closer for _, closer in pairs}
    for index, (opener, _) in enumerate(pairs):
        if opener in taken:
            raise wrong("expected an opening marker that has no other meaning; this one is repeated", at=(index, 0))
        taken.add(opener)
    return pairs


def _engine_fields(fields: dict[str, Any]) -> dict[str, Any]:
    for name in fields:
        if name in RESERVED_FIELDS:
            raise wrong("expected no field that the gateway sets itself", at=(name,), show=False)
    for at in _not_json(fields, ()):
        raise wrong(f"expected what an engine can read: {_JSON_PHRASE}", at=at, show=False)
    return fields


def _not_json(value: object, at: KeyPath) -> Iterator[KeyPath]:
    match value:
        case dict() | list() if len(at) >= _MOST_JSON_DEPTH:
            yield at
        case dict():
            for key, inner in value.items():
                yield from _not_json(inner, (*at, key))
        case list():
            for index, inner in enumerate(value):
                yield from _not_json(inner, (*at, index))
        case str() | bool():
            pass
        case int():
            # TOML promises 64 bits, and no JSON encoder takes more for sure.
            yield from [] if -(2**63) <= value < 2**63 else [at]
        case _:
            yield from [] if isinstance(value, float) and math.isfinite(value) else [at]


def _placed(name: str, info: ValidationInfo) -> str:
    # As the operator reads it: from the place of the configuration file, wherever the gateway was started.
    return str(surroundings(info).folder.absolute() / name)


def _placed_if_any(name: str, info: ValidationInfo) -> str:
    return _placed(name, info) if name else ""


def _is_budget_field(path: str) -> bool:
    """Whether a text is a path into a body, its steps separated by dots, or empty."""
    steps = path.split(".")
    return not path or (all(steps) and steps[0] not in RESERVED_FIELDS)


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def _only_false(value: object) -> object:
    # To a Literal, 0 is False.
    if value is not False:
        raise ValueError
    return value


Seconds = Annotated[
    float,
    Field(gt=0, le=86400, allow_inf_nan=False),
    expected("a number of seconds more than 0 and at most 86400 (a day)"),
]
SecondsOrNone = Annotated[
    float, Field(ge=0, le=86400, allow_inf_nan=False), expected("a number of seconds from 0 to 86400 (a day)")
]
_Off = Annotated[Literal[False], BeforeValidator(_only_false)]
SecondsOrOff = Annotated[
    Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False)] | _Off,
    expected("a number of seconds more than 0 and at most 86400 (a day), or false (off)"),
]
# The window counts in tenths, and a tenth so small that the clock cannot tell it would not count at all.
WindowSeconds = Annotated[
    float, Field(ge=1, le=86400, allow_inf_nan=False), expected("a number of seconds from 1 to 86400 (a day)")
]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False), expected("a share more than 0 and at most 1")]
ShareOrOff = Annotated[
    Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | _Off,
    expected("a share more than 0 and at most 1, or false (off)"),
]
ShareBelowOne = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False), expected("a share from 0 up to but not 1")]
Count = Annotated[int, Field(ge=1, le=1_000_000), expected("a whole number from 1 to 1000000")]
CountOrOff = Annotated[
    Annotated[int, Field(ge=1, le=1_000_000)] | _Off,
    expected("a whole number from 1 to 1000000, or false (off)"),
]
Attempts = Annotated[int, Field(ge=1, le=100), expected("a whole number of attempts from 1 to 100")]
Weight = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False), expected("a number from 0 to 1000000")]
Priority = Annotated[int, Field(ge=0, le=1000), expected("a whole number from 0 (asked first) to 1000")]
Connections = Annotated[int, Field(ge=0, le=100_000), expected("a whole number from 0 (no bound) to 100000")]
MessageBytes = Annotated[
    int, Field(ge=1024, le=1024**3), expected("a whole number of bytes from 1024 to 1073741824 (1 GiB)")
]
ListenAddress = Annotated[
    str,
    must(_is_listen_address),
    expected('an address such as "127.0.0.1:50051", "[::1]:50051" or "unix:/run/triphase.sock"'),
]
MetricsAddress = Annotated[
    str,
    must(_is_metrics_address),
    expected('an address such as "127.0.0.1:9464" or "[::1]:9464", or "" for none'),
]
AdminAddress = Annotated[
    str,
    must(_is_admin_address),
    expected('an address of this machine alone such as "127.0.0.1:50052" or "unix:/run/triphase-admin.sock", or ""'),
]
BaseUrl = Annotated[
    str,
    must(_is_base_url),
    expected(
        'an http or https URL such as "http://127.0.0.1:8000/v1", without user, password, query or fragment', show=False
    ),
]
Name = Annotated[
    str, Field(min_length=1, max_length=200), must(_is_name), expected("a name of 1 to 200 visible characters")
]
ModelName = Annotated[
    str, Field(min_length=1, max_length=500), must(str.isprintable), expected("the upstream's name of a model")
]
HeaderName = Annotated[
    str,
    Field(min_length=1, max_length=200),
    must(lambda text: _HEADER_NAME.fullmatch(text) is not None),
    AfterValidator(_header_name),
    expected("the name of an HTTP header", show=False),
]
HeaderNameInFile = Annotated[HeaderName, AfterValidator(_header_in_file)]
HeaderValue = Annotated[
    str,
    Field(max_length=8192),
    must(lambda text: HEADER_VALUE.fullmatch(text) is not None),
    expected("a header's value, in visible ASCII characters", show=False),
]
ThoughtField = Annotated[
    str,
    Field(max_length=100),
    must(lambda text: text not in _OTHER_FIELDS),
    expected('the name of a field that holds thoughts, such as "reasoning_content"'),
]
MarkerText = Annotated[str, Field(min_length=1, max_length=200), expected("a text of 1 to 200 characters")]
MarkerPair = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200)]],
    Field(min_length=2, max_length=2),
    AfterValidator(_marker_pair),
    expected('two different texts of 1 to 200 characters, such as ["<think>", "</think>"]'),
]
MarkerPairs = Annotated[list[MarkerPair], Field(max_length=32), AfterValidator(_distinct_openers)]
BudgetField = Annotated[
    str,
    Field(max_length=100),
    must(_is_budget_field),
    expected('the name of the body field that bounds reasoning tokens, or "" where there is none'),
]
Tokens = Annotated[int, Field(ge=0, le=1_000_000), expected("a whole number of tokens from 0 to 1000000")]
_FolderPath = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_placed)]
ProfilePath = Annotated[
    str, Field(max_length=4096), AfterValidator(_placed_if_any), expected("the path of a model profile")
]
RepositoryPath = Annotated[_FolderPath, expected("the path of a folder")]
Folder = Annotated[_FolderPath, must(_is_folder), expected("the path of a folder that is there")]
EngineFields = Annotated[dict[str, Any], AfterValidator(_engine_fields)]
