"""One attempt: one try at one deployment, from the request to the last delta.

Rule: what was begun is closed, whatever ends the attempt (`aclosing`), and nothing is read ahead of the consumer, so
that a slow client slows the upstream. Phases and summaries are not here: `generate.py` makes them of the deltas.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from triphase_server.core.detection import Detection
from triphase_server.core.effort import PlannedReasoning
from triphase_server.core.errors import (
    GatewayError,
    Stage,
    UpstreamError,
    UpstreamFirstByteTimeout,
    UpstreamFirstTokenTimeout,
    UpstreamOutputTimeout,
    UpstreamReasoningTimeout,
    UpstreamTimeout,
)
from triphase_server.core.events import Delta, Finished, ReasoningDelta, Usage, WaitingOn
from triphase_server.core.generation import Generation
from triphase_server.core.request import GenerationRequest
from triphase_server.core.route import Deployment
from triphase_server.service.ports import Upstream, UpstreamResponse
from triphase_server.service.waiting import Limit, Waiter

# How long an answer that is complete may wait for the end of its body, for the sake of the next request.
_END_OF_BODY_S = 0.1
# How long usage and the end marker may come after the finish reason.
_AFTER_FINISH_S = 5.0
# Deltas that are processed in one go. Adjacent ones of a kind are one already, unless they are long.
_MOST_AT_ONCE = 4


class Attempt:
    """Asks `deployment` once. `total` is the limit of the whole request, which the attempt inherits.

    It waits by `waiter`, which may be replaced between two of its steps. Where it goes on with an answer, `prelude` is
    what that goes on from, and `detection` how it is told apart.
    """

    def __init__(
        self,
        upstream: Upstream,
        *,
        deployment: Deployment,
        waiter: Waiter,
        total: Limit,
        on_first_token: Callable[[], None] | None = None,
        detection: Detection | None = None,
        prelude: str = "",
    ) -> None:
        self._upstream = upstream
        self.deployment = deployment
        self.waiter = waiter
        self._total = total
        self._generation: Generation | None = None
        self._opening: asyncio.Future[UpstreamResponse] | None = None
        self._on_first_token = on_first_token
        self._detection = detection or deployment.detection
        self._prelude = prelude
        self._first_byte = total
        self._silence = Limit(math.inf, self._silent)
        self._until_end: tuple[Limit, ...] = (self._silence, total)
        self._until_token: tuple[Limit, ...] = self._until_end
        self._answers = False
        self._has_concluded = False
        self.responded_at: float | None = None

    @property
    def answered(self) -> bool:
        """Whether the head of a successful response has arrived."""
        return self._generation is not None

    @property
    def committed(self) -> bool:
        """Whether the first thought, output or tool call has arrived."""
        return self._generation is not None and self._generation.committed

    @property
    def came(self) -> Mapping[str, int]:
        """How much of the answer has come, in characters, by channel."""
        return {} if self._generation is None else self._generation.came

    @property
    def waiting_on(self) -> WaitingOn:
        """What the attempt waits for."""
        if self._generation is None:
            return WaitingOn.UPSTREAM
        return WaitingOn.NEXT_TOKEN if self._generation.committed else WaitingOn.FIRST_TOKEN

    @property
    def finished(self) -> Finished:
        """The last word of the generation; only after `deltas` came to its end."""
        assert self._generation is not None
        assert self._generation.finished is not None
        return self._generation.finished

    @property
    def stopped(self) -> bool:
        """Whether the gateway closed the thought: never here (`enforced.py`)."""
        return False

    def usage(self, *, input_tokens: int) -> Usage:
        """What the generation cost: the engine's counts, else estimates from the caller's one for the input."""
        assert self._generation is not None
        return self._generation.usage(input_tokens=input_tokens)

    def begin(self, request: GenerationRequest, *, planned: PlannedReasoning) -> None:
        """Asks the upstream while the caller does other things."""
        self.open(self._upstream.open(self.deployment, request=request, reasoning_body=planned.body))

    def open(self, opening: Coroutine[Any, Any, UpstreamResponse]) -> None:
        """Waits for a response, whoever asks for it, while the caller does other things."""
        timeouts = self.deployment.timeouts
        self._first_byte = self._limit(timeouts.first_byte_s, UpstreamFirstByteTimeout)
        self._until_token = (*self._until_end, self._limit(timeouts.first_token_s, UpstreamFirstTokenTimeout))
        self._opening = asyncio.ensure_future(opening)

    async def deltas(self) -> AsyncGenerator[list[Delta], None]:
        """Yields what arrived together, or `[]` where a wait was interrupted so that the consumer can look around.

        Raises UpstreamError where the upstream fails; what arrived before is yielded first. Only after `begin`.
        """
        opening = self._opening
        assert opening is not None
        while not opening.done():
            await self.waiter.wait(partial(asyncio.wait, (opening,)), limits=(self._first_byte, self._total))
            if not opening.done():
                yield []
        self.responded_at = asyncio.get_running_loop().time()
        response = opening.result()
        generation = self._generation = Generation(
            self._detection, framing=response.framing, errors=self.deployment.errors, prelude=self._prelude
        )
        block: bytes | None = None
        self._heard()
        while block != b"":
            block = await self._next(response, generation)
            batches = self._take(block, generation)
            for some in batches:
                yield some
                if len(batches) > 1:
                    await asyncio.sleep(0)
            if generation.failure is not None:
                raise generation.failure
            if block is not None:
                self._heard()

    async def aclose(self) -> None:
        """Closes the connection, if there is one or may be one; keeps it for another request where that is possible."""
        opening, self._opening = self._opening, None
        if opening is None:
            return
        try:
            if self._generation is not None and self._generation.finished is not None and self._generation.ended:
                await _read_to_end(opening.result())
        finally:
            await _discard(opening)

    async def _next(self, response: UpstreamResponse, generation: Generation) -> bytes | None:
        """Returns the next bytes, `b""` where nothing more matters, or `None` where the wait was interrupted."""
        if generation.ended:
            return b""
        if generation.concluded:
            step = partial(_read_rest, response, until=self._silence.at)
            return await self.waiter.wait(step, limits=(self._total,))
        limits = self._until_end if generation.committed else self._until_token
        return await self.waiter.wait(response.read, limits=limits)

    def _take(self, block: bytes | None, generation: Generation) -> Sequence[list[Delta]]:
        """Returns what came together; in pieces, between which other streams have their turn, where it is a lot."""
        if block is None:
            return ([],)
        deltas = generation.feed(block) if block else generation.close()
        if not deltas:
            return ()
        self._note(deltas)
        return (deltas,) if len(deltas) <= _MOST_AT_ONCE else [[delta] for delta in deltas]

    def _note(self, deltas: list[Delta]) -> None:
        if self._on_first_token is not None:
            first_token, self._on_first_token = self._on_first_token, None
            first_token()
        self._answers = self._answers or any(not isinstance(delta, ReasoningDelta) for delta in deltas)

    def _heard(self) -> None:
        """Notes that the upstream said something: its silence begins anew, the last time at the finish reason."""
        if self._has_concluded:
            return
        self._has_concluded = self._generation is not None and self._generation.concluded
        self._silence.at = asyncio.get_running_loop().time() + self._silence_s()

    def _silence_s(self) -> float:
        timeouts = self.deployment.timeouts
        longest_s = timeouts.between_output_s if self._answers else timeouts.between_reasoning_s
        return min(longest_s, _AFTER_FINISH_S) if self._has_concluded else longest_s

    def _limit(self, after_s: float, kind: type[UpstreamTimeout]) -> Limit:
        return Limit(asyncio.get_running_loop().time() + after_s, partial(self._timeout, after_s, kind))

    def _silent(self) -> GatewayError:
        return self._timeout(self._silence_s(), UpstreamOutputTimeout if self._answers else UpstreamReasoningTimeout)

    def _timeout(self, after_s: float, kind: type[UpstreamTimeout]) -> GatewayError:
        stage = _STAGES[self.waiting_on]
        return kind(f"the upstream {_WITHHELD[kind]} for {after_s:g} s", stage=stage)


_STAGES = {
    WaitingOn.UPSTREAM: Stage.FIRST_BYTE,
    WaitingOn.FIRST_TOKEN: Stage.FIRST_TOKEN,
    WaitingOn.NEXT_TOKEN: Stage.STREAM,
}
_WITHHELD: Mapping[type[UpstreamTimeout], str] = {
    UpstreamFirstByteTimeout: "did not begin to answer",
    UpstreamFirstTokenTimeout: "gave no thought, output or tool call",
    UpstreamReasoningTimeout: "sent nothing, with no output yet,",
    UpstreamOutputTimeout: "sent nothing, amid its output,",
}


async def _read_rest(response: UpstreamResponse, *, until: float) -> bytes:
    # What may come behind a finish reason is usage and the end marker. An engine that sends neither and stays
    # connected, or whose connection breaks now, has answered all the same.
    try:
        async with asyncio.timeout_at(until):
            return await response.read()
    except (TimeoutError, UpstreamError):
        return b""


async def _read_to_end(response: UpstreamResponse) -> None:
    # Only a connection whose body ended can be used again, and the end comes right behind the end marker.
    with suppress(TimeoutError, UpstreamError):
        async with asyncio.timeout(_END_OF_BODY_S):
            while await response.read():
                pass


async def _discard(opening: "asyncio.Future[UpstreamResponse]") -> None:
    # A cancelled `open` leaves nothing behind; one that just succeeded does, and is closed here.
    if not opening.done():
        opening.cancel()
        await asyncio.wait((opening,))
    if not opening.cancelled() and opening.exception() is None:
        await opening.result().close()
