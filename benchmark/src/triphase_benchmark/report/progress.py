"""How a run shows that it goes on: a live display, plain lines, JSON lines for other programs, or nothing.

Its rule: it takes a snapshot, a value that the run makes as often as it likes, and knows no worker and no clock. All
times are seconds; what is not known yet is `None`, and shown as a dash.
"""

import json
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Protocol, TextIO, assert_never

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from triphase_benchmark.report.terminal import console_for
from triphase_benchmark.report.words import UNDEFINED, duration, harmless, named, significant

_BAR: Final = 40
_PLAIN_EVERY_S: Final = 10.0


class Mode(StrEnum):
    """How progress is shown. `LIVE` falls back to `PLAIN` where no terminal listens."""

    LIVE = "live"
    PLAIN = "plain"
    JSON = "json"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineProgress:
    """How one engine does in the rounds so far. `rate`: requests that ended in a second, of late."""

    name: str
    done: int
    failed: int
    in_flight: int
    rate: float | None = None
    ttft_s: float | None = None
    itl_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A run at one moment. `doing`: a few words, such as "warm-up". `round` counts from 1, and is 0 before the first.

    `planned`: requests of the whole run, warm-up included, as known now. `client_lag_s`: how late the client reads, at
    the 99th percentile; `client_ok`: whether that is little enough, `None` while nobody can tell.
    """

    doing: str
    round: int
    rounds: int
    turn: str | None
    done: int
    planned: int
    elapsed_s: float
    engines: tuple[EngineProgress, ...] = ()
    client_ok: bool | None = None
    client_lag_s: float | None = None

    @property
    def left_s(self) -> float | None:
        """How long the rest will take if it goes on at the mean pace so far; `None` before anything is done."""
        return self.elapsed_s * max(self.planned - self.done, 0) / self.done if self.done else None

    @property
    def news(self) -> Hashable:
        """What a log says a line for, when it changes."""
        return self.doing, self.round, self.turn

    def line(self) -> str:
        """All of it in a line."""
        return f"{where(self)} · {figures(self)}"

    def drawn(self) -> RenderableType:
        """All of it for a terminal."""
        return drawn(self)

    def told(self) -> Mapping[str, Any]:
        """All of it for programs."""
        return {**asdict(self), "left_s": self.left_s}


class Shown(Protocol):
    """A command at one moment: a `Snapshot` of a run, or what another command makes of itself."""

    @property
    def elapsed_s(self) -> float:
        """Since it began, in seconds."""

    @property
    def news(self) -> Hashable:
        """What a log says a line for, when it changes."""

    def line(self) -> str:
        """All of it in a line."""

    def drawn(self) -> RenderableType:
        """All of it for a terminal."""

    def told(self) -> Mapping[str, Any]:
        """All of it for programs, as JSON can have it."""


class Display(Protocol):
    """Where snapshots go."""

    def show(self, snapshot: Shown) -> None:
        """Shows how the run stands."""


@contextmanager
def display(mode: Mode, stream: TextIO) -> Iterator[Display]:
    """A display on a stream; it is closed at the end of the block, and leaves its last state to be seen."""
    console = console_for(stream)
    match mode:
        case Mode.QUIET:
            yield _Quiet()
        case Mode.JSON:
            yield _JsonLines(stream)
        case Mode.LIVE if console.is_terminal:
            with Live(console=console, auto_refresh=False) as live:
                yield _Live(live)
        case Mode.LIVE | Mode.PLAIN:
            yield _Plain(console)
        case _:
            assert_never(mode)


class _Quiet:
    def show(self, snapshot: Shown) -> None:
        pass


class _JsonLines:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def show(self, snapshot: Shown) -> None:
        self._stream.write(json.dumps({"event": "progress", **snapshot.told()}, allow_nan=False) + "\n")
        self._stream.flush()


class _Plain:
    """A line when something new begins, and one now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: Hashable = None
        self._next_s = 0.0

    def show(self, snapshot: Shown) -> None:
        new = snapshot.news
        if new == self._said and snapshot.elapsed_s < self._next_s:
            return
        self._said, self._next_s = new, snapshot.elapsed_s + _PLAIN_EVERY_S
        self._console.print(Text(snapshot.line()))


class _Live:
    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, snapshot: Shown) -> None:
        self._live.update(snapshot.drawn(), refresh=True)


def where(snapshot: Snapshot) -> str:
    """Which round it is, whose turn, and what happens."""
    place = f"round {snapshot.round} of {snapshot.rounds}" if snapshot.round else f"{snapshot.rounds} rounds"
    turn = f" · {named(snapshot.turn)}" if snapshot.turn is not None else ""
    return f"{place}{turn} · {harmless(snapshot.doing, 60)}"


def figures(snapshot: Snapshot) -> str:
    """Requests, the client's health, and the time that is left."""
    requests = f"{snapshot.done:,} of {snapshot.planned:,} requests"
    flight = sum(engine.in_flight for engine in snapshot.engines)
    return f"{requests} · {flight} in flight · {health(snapshot)} · {clock(snapshot.left_s)} left"


def health(snapshot: Snapshot) -> str:
    """The client's health in words."""
    verdict = {True: "client ok", False: "CLIENT TOO SLOW", None: "client not judged yet"}[snapshot.client_ok]
    return verdict + (f" (lag p99 {duration(snapshot.client_lag_s)})" if snapshot.client_lag_s is not None else "")


def clock(seconds: float | None) -> str:
    """A time to come, as minutes and seconds."""
    if seconds is None:
        return UNDEFINED
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def drawn(snapshot: Snapshot) -> Group:
    """The live display."""
    ill = snapshot.client_ok is False
    return Group(
        Text(where(snapshot), style="bold"),
        _bar(snapshot),
        Text(figures(snapshot), style="bold red" if ill else ""),
        _table(snapshot),
    )


def _bar(snapshot: Snapshot) -> Table:
    return bar(snapshot.done / max(snapshot.planned, 1))


def bar(done: float) -> Table:
    """A bar for a share of all, with that share beside it."""
    grid = Table.grid(padding=(0, 2))
    grid.add_row(ProgressBar(total=1, completed=min(done, 1), width=_BAR), Text(f"{done:.0%}"))
    return grid


def _table(snapshot: Snapshot) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("engine")
    for title in ("done", "failed", "in flight", "rate", "TTFT", "ITL"):
        table.add_column(title, justify="right")
    for engine in snapshot.engines:
        counts = (f"{engine.done:,}", f"{engine.failed:,}", f"{engine.in_flight:,}")
        rate = UNDEFINED if engine.rate is None else f"{significant(engine.rate)} req/s"
        running = (UNDEFINED if one is None else duration(one) for one in (engine.ttft_s, engine.itl_s))
        style = "bold" if engine.name == snapshot.turn else ""
        table.add_row(*(Text(text, style=style) for text in (named(engine.name), *counts, rate, *running)))
    return table
