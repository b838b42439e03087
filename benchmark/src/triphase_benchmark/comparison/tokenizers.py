"""Whether engines count tokens alike, judged by how many tokens they count for how many characters.

Its rule: where the ratios of two engines differ by more than 1 %, their tokens are not the same, and tokens per second
are not comparable; requests per second are. Only visible text is counted, with the tokens that it has: of an engine
that hides its thoughts, their tokens are taken off.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

_TOLERATED = 0.01


def tokens_per_character(requests: pa.Table) -> dict[str, float]:
    """Returns, by engine, the tokens per character of all answers of a table `REQUESTS` whose usage is known."""
    engines = requests["engine"].to_numpy()
    tokens, thoughts, shown, written = (
        np.asarray(requests[name].to_numpy(), dtype=np.float64)
        for name in ("output_tokens", "reasoning_tokens", "reasoning_characters", "output_characters")
    )
    visible = np.where((shown == 0) & (thoughts > 0), tokens - thoughts, tokens)
    told = requests["error"].is_null().to_numpy() & ~np.isnan(visible) & (shown + written > 0)
    ratios = {}
    for engine in dict.fromkeys(engines.tolist()):
        own = told & (engines == engine)
        if own.any():
            ratios[str(engine)] = float(visible[own].sum() / (shown + written)[own].sum())
    return ratios


def tokenizers_differ(ratios: Mapping[str, float]) -> bool:
    """Whether any two engines' tokens per character differ by more than 1 %; of one engine alone, no."""
    return bool(ratios) and max(ratios.values()) > (1 + _TOLERATED) * min(ratios.values())
