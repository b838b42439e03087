"""A limit on each of many short waits, for the price of one timer.

Rule: nearly all waits of a stream end long before their limits, so a timer is not moved from one wait to the next: it
rings at the moment that it was once set to, looks whether the wait that runs then is overdue, and is set anew if not.
How a wait is ended is `asyncio.Timeout`'s way, without its timer: the task is cancelled, and the cancellation, if it
comes out of the wait as ours, is taken back. What a limit means is for whoever waits.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class Rang(Exception):
    """The wait did not end before its limit, or was told to end."""


class Alarm:
    """Guards one wait at a time; `close` it when there will be no more."""

    __slots__ = ("_loop", "_ringing", "_rings_at", "_task", "_timer", "_until")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self._until = 0.0
        self._task: asyncio.Task[object] | None = None  # the one that waits
        self._ringing = False

    async def wait(self, step: Callable[[], Awaitable[T]], *, until: float) -> T:
        """Returns what `step` returns; cancels it and raises Rang at `until`, a moment on the loop's clock."""
        self._until = until
        if self._timer is None or until < self._rings_at:
            self._set(until)
        task = self._task = asyncio.current_task(self._loop)
        assert task is not None
        cancelled_before = task.cancelling()
        try:
            return await step()
        except asyncio.CancelledError:
            if not self._ringing or task.cancelling() > cancelled_before + 1:  # somebody else's, too
                raise
        finally:
            self._task = None
            if self._ringing:
                self._ringing = False
                task.uncancel()
        raise Rang

    def ring(self) -> None:
        """Ends the wait that runs, if there is one."""
        if self._task is not None and not self._ringing:
            self._ringing = True
            self._task.cancel()

    def close(self) -> None:
        """Leaves no timer behind; may be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, at: float) -> None:
        self.close()
        self._rings_at = at
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._task is None:  # the next wait sets it anew
            return
        if self._loop.time() < self._until:
            self._set(self._until)
        else:
            self.ring()
