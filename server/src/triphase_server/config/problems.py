"""Turns what pydantic reports into problems: the key, its line, what was expected, and what was found.

Rule: what was found is told only where the check that refused it says so, or where it is a number, since a text may be
a secret that stands in the wrong place; the value of an unknown key is never told.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from triphase_server.config.errors import KeyPath, Problem
from triphase_server.config.fields import listed, suggestion
from triphase_server.config.schema import GatewayTable, UpstreamTable
from triphase_server.config.schema_deployment import (
    BreakerTable,
    DeploymentTable,
    DetectionTable,
    ErrorTable,
    TimeoutsTable,
)
from triphase_server.config.schema_effort import EffortTable
from triphase_server.config.schema_enforcement import EnforcementTable
from triphase_server.config.schema_limits import LimitsTable, RouteLimitsTable, UpstreamLimitsTable
from triphase_server.config.schema_messages import MessagesTable
from triphase_server.config.schema_route import RetryTable, RouteTable, SummaryModelTable, TargetTable
from triphase_server.config.schema_validation import ValidationTable
from triphase_server.config.source import Source

_SHOWN_CHARACTERS = 60

# What pydantic calls an error, and what we say. Whatever a check of ours raises has words of its own.
_WORDS: Mapping[str, str] = {
    "missing": "expected this key, which has no default",
    "model_type": "expected a table",
    "dict_type": "expected a table",
    "list_type": "expected a list",
    "string_type": "expected a text",
    "bool_type": "expected true or false",
    "too_long": "expected fewer items",
    "too_short": "expected at least one item",
}

# Where each table stands; `*` is a name that the operator gives, or any item of a list.
TABLES: Mapping[tuple[str, ...], type[BaseModel]] = {
    (): GatewayTable,
    ("limits",): LimitsTable,
    ("validation",): ValidationTable,
    ("upstreams", "*"): UpstreamTable,
    ("upstreams", "*", "limits"): UpstreamLimitsTable,
    ("deployments", "*"): DeploymentTable,
    ("deployments", "*", "detection"): DetectionTable,
    ("deployments", "*", "effort"): EffortTable,
    ("deployments", "*", "messages"): MessagesTable,
    ("deployments", "*", "enforcement"): EnforcementTable,
    ("deployments", "*", "timeouts"): TimeoutsTable,
    ("deployments", "*", "breaker"): BreakerTable,
    ("deployments", "*", "errors", "*"): ErrorTable,
    ("routes", "*"): RouteTable,
    ("routes", "*", "deployments", "*"): TargetTable,
    ("routes", "*", "retry"): RetryTable,
    ("routes", "*", "limits"): RouteLimitsTable,
    ("routes", "*", "summary_model"): SummaryModelTable,
}

# Keys that are refused with help: the secret itself belongs elsewhere.
_SECRET_KEYS = frozenset({"api_key", "apikey", "api_token", "key", "password", "secret", "token"})
_BELONGS_ELSEWHERE = (
    "expected no secret in this file; name the environment variable that holds it in the upstream's api_key_env, "
    "or the file that holds it in its api_key_file"
)


def problems_of(error: ValidationError, *, source: Source) -> Iterator[Problem]:
    """Yields one problem for each error."""
    for detail in error.errors(include_url=False):
        path = (*_path(detail["loc"], source.document), *detail.get("ctx", {}).get("at", ()))
        yield source.problem(path, message=_message(detail, path=path))


def _path(location: KeyPath, document: Mapping[str, Any]) -> KeyPath:
    # pydantic marks an error of a key, not of its value, by a last step that the file does not have. Nor does the file
    # have the inside of a table that a name stands for.
    around = _at(document, location[:-1])
    is_inside = isinstance(around, dict | list)
    is_mark = location[-1:] == ("[key]",) and is_inside and "[key]" not in around
    return location if is_inside and not is_mark else location[:-1]


def _at(document: Any, path: KeyPath) -> Any:
    for step in path:
        document = document[step]
    return document


def _message(detail: ErrorDetails, *, path: KeyPath) -> str:
    kind = detail["type"]
    if kind == "expected":
        return _own_words(detail)
    if kind == "extra_forbidden":
        return _unknown_key(path)
    words = _WORDS.get(kind, "expected another value")
    return words if kind in {"missing", "too_long", "too_short"} else words + _found(detail["input"], show=False)


def _own_words(detail: ErrorDetails) -> str:
    words = detail["ctx"]
    found = "" if words["at"] or words["is_missing"] else _found(detail["input"], show=words["show"])
    return str(words["message"]) + found + str(words["hint"])


def _unknown_key(path: KeyPath) -> str:
    key = str(path[-1])
    if key.lower() in _SECRET_KEYS:
        return _BELONGS_ELSEWHERE
    pattern = tuple("*" if index == 1 or isinstance(step, int) else step for index, step in enumerate(path[:-1]))
    known = tuple(TABLES[pattern].model_fields)
    return f"expected a known key ({listed(known)}){suggestion(key, known=known)}"


def _found(value: Any, *, show: bool) -> str:
    match value:
        case bool():
            return f", got {json.dumps(value)}"
        case int() | float():
            return f", got {_short(repr(value))}"
        case str():
            return f", got {_text(value)}" if show else ""
        case list():
            is_shown = show and all(isinstance(item, str) for item in value)
            return f", got {_text(value)}" if is_shown else f", got a list of {len(value)}"
        case dict():
            return ", got a table"
        case date() | time():  # a datetime is a date as well
            return ", got a date or time"
        case _:
            return ""  # what a check has made of the value: a secret


def _text(value: str | list[str]) -> str:
    # What no terminal should be made to obey is escaped.
    return _short(json.dumps(value, ensure_ascii=not "".join(value).isprintable()))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
