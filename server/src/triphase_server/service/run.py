"""One response in the making: which events come, and in which order.

Rule: `started` and the prompt summary leave before any upstream has answered, and every event that is due leaves before
the next wait. Where the deltas come from is `attempts.py`; what a delta means for the phases is `core/phases.py`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import replace

from triphase_server.core.errors import GatewayError
from triphase_server.core.events import (
    AttemptStarted,
    Completed,
    Delta,
    Event,
    Heartbeat,
    ReasoningDelta,
    Restarted,
    Started,
    Timings,
    Usage,
)
from triphase_server.core.phases import Phases
from triphase_server.core.request import GenerationRequest, SummaryDetail, estimated_tokens
from triphase_server.core.route import Route
from triphase_server.core.summary.prompt import summarize_prompt
from triphase_server.core.summary.reasoning import RollingSummarizer
from triphase_server.service.attempts import Attempts, Begun
from triphase_server.service.summaries import SummaryWriter
from triphase_server.service.waiting import Waiter


class Run:
    """The parts that take turns for one response; `new_writer` makes who writes its reasoning summary."""

    def __init__(
        self,
        request: GenerationRequest,
        *,
        route: Route,
        response_id: str,
        attempts: Attempts,
        waiter: Waiter,
        accepted_at: float,
        new_writer: Callable[[], SummaryWriter],
    ) -> None:
        self._request = request
        self._route = route
        self._response_id = response_id
        self._attempts = attempts
        self._waiter = waiter
        self._accepted_at = accepted_at
        self._new_writer = new_writer
        self._sent = 0
        self._next_part = 0
        self._void = Usage()  # what summaries cost that a restart voided
        self._delivered_from = 0
        self._begin_phases()

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yields all events, and notes after each that something was sent."""
        clock = asyncio.get_running_loop().time
        try:
            for event in self._opening(clock()):
                self._sent += 1
                yield event
            self._waiter.sent(clock())
            async with aclosing(self._attempts.steps()) as steps:
                async for step in steps:
                    if isinstance(step, Begun) and step.restarts:
                        await self._writer.close()
                    for event in self._after(step, clock()):
                        self._sent += 1
                        yield event
                        self._waiter.sent(clock())
            for event in self._ending(clock()):
                yield event
        finally:
            self._waiter.close()
            await self._attempts.aclose()
            await self._writer.close()

    def timings(self, now: float) -> Timings:
        """Returns when things happened so far; of what a restart voided, nothing."""
        attempt = self._attempts.attempt
        responded_at = None if attempt is None else attempt.responded_at
        return self._phases.timings(upstream_responded_at=responded_at, now=now)

    def described(self, error: GatewayError) -> GatewayError:
        """Returns the error that ends the response, with how far it came."""
        self._attempts.describe(error)
        return error

    def normalized_by(self) -> tuple[str, ...]:
        """Returns the keys of the rules that put the conversation otherwise for its deployment."""
        return self._attempts.normalized_by

    def used_tokens(self) -> int:
        """Returns what the answer cost so far, input and output: the engine's count, else an estimate."""
        attempt = self._attempts.attempt
        if attempt is None or not attempt.answered:
            return 0
        usage = attempt.usage(input_tokens=estimated_tokens(self._request))
        return usage.input_tokens + usage.output_tokens

    def _begin_phases(self) -> None:
        detail = self._request.reasoning.summary
        summarizes = self._route.reasoning_summary and detail is not SummaryDetail.NONE
        shows_raw = self._request.reasoning.include_raw
        self._phases = Phases(summarizes=summarizes, shows_raw=shows_raw, accepted_at=self._accepted_at)
        self._summarizer = RollingSummarizer(detail, next_index=self._next_part) if summarizes else None
        self._writer = self._new_writer()

    def _opening(self, now: float) -> Iterable[Event]:
        expected = self._attempts.expected
        yield Started(
            response_id=self._response_id,
            route=self._route.name,
            model=expected.deployment.model,
            reasoning=expected.planned.applied,
            client_request_id=self._request.client_request_id,
        )
        yield from self._prompt_summary(now)
        yield from self._phases.close(now=now)

    def _prompt_summary(self, now: float) -> Iterable[Event]:
        if not self._route.prompt_summary:
            self._attempts.begin()
            return
        opened, summary = self._phases.prompt(summarize_prompt(self._request), now=now)
        yield opened
        # The attempt's first step comes in the loop's next turn, when the summary is on its way to the client.
        self._attempts.begin()
        yield summary

    def _after(self, step: Begun | list[Delta], now: float) -> Iterable[Event]:
        return self._beginning(step) if isinstance(step, Begun) else self._batch(step, now)

    def _beginning(self, begun: Begun) -> Iterable[Event]:
        if begun.restarts:
            yield Restarted(discard_from_sequence=self._delivered_from)
            self._next_part = self._summarizer.next_index if self._summarizer else 0
            self._void = _sum(self._void, self._writer.usage())
            self._begin_phases()
        yield AttemptStarted(
            attempt=begun.number,
            deployment=begun.deployment.name,
            reason=begun.reason,
            reasoning=begun.planned.applied,
        )
        self._delivered_from = self._sent

    def _batch(self, deltas: list[Delta], now: float) -> list[Event]:
        events: list[Event] = []
        for delta in deltas:
            if isinstance(delta, ReasoningDelta):
                events += self._phases.delta(delta, now=now)
                if self._summarizer is not None:
                    events += self._writer.put(self._summarizer.feed(delta.text))
            else:
                events += self._end_of_thought()
                events += self._phases.delta(delta, now=now)
        events += self._phases.summary(self._writer.ready())
        if not deltas and self._waiter.heartbeat_due(now):
            events.append(Heartbeat(waiting_on=self._attempts.waiting_on))
        return events

    def _end_of_thought(self) -> Iterable[Event]:
        if self._summarizer is None or not self._phases.thinking:
            return ()
        return self._phases.summary([*self._writer.put(self._summarizer.close()), *self._writer.finish()])

    def _ending(self, now: float) -> Iterable[Event]:
        begun, attempt = self._attempts.answering, self._attempts.attempt
        assert attempt is not None
        yield from self._end_of_thought()
        yield from self._phases.close(now=now)
        summaries = _sum(self._void, self._writer.usage())
        yield Completed(
            finish_reason=attempt.finished.finish_reason,
            native_finish_reason=attempt.finished.native_finish_reason,
            usage=_sum(attempt.usage(input_tokens=estimated_tokens(self._request)), summaries),
            timings=self.timings(now),
            reasoning=replace(begun.planned.applied, stopped=attempt.stopped),
            deployment=begun.deployment.name,
            model=attempt.finished.model or begun.deployment.model,
            attempts=self._attempts.number,
            reasoning_unclosed=attempt.finished.reasoning_unclosed,
        )


def _sum(usage: Usage, summaries: Usage) -> Usage:
    return replace(
        usage,
        summary_input_tokens=usage.summary_input_tokens + summaries.summary_input_tokens,
        summary_output_tokens=usage.summary_output_tokens + summaries.summary_output_tokens,
    )
