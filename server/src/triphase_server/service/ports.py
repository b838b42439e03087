"""What the service needs from the outside, as Protocols: an upstream to ask, and somewhere to tell what happened.

Time comes from the running event loop (`loop.time()`, `asyncio.timeout_at`), so that tests replace the loop's clock,
not ours. Adapters: `upstream/client.py`, `telemetry/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from triphase_server.core.errors import GatewayError
from triphase_server.core.events import AttemptReason, Completed, PhaseCompleted, Timings
from triphase_server.core.generation import Framing
from triphase_server.core.request import GenerationRequest
from triphase_server.core.route import Deployment


class UpstreamResponse(Protocol):
    """A response whose head has arrived."""

    @property
    def framing(self) -> Framing:
        """What the body is."""

    async def read(self) -> bytes:
        """Returns the bytes that are ready, or waits for some; `b""` at the end.

        May be cancelled while it waits without losing a byte. Raises UpstreamError where the connection breaks.
        """

    async def close(self) -> None:
        """Closes the connection unless the body was read to its end; may be called twice. Never raises."""


class Upstream(Protocol):
    """Asks deployments for answers."""

    def pinned(self) -> "Upstream":
        """Returns the upstreams as they are configured now, for one request: no reload changes whom it asks."""

    async def open(
        self, deployment: Deployment, *, request: GenerationRequest, reasoning_body: Mapping[str, object]
    ) -> UpstreamResponse:
        """Sends the request and waits for the head of a successful response; the caller closes what it gets.

        `reasoning_body` holds the body fields of `effort.plan`. Raises UpstreamError for every other outcome. A
        cancelled call leaves no connection open.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOutcome:
    """How one attempt ended; `error` is whatever ended it, a cancellation too, and `None` where the answer is whole.

    `route` is the one that was asked for, also where a fallback of it has the deployment.
    Times are seconds since the attempt began; `first_token_s` is `None` where none came.
    """

    route: str
    deployment: str
    reason: AttemptReason
    total_s: float
    first_token_s: float | None = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a request ended: `completed`, `error`, or neither where the client went away. Holds no text of anyone.

    `route` is empty where the request never found one, `first_event_s` is when the first event had been taken, and
    `phases` holds those that were closed, in their order.
    """

    response_id: str
    route: str
    deployment: str
    total_s: float = 0.0
    completed: Completed | None = None
    error: GatewayError | None = None
    timings: Timings = Timings()
    first_event_s: float | None = None
    phases: tuple[PhaseCompleted, ...] = ()
    attempts: int = 0
    restarts: int = 0
    heartbeats: int = 0


class Observer(Protocol):
    """Is told what happened; must be quick and never raise."""

    def began(self, route: str) -> None:
        """A request found its route; `ended` follows, with the same name."""

    def attempted(self, attempt: AttemptOutcome) -> None:
        """An attempt ended."""

    def ended(self, outcome: Outcome) -> None:
        """A request ended, also one that never found a route."""
