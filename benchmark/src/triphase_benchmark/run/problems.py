"""How a run can end, and what stops one before it begins.

Its rule: whatever was measured is kept, so once a leg has begun a run has an *ending*, and only before that an error.
Which exit code each gets is `cli/failures.py`.
"""

from enum import StrEnum


class Ending(StrEnum):
    """How a run ended."""

    WHOLE = "whole"  # all that was planned
    INTERRUPTED = "interrupted"  # by Ctrl-C, or by SIGTERM
    BROKEN = "broken"  # an engine, a worker or the disk failed midway


class CannotRun(Exception):
    """Nothing was measured, and nothing would be. `lines`: each a whole problem, for whoever started it."""

    def __init__(self, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


class BrokeOff(Exception):
    """The run cannot go on; what was measured before stands. The message is one line."""
