"""What the validator says: findings, how bad they are, where they are, and which witnesses say what.

Rule: a finding always names its witnesses, since most wrong repairs come from believing the wrong one. What makes a
finding is `rules/`, how it is printed `reports/`, and what mends it `fixes.py`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from triphase_model.validator.fixes import Fix, Kind, Remedy


class Severity(StrEnum):
    """How bad a finding is: it breaks the model; it makes it worse; it is only worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Engine(StrEnum):
    """The engines that findings tell apart."""

    VLLM = "vllm"
    SGLANG = "sglang"
    TRANSFORMERS = "transformers"
    LLAMA_CPP = "llama.cpp"
    TGI = "tgi"
    FRIENDLI = "friendli"


EVERY_ENGINE: Final = frozenset(Engine)


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a finding is: a file, the JSON pointer (RFC 6901) of a value in it, and the value's line, from 1.

    The pointer is empty where the whole file is meant, the line None where it is not known.
    """

    file: str
    pointer: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one witness says: `witness` names a file, a value in it, a tensor or a rendered text."""

    witness: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a check yields. `engines` and `severity` stand where this one differs from what the rule says of itself."""

    message: str
    at: Location
    evidence: tuple[Evidence, ...] = ()
    engines: frozenset[Engine] | None = None
    severity: Severity | None = None
    fix: Fix | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One place where a rule is broken."""

    rule: str
    title: str
    severity: Severity
    engines: frozenset[Engine]
    message: str
    at: Location
    evidence: tuple[Evidence, ...]
    fix: Fix | None


def is_weighty(finding: Finding) -> bool:
    """Whether it is more than worth knowing."""
    return finding.severity is not Severity.INFO


def kind_of_fix(finding: Finding) -> Kind:
    """What has to be decided before it is mended. What is only worth knowing is mended by nobody's word alone."""
    ways = finding.fix.ways.values() if finding.fix else ()
    if finding.fix and finding.fix.automatic and is_weighty(finding):
        return Kind.AUTO
    return Kind.CHOICE if any(isinstance(way, Remedy) for way in ways) else Kind.NONE
