"""An upstream in memory that moves when a test says so: scripted by bytes, events to wait for and errors to raise.

Unlike `server_fakes.upstream` it lives on a real clock, so nothing in it takes time: what must not have happened yet is
held back by an event. It tells by events of its own what was asked and closed.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from server_fakes.upstream import FakeRendering
from triphase_server.core.enforcement import Continuation
from triphase_server.core.generation import Framing
from triphase_server.core.request import GenerationRequest
from triphase_server.core.route import Deployment

Step = bytes | asyncio.Event | BaseException


def forever() -> asyncio.Event:
    """A gate that nobody opens."""
    return asyncio.Event()


class GatedResponse:
    """Plays `steps` until they end, which ends the body."""

    framing = Framing.SSE

    def __init__(self, steps: Iterator[Step], *, waiting: asyncio.Event) -> None:
        self._steps = steps
        self._waiting = waiting
        self._gate: asyncio.Event | None = None
        self.reads = 0
        self.closed = asyncio.Event()

    async def read(self) -> bytes:
        """Returns the next bytes; a cancelled read loses none, since a gate stays where it is until it was passed."""
        while True:
            if self._gate is not None:
                self._waiting.set()
                await self._gate.wait()
                self._gate = None
            step = next(self._steps, b"")
            if isinstance(step, bytes):
                self.reads += 1
                return step
            if isinstance(step, BaseException):
                raise step
            self._gate = step

    async def close(self) -> None:
        self.closed.set()


@dataclass
class GatedUpstream:
    """Answers every `open` with `steps`; `opens` holds back or refuses the response head.

    Set once: `asked` by a call, `waiting` at a gate, `abandoned` where a call is cancelled before its head.
    """

    steps: Iterable[Step] = ()
    opens: asyncio.Event | BaseException | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    abandoned: asyncio.Event = field(default_factory=asyncio.Event)
    responses: list[GatedResponse] = field(default_factory=list)
    rendering: FakeRendering = field(default_factory=FakeRendering)

    def pinned(self) -> "GatedUpstream":
        return self

    async def open(
        self, deployment: Deployment, *, request: GenerationRequest, reasoning_body: Mapping[str, object]
    ) -> GatedResponse:
        self.asked.set()
        if isinstance(self.opens, BaseException):
            raise self.opens
        try:
            if self.opens is not None:
                self.waiting.set()
                await self.opens.wait()
        except asyncio.CancelledError:
            self.abandoned.set()
            raise
        self.responses.append(GatedResponse(iter(self.steps), waiting=self.waiting))
        return self.responses[-1]

    async def resume(
        self,
        deployment: Deployment,
        *,
        request: GenerationRequest,
        reasoning_body: Mapping[str, object],
        continuation: Continuation,
    ) -> GatedResponse:
        return await self.open(deployment, request=request, reasoning_body=reasoning_body)

    @property
    def response(self) -> GatedResponse:
        """The only response."""
        (response,) = self.responses
        return response
