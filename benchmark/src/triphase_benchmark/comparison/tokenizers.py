"""Whether engines count tokens alike, judged by how many tokens they count for how many characters.

Its rule: where the ratios of two engines differ by more than 1 %, their tokens are not the same, and tokens per second
are not comparable; requests per second are. Only visible text is counted, with the tokens that it has: of an engine
that hides its thoughts, their tokens are taken off.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from triphase_benchmark.metrics.turns import Stored, turns_of

_TOLERATED = 0.01
_READ = ("error", "output_tokens", "reasoning_tokens", "reasoning_characters", "output_characters")


def tokens_per_character(requests: Stored) -> dict[str, float]:
    """Returns, by engine, the tokens per character of all answers of a table `REQUESTS` whose usage is known."""
    sums: dict[str, NDArray[np.float64]] = {}
    for turn in turns_of(requests, _READ):
        tokens, thoughts, shown, written = (
            np.asarray(turn.requests[name].to_numpy(), dtype=np.float64) for name in _READ[1:]
        )
        visible = np.where((shown == 0) & (thoughts > 0), tokens - thoughts, tokens)
        told = turn.requests["error"].is_null().to_numpy() & ~np.isnan(visible) & (shown + written > 0)
        here = np.array([visible[told].sum(), (shown + written)[told].sum()])
        sums[turn.engine] = sums.get(turn.engine, np.zeros(2)) + here
    return {engine: float(tokens / characters) for engine, (tokens, characters) in sums.items() if characters}


def tokenizers_differ(ratios: Mapping[str, float]) -> bool:
    """Whether any two engines' tokens per character differ by more than 1 %; of one engine alone, no."""
    return bool(ratios) and max(ratios.values()) > (1 + _TOLERATED) * min(ratios.values())
