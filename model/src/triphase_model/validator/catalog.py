"""The table of all rules, family after family.

Rule: a code is a letter and two digits, is given once and never to another rule. A family's rules stand at the end of
its file in `rules/`; what each finds, and why that is bad, is on its page in `pages/`.
"""

from collections.abc import Mapping
from typing import Final

from triphase_model.validator.rule import Rule
from triphase_model.validator.rules import (
    architecture,
    conversations,
    files,
    generation,
    pieces,
    quantization,
    rope,
    security,
    settings,
    shapes,
    stopping,
    template,
    tokenizer,
    vocabulary,
    weights,
)

# The letter of each family, the name of its page, and its rules.
FAMILIES: Final[Mapping[str, tuple[str, tuple[Rule, ...]]]] = {
    "F": ("files", files.RULES),
    "V": ("vocabulary", vocabulary.RULES),
    "T": ("stopping", stopping.RULES),
    "C": ("template", template.RULES + conversations.RULES),
    "A": ("architecture", architecture.RULES + shapes.RULES + settings.RULES),
    "W": ("weights", weights.RULES),
    "K": ("tokenizer", tokenizer.RULES),
    "P": ("pieces", pieces.RULES),
    "R": ("rope", rope.RULES),
    "G": ("generation", generation.RULES),
    "Q": ("quantization", quantization.RULES),
    "S": ("security", security.RULES),
}

RULES: Final = tuple(rule for _, rules in FAMILIES.values() for rule in rules)


def rule_of(code: str) -> Rule | None:
    """The rule of a code, in any case."""
    return next((rule for rule in RULES if rule.code == code.upper()), None)


def is_prefix(text: str) -> bool:
    """Whether the code of some rule begins so."""
    return any(rule.code.startswith(text) for rule in RULES)
