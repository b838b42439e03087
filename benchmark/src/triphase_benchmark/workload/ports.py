"""What workloads need from a tokenizer."""

from typing import Protocol


class TokenCounter(Protocol):
    """Counts the tokens of a text, without those that a chat template or a beginning of text adds."""

    @property
    def name(self) -> str:
        """What the manifest calls it."""

    @property
    def exact(self) -> bool:
        """Whether it counts as the engine does, given the engine's own tokenizer; otherwise it is an estimate."""

    @property
    def digest(self) -> str | None:
        """SHA-256 of the tokenizer's file, in hexadecimal digits; `None` where there is none."""

    def count(self, text: str) -> int:
        """The number of tokens."""
