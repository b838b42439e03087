"""What came of rendering a template: one outcome for each probe, and what its source was seen to do.

Rule: whatever happens in the child process is a value here, also that it was stopped. What is asked is `probes.py`,
and what an outcome means for a model is `rules/template.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Failure(StrEnum):
    """Why a template could not be compiled or rendered."""

    SYNTAX = "syntax"
    UNKNOWN_NAME = "unknown_name"
    RAISED = "raised"
    UNDEFINED = "undefined"
    BLOCKED = "blocked"
    OTHER = "other"
    LIMIT = "limit"


class Seen(StrEnum):
    """What in a template's source is worth a finding of its own."""

    BLOW_UP = "blow_up"
    INTERNALS = "internals"
    LOADS = "loads"
    ADDRESS = "address"
    HIDDEN = "hidden"
    TRIGGER = "trigger"
    DATE = "date"
    GENERATION = "generation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one probe gave: a text, or why there is none."""

    text: str | None = None
    failure: Failure | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One thing seen in the source, with its line from 1."""

    what: Seen
    line: int
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """All that is known of one template. `refused` is why it could not be compiled; `line` goes with that.

    `literals` are the words and numbers that each variable is compared with.
    `lost` says why the child gave no answer at all, such as that it could not be started.
    """

    outcomes: Mapping[str, Outcome] = field(default_factory=lambda: MappingProxyType({}))
    refused: Failure | None = None
    detail: str = ""
    line: int | None = None
    variables: frozenset[str] = frozenset()
    literals: Mapping[str, tuple[str | int, ...]] = field(default_factory=lambda: MappingProxyType({}))
    seen: tuple[Sight, ...] = ()
    lost: str | None = None

    def text(self, probe: str) -> str | None:
        """What a probe rendered, where it did."""
        outcome = self.outcomes.get(probe)
        return outcome.text if outcome else None

    def failed(self, probe: str) -> Outcome | None:
        """Why a probe rendered nothing, where it did not."""
        outcome = self.outcomes.get(probe)
        return outcome if outcome and outcome.failure else None
