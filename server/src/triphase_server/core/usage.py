"""What an answer cost: the engine's counts where it counted, else estimates that say they are.

Estimated output is the larger of the number of chunks that said something (most engines send one token in each) and a
quarter of the characters; the share of thoughts in it goes by characters. Counting is not answering: counts that cannot
be read never spoil an answer, they only make the gateway estimate.
"""

from collections.abc import Mapping

import msgspec

from triphase_server.core.events import Delta, ReasoningDelta, ToolCallDelta, Usage

_CHARS_PER_TOKEN = 4  # of English text, by the tokenizers of today
_INT32_MAX = (1 << 31) - 1  # what the contract's counts can hold


class _Details(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None


class _Counts(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    completion_tokens_details: _Details | None = None
    prompt_tokens_details: _Details | None = None
    reasoning_tokens: int | None = None  # SGLang
    prompt_cache_hit_tokens: int | None = None  # DeepSeek

    @property
    def thoughts(self) -> int | None:
        """Reasoning tokens, or None where they were not counted."""
        details = self.completion_tokens_details
        return details.reasoning_tokens if details and details.reasoning_tokens is not None else self.reasoning_tokens

    @property
    def cached(self) -> int | None:
        """Input tokens from the engine's cache, or None where they were not counted."""
        details = self.prompt_tokens_details
        return details.cached_tokens if details and details.cached_tokens is not None else self.prompt_cache_hit_tokens


_decode = msgspec.json.Decoder(_Counts | None).decode


class UsageMeter:
    """Keeps the engine's latest counts (`report`, the JSON of a `usage` member) and counts along by itself."""

    def __init__(self) -> None:
        self.report = b""
        self.chunks = 0  # that said something
        self._reasoning_chars = 0
        self._chars = 0

    def add(self, delta: Delta) -> None:
        """Counts the characters of what leaves."""
        chars = len(delta.arguments) if isinstance(delta, ToolCallDelta) else len(delta.text)
        self._chars += chars
        if isinstance(delta, ReasoningDelta):
            self._reasoning_chars += chars

    @property
    def came(self) -> Mapping[str, int]:
        """How many characters have come, by channel."""
        return {"reasoning_characters": self._reasoning_chars, "output_characters": self._chars - self._reasoning_chars}

    @property
    def counted(self) -> bool:
        """Whether the engine counted."""
        return self._counts() is not None

    @property
    def counted_reasoning(self) -> bool:
        """Whether the engine counted thoughts apart."""
        counts = self._counts()
        return counts is not None and counts.thoughts is not None

    def usage(self, *, input_tokens: int) -> Usage:
        """Returns the cost; `input_tokens` is the caller's estimate, used where the engine did not count."""
        counts = self._counts()
        if counts is None:
            output = max(self.chunks, -(-self._chars // _CHARS_PER_TOKEN))
            return Usage(
                input_tokens=input_tokens,
                output_tokens=output,
                reasoning_tokens=self._share_of_thoughts(output),
                estimated=True,
                reasoning_estimated=True,
            )
        output = _bounded(counts.completion_tokens)
        return Usage(
            input_tokens=_bounded(counts.prompt_tokens),
            output_tokens=output,
            reasoning_tokens=self._share_of_thoughts(output) if counts.thoughts is None else _bounded(counts.thoughts),
            cached_tokens=_bounded(counts.cached),
            reasoning_estimated=counts.thoughts is None,
        )

    def _counts(self) -> _Counts | None:
        try:
            counts = _decode(self.report or b"null")
        except (ValueError, RecursionError):
            return None
        return counts if counts is not None and counts.completion_tokens is not None else None

    def _share_of_thoughts(self, output_tokens: int) -> int:
        return round(output_tokens * self._reasoning_chars / self._chars) if self._chars else 0


def _bounded(tokens: int | None) -> int:
    return min(max(tokens or 0, 0), _INT32_MAX)
