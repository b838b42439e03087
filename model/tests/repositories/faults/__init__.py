"""One table of faults for each family of rules; `ALL` has them together."""

from typing import Final

from repositories.faults import (
    architecture,
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

ALL: Final = (
    *files.FAULTS,
    *vocabulary.FAULTS,
    *stopping.FAULTS,
    *template.FAULTS,
    *architecture.FAULTS,
    *shapes.FAULTS,
    *settings.FAULTS,
    *weights.FAULTS,
    *tokenizer.FAULTS,
    *pieces.FAULTS,
    *rope.FAULTS,
    *generation.FAULTS,
    *quantization.FAULTS,
    *security.FAULTS,
)
