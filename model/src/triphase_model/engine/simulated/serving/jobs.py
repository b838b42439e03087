"""What a machine of time works on: a job, how far it has come, and the chunks that come of it.

Its rule: times are int nanoseconds of the monotonic clock, or of a test's own. What a chunk looks like is `wire.py`.
"""

from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One request as the machines see it.

    `chunks` are the tokens of each chunk, in order, at least one chunk. `blocks` are the hashes of the prompt's blocks,
    each of which holds all before it. `key` is what chance is drawn by, beside the seed.
    """

    key: str
    prompt_tokens: int
    chunks: tuple[int, ...]
    blocks: tuple[int, ...] = ()

    @property
    def output_tokens(self) -> int:
        """The tokens of all chunks."""
        return sum(self.chunks)


@dataclass(slots=True, kw_only=True, eq=False)
class Run:
    """How far a job has come. Machines change it, others read it.

    `made` tokens fill `chunk` chunks and perhaps a part of the next. `to_prefill` tokens are still to be read,
    `context` tokens are held in memory.
    """

    job: Job
    submitted_ns: int
    admitted_ns: int | None = None
    prefilled_ns: int | None = None
    cached_tokens: int = 0
    preemptions: int = 0
    made: int = 0
    chunk: int = 0
    to_prefill: int = 0
    context: int = 0
    service_ns: float = 0.0
    dropped: bool = False
    bounds: tuple[int, ...] = field(init=False)
    random: Random | None = None

    def __post_init__(self) -> None:
        """Adds up the chunks."""
        self.bounds = tuple(accumulate(self.job.chunks))

    @property
    def ended(self) -> bool:
        """Whether all chunks have been made."""
        return self.chunk == len(self.bounds)


class Made(NamedTuple):
    """A chunk that is due: the one at `place` in its run."""

    run: Run
    place: int
    due_ns: int


class Full(Exception):
    """No more jobs may wait."""


class TooLong(Exception):
    """The job would never fit into memory."""
