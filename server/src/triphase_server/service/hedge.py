"""Two attempts side by side, where the first is slow to its first token: the one whose token comes first answers.

Rule: only a delta wins. An attempt that fails, or ends without having said anything, leaves the race to the other; the
last one's end is the end of the race. Whoever loses is closed at once, and its circuit learns nothing of that. Nothing
is switched after the first token, so that a hedge never shows in the answer. When a hedge may be made, and what becomes
of the winner, is `attempts.py`.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from triphase_server.core.errors import UpstreamError
from triphase_server.core.events import Delta
from triphase_server.service.attempt import Attempt
from triphase_server.service.enforced import EnforcedAttempt
from triphase_server.service.fleet import Lease
from triphase_server.service.waiting import Limit, Waiter


class Runner:
    """One attempt in a race, which has been begun; it waits by itself until it has won."""

    def __init__(self, attempt: Attempt | EnforcedAttempt, *, lease: Lease) -> None:
        self.attempt = attempt
        self.lease = lease
        self.deltas = attempt.deltas()
        self.first = asyncio.create_task(_first(self.deltas))

    async def aclose(self) -> None:
        """Ends it, whatever it does, and closes its connection; may be called again where it was cancelled."""
        if not self.first.done():
            self.first.cancel()
            await asyncio.wait((self.first,))
        if not self.first.cancelled():
            self.first.exception()  # else the loop complains that nobody looked
        await self.deltas.aclose()
        await self.attempt.aclose()
        self.attempt.waiter.close()


class Race:
    """The race that `first` begins; to be closed, whatever came of it.

    Args:
        first: The attempt that is not to be waited for alone.
        another: Begins another one, if there may be one.
        after_s: When it is asked for that.
        waiter: Lets heartbeats pass.
        total: The limit of the whole request.
        lost: Is told of each that leaves without having won, with what ended it. What it counts is counted at once:
            no cancellation can come in between.
    """

    def __init__(
        self,
        first: Runner,
        *,
        another: Callable[[], Runner | None],
        after_s: float,
        waiter: Waiter,
        total: Limit,
        lost: Callable[[Runner, BaseException], None],
    ) -> None:
        self.foremost = first
        self._running = [first]
        self._leaving: list[Runner] = []
        self._another = another
        self._hedge_at = asyncio.get_running_loop().time() + after_s
        self._waiter = waiter
        self._total = total
        self._lost = lost
        self.winner: Runner | None = None

    async def steps(self) -> AsyncGenerator[Runner | None, None]:
        """Yields a runner that was added, or `None` where a wait was interrupted, until there is a `winner`.

        Raises the error of the last one where all fail.
        """
        while True:
            await self._waiter.wait(self._something, limits=(self._total,))
            self._judge()
            if self.winner is not None:
                return
            await self._see_off()
            yield self._hedge()

    async def aclose(self, error: BaseException) -> None:
        """Closes all but the winner, `error` being what ended those that still ran; may be called again."""
        for runner in [runner for runner in self._running if runner is not self.winner]:
            self._leave(runner, error)
        await self._see_off()

    async def _something(self) -> None:
        left_s = self._hedge_at - asyncio.get_running_loop().time()
        timeout = None if math.isinf(left_s) else max(0.0, left_s)
        firsts = [runner.first for runner in self._running]
        await asyncio.wait(firsts, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

    def _hedge(self) -> Runner | None:
        if asyncio.get_running_loop().time() < self._hedge_at:
            return None
        self._hedge_at = math.inf
        added = self._another()
        if added is not None:
            self._running.append(added)
        return added

    def _judge(self) -> None:
        for runner in [runner for runner in self._running if runner.first.done()]:
            error = runner.first.exception()
            if error is None and (runner.first.result() or len(self._running) == 1):
                self.winner = runner
                return
            self._leave(runner, error or asyncio.CancelledError())
            if error is not None and not (self._running and isinstance(error, UpstreamError)):
                raise error

    def _leave(self, runner: Runner, error: BaseException) -> None:
        self._running.remove(runner)
        self._leaving.append(runner)
        self._lost(runner, error)
        self.foremost = next(iter(self._running), runner)

    async def _see_off(self) -> None:
        for runner in self._leaving:
            runner.first.cancel()
        while self._leaving:
            await self._leaving[0].aclose()
            del self._leaving[0]


async def _first(batches: AsyncGenerator[list[Delta], None]) -> list[Delta]:
    """Returns the first deltas; none where the answer ends without any."""
    async for deltas in batches:
        if deltas:
            return deltas
    return []


async def rest(runner: Runner, *, waiter: Waiter) -> AsyncGenerator[list[Delta], None]:
    """Yields all that the winner delivers, its first deltas too; from now on it waits by `waiter`."""
    runner.attempt.waiter.close()
    runner.attempt.waiter = waiter
    first = runner.first.result()
    if first:
        yield first
    async with aclosing(runner.deltas) as batches:
        async for deltas in batches:
            yield deltas


def own_waiter() -> Waiter:
    """Returns what an attempt in a race waits by: heartbeats are the race's matter."""
    return Waiter(heartbeat_s=math.inf, accepted_at=asyncio.get_running_loop().time())
