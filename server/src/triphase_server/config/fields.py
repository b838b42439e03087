"""How a value of the configuration is checked: by one rule, told by one phrase of what is expected.

Rule: `expected` replaces whatever pydantic would say, so that a wrong type and a wrong range read alike. What depends
on other parts of the file, or on the machine, comes in as `Surroundings` by pydantic's context. The kinds of value are
in `kinds.py`, which key is of which kind in `schema.py`.
"""

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from triphase_server.config.errors import KeyPath
from triphase_server.config.profiles import Profiles

_NAMES_SHOWN = 20


class Table(BaseModel):
    """A table of the file."""

    # Inputs stay out of pydantic's own messages, since they may hold secrets.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a value may refer to: the environment, the file's folder, and the names in the file, right or wrong.

    `summarized_routes` are those that have a summary model of their own, `profiles` those of the models.
    """

    environ: Mapping[str, str] = field(repr=False)
    folder: Path
    upstreams: Collection[str] = ()
    deployments: Collection[str] = ()
    routes: Collection[str] = ()
    summarized_routes: Collection[str] = ()
    profiles: Profiles = field(default_factory=Profiles)


def surroundings(info: ValidationInfo) -> Surroundings:
    """Returns the context that `loading.py` passes to pydantic."""
    return cast("Surroundings", info.context)


def wrong(
    message: str, *, hint: str = "", at: KeyPath = (), show: bool = True, is_missing: bool = False
) -> PydanticCustomError:
    """Returns what a check raises.

    Args:
        message: What was expected, in full.
        hint: What follows the value that was found, such as `; did you mean "x"?`.
        at: The key inside the checked value that is wrong.
        show: Whether the value that was found is told. False wherever a secret may stand.
        is_missing: Whether nothing was found, so that there is nothing to tell of it.
    """
    context = {"message": message, "hint": hint, "at": at, "show": show, "is_missing": is_missing}
    return PydanticCustomError("expected", "{message}", context)


def expected(phrase: str, *, show: bool = True) -> WrapValidator:
    """Says `expected PHRASE` for whatever the rules beneath it refuse without words of their own."""

    def check(value: object, rules: ValidatorFunctionWrapHandler) -> object:
        try:
            return rules(value)
        except ValidationError as error:
            if any(e["type"] == "expected" for e in error.errors(include_url=False)):
                raise
        raise wrong(f"expected {phrase}", show=show)

    return WrapValidator(check)


def must(holds: Callable[[str], bool]) -> AfterValidator:
    """Takes a text for which `holds`; the words come from `expected` around it."""

    def check(text: str) -> str:
        if not holds(text):
            raise ValueError
        return text

    return AfterValidator(check)


def one_of(known: Collection[str], *, what: str) -> AfterValidator:
    """Takes one of a fixed set of names."""
    return _named(lambda _: known, what=what)


def name_in(known: Callable[[Surroundings], Collection[str]], *, what: str) -> AfterValidator:
    """Takes a name that the file itself gives to something."""
    return _named(lambda info: known(surroundings(info)), what=what)


def suggestion(name: str, *, known: Collection[str]) -> str:
    """Returns `; did you mean "x"?`, or nothing where no known name is near."""
    near = difflib.get_close_matches(name[:100], known, n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


def listed(known: Collection[str]) -> str:
    """Returns names as text, in their order, only the first of them where they are many."""
    names = list(known)
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more or "there is none"


def _named(known_to: Callable[[ValidationInfo], Collection[str]], *, what: str) -> AfterValidator:
    def check(name: str, info: ValidationInfo) -> str:
        known = known_to(info)
        if name not in known:
            raise wrong(f"expected {what} ({listed(known)})", hint=suggestion(name, known=known))
        return name

    return AfterValidator(check)
