"""One table of faults for each family of rules; `ALL` has them together."""

from typing import Final

from repositories.faults import (
    architecture,
    files,
    pieces,
    security,
    settings,
    shapes,
    stopping,
    template,
    vocabulary,
    weights,
)

ALL: Final = (
    *files.FAULTS,
    *vocabulary.FAULTS,
    *stopping.FAULTS,
    *template.FAULTS,
    *architecture.FAULTS,
    *shapes.FAULTS,
    *settings.FAULTS,
    *weights.FAULTS,
    *pieces.FAULTS,
    *security.FAULTS,
)
