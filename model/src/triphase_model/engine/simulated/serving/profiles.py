"""Named sets of settings, and the way from a profile, a file and the command line to the settings in force.

Its rule: what is more specific wins: the profile, then the file, then `KEY=VALUE`. The profiles have the wire shapes of
the engines that they are named after, and times that are plausible for a model of 8 billion parameters on one
accelerator. They are no measurements, and all that they say of themselves says so.
"""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from triphase_model.engine.simulated.serving.settings import Cache, Chunking, Jitter, Paced, Settings, Steps, Wire

_LABEL: Final = "simulated"

PROFILES: Final[Mapping[str, Settings]] = {
    "vllm": Settings(
        model="simulated-vllm",
        server="simulated-vllm",
        version="0.0.0+simulated.vllm",
        timing=Steps(),
        jitter=Jitter(kind="lognormal", cv=0.05),
        wire=Wire(role="own", reasoning="reasoning", usage="final", continuous_usage=True, ignore_eos=True),
    ),
    "friendli": Settings(
        model="simulated-friendli",
        server="simulated-friendli",
        version="0.0.0+simulated.friendli",
        timing=Steps(step_s=0.0074, sequence_s=0.000022, prefill_token_s=0.000027),
        jitter=Jitter(kind="lognormal", cv=0.05),
        wire=Wire(
            role="joined",
            reasoning="reasoning_content",
            usage="final",
            cached_details=False,
            continuous_usage=False,
            ignore_eos=False,
        ),
    ),
    "paced": Settings(model="simulated-paced", server="simulated-paced", version="0.0.0+simulated.paced"),
    "null": Settings(
        model="simulated-null",
        server="simulated-null",
        version="0.0.0+simulated.null",
        timing=Paced(first_s=0.0, prefill_token_s=0.0, token_s=0.0),
        chunking=Chunking(),
        cache=Cache(enabled=False),
    ),
}


class WrongSettings(Exception):
    """Settings that cannot be; the message is one line that names the place."""


def settings_of(
    profile: str, *, config: str | None = None, given: Sequence[str] = (), seed: int | None = None
) -> Settings:
    """The settings of a profile as a TOML text and then `KEY=VALUE` pairs change them.

    Raises:
        WrongSettings: There is no such profile, or a change is wrong.
    """
    chosen = PROFILES.get(profile)
    if chosen is None:
        raise WrongSettings(f"no profile {profile!r}; there are {', '.join(PROFILES)}")
    changes = _merged(_read(config), _nested(given))
    if seed is not None:
        changes["seed"] = seed
    try:
        settings = msgspec.convert(_merged(msgspec.to_builtins(chosen), changes), type=Settings)
    except msgspec.ValidationError as error:
        raise WrongSettings(str(error)) from error
    for name in ("model", "server", "version"):
        if _LABEL not in getattr(settings, name):
            raise WrongSettings(f"`{name}` must hold the word {_LABEL!r}: nobody is to take it for a real engine")
    return settings


def _read(config: str | None) -> dict[str, Any]:
    try:
        return tomllib.loads(config or "")
    except tomllib.TOMLDecodeError as error:
        raise WrongSettings(f"not TOML: {error}") from error


def _nested(given: Sequence[str]) -> dict[str, Any]:
    """`a.b=1` as `{"a": {"b": 1}}`; a value that is not TOML is a text."""
    changes: dict[str, Any] = {}
    for pair in given:
        path, equals, text = pair.partition("=")
        if not equals or not path:
            raise WrongSettings(f"expected KEY=VALUE, not {pair!r}")
        value: Any = _value(text)
        for name in reversed(path.strip().split(".")):
            value = {name: value}
        changes = _merged(changes, value)
    return changes


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Tables within tables, the new ones over the old; one of another kind replaces the whole table."""
    merged = dict(old)
    for name, value in new.items():
        before = merged.get(name)
        if isinstance(before, dict) and isinstance(value, dict) and _same_kind(before, value):
            merged[name] = _merged(before, value)
        else:
            merged[name] = value
    return merged


def _same_kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the members of two tables go together; all kinds of jitter have the same ones."""
    return "cv" in old or "kind" not in new or new["kind"] == old.get("kind", new["kind"])
