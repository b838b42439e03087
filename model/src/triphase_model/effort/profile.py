"""The model profile: what is known of one model about effort, thoughts and messages, as a file that people may edit.

Rule: a profile is read whole or not at all, and what is wrong in it is told by file, key and what was expected. Keys
that are unknown are wrong, so that no slip of a finger goes unseen; keys that are absent mean that nothing is known.
The file is TOML, or JSON where its name ends in `.json`; the former is written by `toml_writing.py`.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from triphase_model.effort.toml_writing import toml_text

MOST_BYTES: Final = 1 << 20
_PATH: Final = re.compile(r" - at (`key` in )?`\$\.?([^`]*)`$")
_SHA256: Final = r"^([0-9a-f]{64})?$"
# What a chat template may be given by name: the values that both TOML and JSON tell apart.
Scalar: TypeAlias = bool | int | float | str


class Effort(StrEnum):
    """How long a model is asked to think, in rising order."""

    NONE = "none"
    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


class Status(StrEnum):
    """What the control of a template does with the seven efforts.

    `none`: all prompts are equal. `binary`: it tells thinking from not thinking. `partial`: it tells two classes apart
    that both think. `graded`: three or more, or two that think and one that does not. `conditional`: it does something
    only where another variable is set. `raises`: it refuses at least one of the seven.
    """

    NONE = "none"
    BINARY = "binary"
    PARTIAL = "partial"
    GRADED = "graded"
    CONDITIONAL = "conditional"
    RAISES = "raises"


class Thought(StrEnum):
    """How a prompt leaves the thoughts: not begun (the model may begin them), begun, or begun and ended."""

    UNOPENED = "unopened"
    OPEN = "open"
    CLOSED = "closed"


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class Markers(_Part, frozen=True):
    """The texts around thoughts; `starts_open` is whether the prompt itself holds the first, by default."""

    open: str = ""
    close: str = ""
    starts_open: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError where a pair is no pair."""
        if bool(self.open) != bool(self.close) or (self.open and self.open == self.close):
            raise ValueError("open and close must be two different texts, or both empty")
        if self.starts_open and not self.open:
            raise ValueError("starts_open needs open and close")


class Level(_Part, frozen=True):
    """One effort that has a prompt of its own: the `chat_template_kwargs` that bring it about on any engine."""

    kwargs: Mapping[str, Scalar] = {}
    thought: Thought = Thought.UNOPENED


class EngineView(_Part, frozen=True):
    """What an engine makes of `reasoning_effort` alone: efforts of one class give the same prompt, byte for byte.

    `refused` are those that the engine or the template answers with an error. `default` is one of the class that a
    request without effort is in; none where it is in a class of its own.
    """

    classes: tuple[tuple[Effort, ...], ...] = ()
    refused: tuple[Effort, ...] = ()
    default: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError where an effort stands twice, or a class is empty."""
        named = [*(effort for one in self.classes for effort in one), *self.refused]
        if len(named) != len(set(named)) or not all(self.classes):
            raise ValueError("each effort must stand in one class or in refused, and no class may be empty")
        if self.default and self.default not in set(named) - set(self.refused):
            raise ValueError("default must be an effort of one of the classes")


class Control(_Part, frozen=True):
    """What the template can do: `default` is the level of a request without effort, none where it has no level.

    `variable` is what tells efforts apart, and `refused` the efforts at which the template raises if that is set to
    them. Levels stand in rising order.
    """

    status: Status = Status.NONE
    default: str = ""
    variable: Annotated[str, Meta(max_length=128)] = ""
    refused: tuple[Effort, ...] = ()
    levels: Mapping[Effort, Level] = {}
    engines: Mapping[str, EngineView] = {}

    def __post_init__(self) -> None:
        """Raises ValueError where levels do not rise, or the default is none of them."""
        order = [list(Effort).index(effort) for effort in self.levels]
        if order != sorted(order):
            raise ValueError(f"levels must stand in rising order, that is {', '.join(Effort)}")
        if self.default and self.default not in self.levels:
            raise ValueError("default must be one of the levels")


class Messages(_Part, frozen=True):
    """What must be done to a conversation before the template can take it whole; `keep` is nothing.

    `system`: `merge` joins all system messages into one at the beginning, `user` puts them before the first user
    message. `developer`: `system` gives such messages the role that the template knows. `alternation`: `merge` joins
    messages of one role that follow each other. `parts`: `text` joins content in parts to one text. `null_content`:
    `empty` makes null beside tool calls an empty text. `tool_arguments`: `object` parses a text of JSON.
    """

    system: Literal["keep", "merge", "user"] = "keep"
    developer: Literal["keep", "system"] = "keep"
    alternation: Literal["keep", "merge"] = "keep"
    parts: Literal["keep", "text"] = "keep"
    null_content: Literal["keep", "empty"] = "keep"
    tool_arguments: Literal["keep", "object"] = "keep"


class Tokenizer(_Part, frozen=True):
    """The file that tokens are counted by, relative to the profile's own folder; empty where there is none."""

    file: str = ""
    kind: Literal["", "sentencepiece", "tokenizers"] = ""

    def __post_init__(self) -> None:
        """Raises ValueError where one is given without the other."""
        if bool(self.file) != bool(self.kind):
            raise ValueError("file and kind go together")


class Profile(_Part, frozen=True):
    """All that is known of one model. `family` and `template_sha256` are empty where they are not known."""

    version: Literal[1]
    family: Annotated[str, Meta(max_length=128)] = ""
    template_sha256: Annotated[str, Meta(pattern=_SHA256)] = ""
    reasoning: Markers = Markers()
    effort: Control = Control()
    messages: Messages = Messages()
    tokenizer: Tokenizer = Tokenizer()


class NotAProfile(Exception):
    """A file that is no profile: `key` is where in it, empty for the file as such, `expected` what was expected."""

    def __init__(self, *, file: str, key: str, expected: str) -> None:
        super().__init__(f"{file}: {key}: {expected}" if key else f"{file}: {expected}")
        self.file = file
        self.key = key
        self.expected = expected


def read(path: Path) -> Profile:
    """Returns the profile in a file; raises NotAProfile."""
    try:
        with path.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no name for a file"
        raise NotAProfile(file=str(path), key="", expected=f"cannot be read: {why}") from error
    if len(data) > MOST_BYTES:
        raise NotAProfile(file=str(path), key="", expected=f"expected at most {MOST_BYTES} bytes")
    return parsed(data, file=str(path))


def parsed(data: bytes, *, file: str) -> Profile:
    """Returns the profile that some bytes hold; `file` says their form by its ending, and who they are in errors."""
    form = "JSON" if _is_json(file) else "TOML"
    try:
        text = data.decode("utf-8")
        value = json.loads(text) if form == "JSON" else tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise NotAProfile(file=file, key="", expected=f"expected {form} in UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise NotAProfile(file=file, key="", expected=f"expected {form}: {error or type(error).__name__}") from error
    try:
        return msgspec.convert(value, Profile)
    except msgspec.ValidationError as error:
        found = _PATH.search(str(error))
        key = found.group(2) if found else ""
        expected = _PATH.sub("", str(error))
        raise NotAProfile(file=file, key=key, expected=expected) from error


def write(profile: Profile, path: Path) -> None:
    """Writes a profile to a file, in the form that its name says; raises OSError."""
    path.write_text(as_text(profile, json_form=_is_json(path.name)), encoding="utf-8")


def as_text(profile: Profile, *, json_form: bool = False) -> str:
    """Returns what stands in the file of a profile."""
    value = msgspec.to_builtins(profile, str_keys=True)
    return json.dumps(value, indent=2) + "\n" if json_form else toml_text(value)


def _is_json(name: str) -> bool:
    return name.lower().endswith(".json")
