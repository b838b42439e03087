"""Engines as a user writes them: `--engine NAME=URL[,key=value…]`, and the long form, `--engine-file engines.toml`.

Its rule: one clear error for each mistake, which names what was written and what is possible. The profile is what
`profile` says, else the name itself where there is a profile of that name, else `generic`. Nothing secret is taken:
a key is named by its variable.

    --engine vllm=http://localhost:8000,model=qwen,key=VLLM_KEY,price=0.2/0.6,header.x-team=a

    [engines.vllm]
    url = "http://localhost:8000"
    model = "qwen"
    key = "VLLM_KEY"
    price = { input = 0.2, output = 0.6 }
    headers = { x-team = "a" }
"""

import math
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from triphase_benchmark.engines.address import BadAddress, parse_address
from triphase_benchmark.engines.engine import Engine, Price
from triphase_benchmark.engines.profiles import ALIASES, PROFILES, find_profile

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # a token of RFC 9110
_KEYS = ("url", "profile", "model", "key", "headers", "price")
# Headers that hold secrets, and those that the client writes itself.
_SECRET = frozenset({"authorization", "api-key", "x-api-key", "cookie", "proxy-authorization"})
_OWN = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding"})


class BadEngine(ValueError):
    """What was written is no engine; the message says which and why."""


def parse_engine(text: str) -> Engine:
    """Reads `NAME=URL[,key=value…]`. Raises BadEngine."""
    name, equals, rest = text.partition("=")
    if not equals or not rest:
        raise BadEngine(f"--engine {text!r}: expected NAME=URL[,key=value…], as in vllm=http://localhost:8000")
    url, *pairs = rest.split(",")
    members: dict[str, Any] = {"url": url}
    headers: dict[str, str] = {}
    seen: set[str] = set()
    for pair in pairs:
        key, has_value, value = pair.partition("=")
        if not has_value:
            raise BadEngine(f"engine {name!r}: expected key=value, not {pair!r}")
        if key in members or key in seen:
            raise BadEngine(f"engine {name!r}: {key} stands twice")
        seen.add(key)
        if key.startswith("header."):
            headers[key.removeprefix("header.")] = value
        else:
            members[key] = _price_pair(name, value) if key == "price" else value
    if headers:
        members["headers"] = headers
    return make_engine(name, members)


def read_engine_file(path: Path) -> tuple[Engine, ...]:
    """Reads the engines of a TOML file, in its order. Raises BadEngine."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadEngine(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadEngine(f"{path}: not TOML: {error}") from None
    tables = document.get("engines")
    if not isinstance(tables, dict) or not tables or document.keys() != {"engines"}:
        raise BadEngine(f"{path}: expected tables [engines.NAME] and nothing else")
    return tuple(make_engine(name, table) for name, table in tables.items())


def make_engine(name: str, members: object) -> Engine:
    """Checks all members of one engine. Raises BadEngine."""
    if not _NAME.fullmatch(name):
        raise BadEngine(f"engine {name!r}: a name has letters, digits, '.', '_' and '-', at most 64")
    if not isinstance(members, Mapping):
        raise BadEngine(f"engine {name!r}: expected a table")
    for key in members.keys() - set(_KEYS):
        near = get_close_matches(key, _KEYS, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_KEYS)}"
        raise BadEngine(f"engine {name!r}: there is no {key!r}: {hint}")
    return Engine(
        name=name,
        url=_url(name, members.get("url")),
        profile=_profile(name, members.get("profile")),
        model=_text(name, "model", members.get("model")),
        key_variable=_variable(name, members.get("key")),
        headers=_headers(name, members.get("headers", {})),
        price=_price(name, members.get("price")),
    )


def _text(name: str, key: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise BadEngine(f"engine {name!r}: {key} is a text that is not empty")
    return value


def _url(name: str, value: object) -> str:
    url = _text(name, "url", value)
    if url is None:
        raise BadEngine(f"engine {name!r}: its url is missing")
    try:
        parse_address(url)
    except BadAddress as error:
        raise BadEngine(f"engine {name!r}: {error}") from None
    return url


def _profile(name: str, value: object) -> str:
    given = _text(name, "profile", value)
    profile = find_profile(given or name)
    if profile is None and given is not None:
        raise BadEngine(
            f"engine {name!r}: there is no profile {given!r}: there are {', '.join(sorted([*PROFILES, *ALIASES]))}"
        )
    return profile.name if profile is not None else "generic"


def _variable(name: str, value: object) -> str | None:
    variable = _text(name, "key", value)
    if variable is not None and not _VARIABLE.fullmatch(variable):  # not repeated: it may be the key itself
        raise BadEngine(f"engine {name!r}: key is the name of an environment variable, not the key itself")
    return variable


def _headers(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise BadEngine(f"engine {name!r}: headers are a table of texts")
    for header, text in value.items():
        if not _HEADER.fullmatch(header) or not isinstance(text, str) or not text.isascii() or not text.isprintable():
            raise BadEngine(f"engine {name!r}: {header!r} is no header with a text of printable ASCII")
        if header.lower() in _SECRET:
            raise BadEngine(f"engine {name!r}: {header} holds a secret: name its variable by key=VARIABLE instead")
        if header.lower() in _OWN:
            raise BadEngine(f"engine {name!r}: {header} is written by the client itself")
    return dict(value)


def _price_pair(name: str, value: str) -> dict[str, float]:
    try:
        cost_in, cost_out = (float(part) for part in value.split("/"))
    except ValueError:
        raise BadEngine(f"engine {name!r}: price is INPUT/OUTPUT per million tokens, as in 0.2/0.6") from None
    return {"input": cost_in, "output": cost_out}


def _price(name: str, value: object) -> Price | None:
    if value is None:
        return None
    if isinstance(value, Mapping) and value.keys() == {"input", "output"}:
        costs = [value["input"], value["output"]]
        if all(type(cost) in (int, float) and math.isfinite(cost) and cost >= 0 for cost in costs):
            return Price(input=float(costs[0]), output=float(costs[1]))
    raise BadEngine(f"engine {name!r}: price is an input and an output, each a number from 0 on")
