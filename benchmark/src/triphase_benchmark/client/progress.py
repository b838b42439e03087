"""What a run does at this moment: counters that workers write and their parent reads, in memory that both map.

Its rule: only counts and sums, each written by one worker alone, so that nothing is locked and nothing is sent. They
are for a display: what is reported comes from the rows. Times to the first token and between tokens are those of the
reads that may hold tokens (`ports.py`): over HTTP one may hold a role or several tokens, of a gateway only events of
tokens count, never summaries.
"""

import mmap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from triphase_benchmark.client.exchange import Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Counts since the run began, sums of ns, and the longest delay in ns."""

    begun: int = 0
    ended: int = 0
    failed: int = 0
    reads: int = 0
    first_waits: int = 0
    first_waits_ns: int = 0
    gaps: int = 0
    gaps_ns: int = 0
    delays_ns: int = 0
    longest_delay_ns: int = 0

    @property
    def in_flight(self) -> int:
        """How many requests run."""
        return self.begun - self.ended


_NAMES = tuple(field.name for field in fields(Progress))
_PLACE = {name: place for place, name in enumerate(_NAMES)}
_BYTES = 8 * len(_NAMES)


class Counters:
    """The counters of one worker; without a view they are its own."""

    def __init__(self, view: memoryview | None = None) -> None:
        self._values = view if view is not None else memoryview(bytearray(_BYTES)).cast("q")

    def begun(self) -> None:
        """Counts a request that is handed to its transport."""
        self._values[_PLACE["begun"]] += 1

    def ended(self, exchange: Exchange, token_reads: Sequence[tuple[int, bytes]], *, due: int) -> None:
        """Counts one that has ended; `due` on the clock of the exchange's times."""
        values = self._values
        values[_PLACE["ended"]] += 1
        values[_PLACE["failed"]] += exchange.failure is not None or exchange.status >= 300
        values[_PLACE["reads"]] += len(exchange.reads)
        if exchange.sent:
            delay = max(exchange.sent - due, 0)
            values[_PLACE["delays_ns"]] += delay
            values[_PLACE["longest_delay_ns"]] = max(values[_PLACE["longest_delay_ns"]], delay)
        if token_reads and exchange.sent:
            values[_PLACE["first_waits"]] += 1
            values[_PLACE["first_waits_ns"]] += token_reads[0][0] - exchange.sent
            values[_PLACE["gaps"]] += len(token_reads) - 1
            values[_PLACE["gaps_ns"]] += token_reads[-1][0] - token_reads[0][0]

    def read(self) -> Progress:
        """Returns what stands now."""
        return Progress(**dict(zip(_NAMES, self._values.tolist(), strict=True)))


class Board:
    """The counters of all workers, in one mapped file."""

    def __init__(self, path: Path, workers: int, *, create: bool = False) -> None:
        if create:
            path.write_bytes(bytes(_BYTES * workers))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _BYTES * workers)
        self._views = [
            memoryview(self._map)[_BYTES * worker : _BYTES * (worker + 1)].cast("q") for worker in range(workers)
        ]

    def counters(self, worker: int) -> Counters:
        """Those of one worker."""
        return Counters(self._views[worker])

    def read(self) -> Progress:
        """Adds up all of them."""
        return added(Counters(view).read() for view in self._views)


def added(parts: Iterable[Progress]) -> Progress:
    """The sums of counts; of the longest, the longest."""
    listed = list(parts)
    sums = {name: sum(getattr(part, name) for part in listed) for name in _NAMES}
    longest = max((part.longest_delay_ns for part in listed), default=0)
    return Progress(**{**sums, "longest_delay_ns": longest})
