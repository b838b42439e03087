"""Sends the requests of a leg on time, and keeps what came of each until somebody has time to read it.

Its rule: deadlines are absolute. The loop's timer, which counts in ms, is set to end early; the rest is waited for turn
by turn of the loop, so that what arrives meanwhile gets its time, and the last 200 µs in place. Answers are read once
the leg is over. Only two are read before: one that a conversation goes on from, and the oldest one each time that what
waits takes more memory than `_MOST_WAITING`.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic_ns
from typing import Any, NamedTuple

from triphase_benchmark.client.dispatch import Dispatch
from triphase_benchmark.client.exchange import Exchange, Question, answered
from triphase_benchmark.client.leg import REQUEST_ROWS, Leg, Place, RowShape
from triphase_benchmark.client.parsing import Answer
from triphase_benchmark.client.ports import Target
from triphase_benchmark.client.progress import Counters
from triphase_benchmark.plan.values import PlannedRequest
from triphase_benchmark.records.error_kinds import ErrorKind

_EARLY_NS = 1_500_000
_SPIN_NS = 200_000
_MOST_WAITING = 256 * 1024 * 1024


class _Ended(NamedTuple):
    request: PlannedRequest
    due: int
    exchange: Exchange


class Sending:
    """One leg at one target."""

    def __init__(
        self, leg: Leg, target: Target, *, place: Place, counters: Counters, shape: RowShape = REQUEST_ROWS
    ) -> None:
        self._shape = shape
        self._leg = leg
        self._target = target
        self._place = place
        self._counters = counters
        self._dispatch = Dispatch(leg.requests, load=leg.load, places=leg.places)
        self._questions = {request.number: _question(request, leg) for request in leg.requests if request.after is None}
        self._ready = {number: target.prepare(question) for number, question in self._questions.items()}
        self._drops: dict[int, Callable[[], None]] = {}
        self._waiting: deque[_Ended] = deque()
        self._waiting_bytes = 0
        self._rows: list[Any] = []
        self._begin = 0
        self._armed_for = 0
        self._timer: asyncio.Handle | None = None
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._stopped = ""

    async def run(self, begin_ns: int) -> None:
        """Sends everything, from `begin_ns` on; returns when all has ended, or was stopped."""
        self._begin = begin_ns
        limit: asyncio.TimerHandle | None = None
        if self._leg.limit_s is not None:
            wait_s = (begin_ns - monotonic_ns()) / 1e9 + self._leg.limit_s
            limit = self._loop.call_later(max(wait_s, 0), self.stop, f"not over after {self._leg.limit_s:g} s")
        self._pump()
        try:
            await self._over
        finally:
            if limit is not None:
                limit.cancel()

    def stop(self, why: str = "the run was stopped") -> None:
        """Drops what runs and sends nothing more."""
        self._stopped = self._stopped or why
        for drop in tuple(self._drops.values()):
            drop()
        self._close()

    def rows(self) -> Iterator[Any]:
        """Gives all rows, once the leg is over; reads what was not read yet."""
        yield from self._rows
        while self._waiting:
            yield self._read_oldest()
        for request in self._dispatch.unsent:
            due = self._begin + (request.scheduled_ns or 0)
            yield self._shape.unsent(self._leg, self._place, request, due=due, why=self._stopped)

    def _pump(self) -> None:
        self._timer = None
        while not self._stopped and (due := self._dispatch.next_due()) is not None:
            due += self._begin
            wait = due - monotonic_ns()
            if wait > _SPIN_NS:
                self._armed_for = due
                self._arm(wait)
                return
            while monotonic_ns() < due:
                pass
            self._send()
        self._close()

    def _arm(self, wait: int) -> None:
        if wait > _EARLY_NS:
            self._timer = self._loop.call_later((wait - _EARLY_NS) / 1e9, self._pump)
        else:
            self._timer = self._loop.call_soon(self._pump)

    def _send(self) -> None:
        request, due = self._dispatch.take()
        due += self._begin
        number = request.number
        exchange = Exchange(lambda ended: self._ended(_Ended(request, due, ended)))
        self._counters.begun()
        drop = self._target.send(self._ready.pop(number), exchange)
        if not exchange.ended:
            self._drops[number] = drop

    def _ended(self, ended: _Ended) -> None:
        request, _, exchange = ended
        self._drops.pop(request.number, None)
        self._counters.ended(exchange, self._target.token_reads(exchange), due=ended.due)
        at = exchange.ended - self._begin
        if self._dispatch.continues(request.number):
            well = self._continue(ended)
        else:
            well = True
            self._waiting.append(ended)
            self._waiting_bytes += exchange.size
            if self._waiting_bytes > _MOST_WAITING:
                self._rows.append(self._read_oldest())
        for lost in self._dispatch.ended(request.number, at, well=well):
            why = f"its conversation ended with request {request.number}"
            self._rows.append(self._shape.unsent(self._leg, self._place, lost, due=exchange.ended, why=why))
        due = self._dispatch.next_due()
        if self._timer is None or (due is not None and due + self._begin < self._armed_for):
            if self._timer is not None:
                self._timer.cancel()
            self._pump()  # in place, since whoever waits for this end may be due at once

    def _continue(self, ended: _Ended) -> bool:
        """Reads an answer at once, and makes the turns that follow it."""
        answer, made = self._row_of(ended)
        self._rows.append(made)
        if answer.failure is not None:
            return False
        before = self._questions[ended.request.number]
        for request in self._leg.requests:
            if request.after == ended.request.number:
                added = _question(request, self._leg)
                self._questions[request.number] = replace(
                    added, turns=answered(before.turns, answer.output, added.turns)
                )
                self._ready[request.number] = self._target.prepare(self._questions[request.number])
        return True

    def _read_oldest(self) -> Any:
        ended = self._waiting.popleft()
        self._waiting_bytes -= ended.exchange.size
        return self._row_of(ended)[1]

    def _row_of(self, ended: _Ended) -> tuple[Answer, Any]:
        request, due, exchange = ended
        answer = self._target.read(exchange, asked_tokens=request.prompt.output_tokens)
        if exchange.failure is not None and exchange.failure[0] is ErrorKind.DROPPED:
            answer.failure = ErrorKind.DROPPED, self._stopped
        return answer, self._shape.of(self._leg, self._place, request, exchange, answer, due=due)

    def _close(self) -> None:
        if (self._stopped or self._dispatch.is_over) and not self._dispatch.running and not self._over.done():
            if self._timer is not None:
                self._timer.cancel()
            self._over.set_result(None)


def _question(request: PlannedRequest, leg: Leg) -> Question:
    prompt = request.prompt
    return Question(
        turns=tuple((message.role, message.content) for message in prompt.messages),
        output_tokens=prompt.output_tokens,
        extra_body=tuple((prompt.extra_body or {}).items()),
        cache_salt=leg.cache_salt,
        request_id=prompt.id if prompt.id.isascii() and prompt.id.isprintable() else "",
    )
