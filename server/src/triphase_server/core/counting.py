"""How many tokens a text has, where no tokenizer is at hand: by its characters, at a ratio that is learned.

Its rule: the ratio is learned from whole answers that the engine counted, and stays the same for an answer once that
has begun, so that what is counted depends on the text alone. Chunks are not counted: an engine sends several tokens in
one, and how many of them come in one read is chance. A tokenizer's own count is `upstream/token_counters.py`.
"""

from collections.abc import Callable

_LEAST_TOKENS = 32  # of fewer, the markers and the white space that no one sees are too large a share
_WEIGHT = 0.2  # of one answer
_LEAST_RATIO, _MOST_RATIO = 0.5, 8.0


class CharacterEstimate:
    """Characters per token of one deployment: `first` until something was learned."""

    def __init__(self, first: float) -> None:
        self.ratio = first

    def learn(self, *, characters: int, tokens: int) -> None:
        """Takes how long an answer was, and how many tokens its engine says it had."""
        if tokens >= _LEAST_TOKENS and characters > 0:
            seen = min(max(characters / tokens, _LEAST_RATIO), _MOST_RATIO)
            self.ratio += _WEIGHT * (seen - self.ratio)

    def counter(self) -> Callable[[str], float]:
        """Returns what counts at the ratio of now."""
        ratio = self.ratio
        return lambda text: len(text) / ratio
