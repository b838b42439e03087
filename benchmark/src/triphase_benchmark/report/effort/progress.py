"""How a probe of effort shows that it goes on: which stage, how many requests, and how long each level has thought.

Its rule: what is shown meanwhile is for the eye alone, and is no result; the median of all answers so far may still
move. Displays are those of all commands (`report/progress.py`).
"""

from collections.abc import Hashable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from triphase_benchmark.report.progress import bar, clock
from triphase_benchmark.report.words import UNDEFINED, harmless, named, significant


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelProgress:
    """One level, or what is compared with one. `tokens`: the median of reasoning tokens so far; `None`: unknown."""

    name: str
    done: int
    failed: int
    tokens: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortSnapshot:
    """A probe at one moment. `stage` counts from 1, and is 0 before the first; `planned` is of the stages so far."""

    engine: str
    doing: str
    stage: int
    stages: int
    done: int
    planned: int
    in_flight: int
    elapsed_s: float
    levels: tuple[LevelProgress, ...] = ()

    @property
    def left_s(self) -> float | None:
        """How long this stage will still take at the mean pace so far; `None` before anything is done."""
        return self.elapsed_s * max(self.planned - self.done, 0) / self.done if self.done else None

    @property
    def news(self) -> Hashable:
        """What a log says a line for, when it changes."""
        return self.doing, self.stage

    def line(self) -> str:
        """All of it in a line."""
        lengths = ", ".join(f"{level.name} {_tokens(level)}" for level in self.levels if level.done)
        return f"{self._where()} · {self._figures()}" + (f" · reasoning tokens: {lengths}" if lengths else "")

    def drawn(self) -> RenderableType:
        """All of it for a terminal."""
        table = Table(box=None, padding=(0, 2, 0, 0))
        table.add_column("level")
        for title in ("done", "failed", "reasoning tokens, median"):
            table.add_column(title, justify="right")
        for level in self.levels:
            cells = (level.name, f"{level.done:,}", f"{level.failed:,}", _tokens(level))
            table.add_row(*(Text(cell) for cell in cells))
        share = min(self.done / max(self.planned, 1), 1.0)
        return Group(Text(self._where(), style="bold"), bar(share), Text(self._figures()), table)

    def told(self) -> Mapping[str, Any]:
        """All of it for programs."""
        return {**asdict(self), "left_s": self.left_s}

    def _where(self) -> str:
        place = f"stage {self.stage} of {self.stages} at most" if self.stage else "before the first stage"
        return f"{named(self.engine)} · {place} · {harmless(self.doing, 60)}"

    def _figures(self) -> str:
        requests = f"{self.done:,} of {self.planned:,} requests"
        return f"{requests} · {self.in_flight} in flight · {clock(self.left_s)} left of this stage"


def _tokens(level: LevelProgress) -> str:
    return UNDEFINED if level.tokens is None else significant(level.tokens)
