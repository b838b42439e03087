"""An event loop whose time is a number: it jumps to the next deadline whenever nothing can run.

The loop's own heap of timers is the heap of deadlines, so `asyncio.timeout`, `sleep` and `call_later` work unchanged
and two concurrent sleeps of a second take one second. A test that waits for what can never come fails at once.
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

P = ParamSpec("P")


class _JumpingSelector(selectors.DefaultSelector):
    """Never sleeps: passes the time that `select` was to wait on to the clock instead."""

    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("deadlock: every task waits for something that no timer will bring")
        if not ready and timeout:
            self._jump(timeout)
        return ready


class FakeClockLoop(asyncio.SelectorEventLoop):
    """The loop; its time begins at 0 seconds."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_JumpingSelector(self.advance))

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Passes time in which nothing else has its turn, as in a loop that is busy."""
        self._now += seconds


def on_fake_clock(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Runs an async test on a loop with a fake clock."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=FakeClockLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


def now() -> float:
    """The time of the running loop, rounded to what a test states."""
    return round(asyncio.get_running_loop().time(), 6)
