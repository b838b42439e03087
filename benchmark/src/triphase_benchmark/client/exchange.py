"""One request on its way: raw times and bytes, written while the clock runs, read when it no longer matters.

Its rule: nothing here is computed. All times are ns of the monotonic clock; 0 = it has not happened. Both transports
fill it alike: of HTTP `reads` are pieces of the body, of gRPC messages. What it means is `parsing.py` and `gateway.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from triphase_benchmark.records.error_kinds import ErrorKind

# A conversation's messages: role and content of each.
Turns = tuple[tuple[str, str], ...]


class Exchange:
    """What was measured of one request. `failure`: what broke on the way; `None`: nothing did."""

    __slots__ = ("content_type", "done", "ended", "failure", "reads", "responded", "sent", "size", "status")

    def __init__(self, done: Callable[["Exchange"], None]) -> None:
        self.done = done
        self.sent = 0
        self.responded = 0
        self.ended = 0
        self.status = 0
        self.content_type = ""
        self.size = 0
        self.reads: list[tuple[int, bytes]] = []
        self.failure: tuple[ErrorKind, str] | None = None

    def end(self, at: int, failure: tuple[ErrorKind, str] | None = None) -> None:
        """Closes it, once; later calls count for nothing."""
        if not self.ended:
            self.ended = at
            self.failure = failure
            self.done(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may take. `timeout_s`: until its end; `connect_s`: until a connection stands; sizes in bytes."""

    timeout_s: float = 600.0
    connect_s: float = 10.0
    head_bytes: int = 65_536
    body_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked once: the conversation, how many tokens it is to give, and members that the prompt brings.

    `request_id`: what engines may write into their logs, so that a request can be found there; empty sends none.
    """

    turns: Turns
    output_tokens: int | None = None
    extra_body: tuple[tuple[str, object], ...] = ()
    cache_salt: str | None = None
    request_id: str = ""


def answered(turns: Sequence[tuple[str, str]], output: str, added: Sequence[tuple[str, str]]) -> Turns:
    """The next turn of a conversation: all that was sent before, the answer, and what comes now."""
    return (*turns, ("assistant", output), *added)
