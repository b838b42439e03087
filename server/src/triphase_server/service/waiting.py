"""Waits for one thing at a time while everything else stays on time: heartbeats, limits, and calls to look up.

Rule: whoever waits hands over a step that may be cancelled and begun again without loss. The wait ends when the step is
done, when a heartbeat is due, when someone calls `wake`, or at a limit, which is then raised as its own error. How a
wait is ended is `alarm.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from triphase_server.core.errors import GatewayError
from triphase_server.service.alarm import Alarm, Rang

T = TypeVar("T")


@dataclass(slots=True)
class Limit:
    """A moment on the loop's clock, which may be moved, and the error that passing it means."""

    at: float
    error: Callable[[], GatewayError]


class Waiter:
    """The patience of one stream. `sent` is to be called whenever an event went out, `close` at the end."""

    def __init__(self, *, heartbeat_s: float, accepted_at: float) -> None:
        self._heartbeat_s = heartbeat_s
        self._heartbeat_at = accepted_at + heartbeat_s
        self._alarm = Alarm()
        self._woken = False

    def sent(self, now: float) -> None:
        """Notes that an event went out, so that the next heartbeat is an interval away."""
        self._heartbeat_at = now + self._heartbeat_s

    def heartbeat_due(self, now: float) -> bool:
        """Whether nothing was sent for the heartbeat interval."""
        return now >= self._heartbeat_at

    def wake(self) -> None:
        """Ends the running wait, or the next one at once."""
        self._woken = True
        self._alarm.ring()

    def close(self) -> None:
        """Leaves no timer behind; may be called twice."""
        self._alarm.close()

    async def wait(self, step: Callable[[], Awaitable[T]], *, limits: tuple[Limit, ...]) -> T | None:
        """Returns what the step returns, or `None` where it was interrupted; raises the error of a passed limit."""
        if self._woken:
            self._woken = False
            return None
        until = self._heartbeat_at
        for limit in limits:
            until = min(until, limit.at)
        if until <= asyncio.get_running_loop().time():
            # A step that never has to wait would otherwise never be interrupted.
            _raise_passed(limits)
            return None
        try:
            return await self._alarm.wait(step, until=until)
        except Rang:
            self._woken = False
        _raise_passed(limits)
        return None


def _raise_passed(limits: tuple[Limit, ...]) -> None:
    now = asyncio.get_running_loop().time()
    for limit in limits:
        if now >= limit.at:
            raise limit.error()
