"""What the service needs from the outside, as Protocols: an upstream to ask, and somewhere to tell what happened.

Two more are doors, each with one way through it so far: who may come in, and where a response's events come from.
Time comes from the running event loop (`loop.time()`, `asyncio.timeout_at`), so that tests replace the loop's clock,
not ours. Adapters: `upstream/client.py`, `upstream/rendering.py`, `telemetry/`.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from triphase_server.core.enforcement import Continuation
from triphase_server.core.errors import GatewayError, PolicyError
from triphase_server.core.events import AttemptReason, Completed, Event, PhaseCompleted, Timings
from triphase_server.core.generation import Framing
from triphase_server.core.request import GenerationRequest
from triphase_server.core.route import Deployment
from triphase_server.core.watch import Count
from triphase_server.service.admission import Visit
from triphase_server.service.gate import Gate, Turn
from triphase_server.service.waiting import Limit


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


class Rendering(Protocol):
    """Knows what the models of deployments with enforcement read, as text, and counts it."""

    async def prompt(
        self, deployment: Deployment, *, request: GenerationRequest, reasoning_body: Mapping[str, object]
    ) -> str:
        """Returns the text that the engine makes of a request, up to where the model is to speak.

        Raises InvalidRequest where a text of the caller would be a control token in it, or the template refuses the
        conversation, and UpstreamContinuationFailed where it cannot be rendered.
        """

    async def prefill(
        self, deployment: Deployment, *, request: GenerationRequest, reasoning_body: Mapping[str, object], written: str
    ) -> str:
        """Returns the text that the engine makes of a request with `written` as a message that is not finished.

        Empty where the template does something else with it; raises what `prompt` raises.
        """

    def counter(self, deployment: Deployment) -> Count:
        """Returns what counts the tokens of one answer: a tokenizer, or what was learned of earlier answers."""

    def learn(self, deployment: Deployment, *, characters: int, tokens: int) -> None:
        """Takes how long a whole answer was, and how many tokens the engine says it had."""


class Upstream(Protocol):
    """Asks deployments for answers."""

    @property
    def rendering(self) -> Rendering:
        """What their models read."""

    def pinned(self) -> "Upstream":
        """Returns the upstreams as they are configured now, for one request: no reload changes whom it asks."""

    async def open(
        self, deployment: Deployment, *, request: GenerationRequest, reasoning_body: Mapping[str, object]
    ) -> UpstreamResponse:
        """Sends the request and waits for the head of a successful response; the caller closes what it gets.

        `reasoning_body` holds the body fields of `effort.plan`. Raises UpstreamError for every other outcome. A
        cancelled call leaves no connection open.
        """

    async def resume(
        self,
        deployment: Deployment,
        *,
        request: GenerationRequest,
        reasoning_body: Mapping[str, object],
        continuation: Continuation,
    ) -> UpstreamResponse:
        """Has the engine go on with an answer, by the deployment's enforcement; otherwise as `open`."""


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
    `phases` holds those that were closed, in their order. `normalized_by` are the keys of `messages` that put the
    conversation otherwise for the deployment.
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
    normalized_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """How a check of a model repository ended: with `verdict`, or by `error`, a cancellation too. No text of anyone.

    Times are seconds since it was asked for; `waited_s` is until it had a place, or until it ended without one.
    """

    total_s: float
    waited_s: float
    verdict: str = ""
    findings: int = 0
    error: BaseException | None = None


class CheckObserver(Protocol):
    """Is told of checks; must be quick and never raise."""

    def checked(self, outcome: CheckOutcome) -> None:
        """A check ended, also one that was refused."""


class Observer(Protocol):
    """Is told what happened; must be quick and never raise."""

    def began(self, route: str) -> None:
        """A request found its route; `ended` follows, with the same name."""

    def attempted(self, attempt: AttemptOutcome) -> None:
        """An attempt ended."""

    def ended(self, outcome: Outcome) -> None:
        """A request ended, also one that never found a route."""


class CallerLimits(Protocol):
    """Who may come in, and wait: `admission.py` goes by the route; limits for each caller stand before it.

    Raises PolicyError where a request may neither come in nor wait.
    """

    def begin(self, route: str, request: GenerationRequest) -> Visit:
        """Takes a request in, or lets it wait."""

    def queue(self, gates: Sequence[Gate]) -> Turn:
        """Waits before those of `gates` where more may wait."""

    def patience(self, gates: Sequence[Gate]) -> Limit:
        """Returns until when one waits before `gates`, from now on."""

    def at_capacity(self, gates: Sequence[Gate], *, waited: bool) -> PolicyError:
        """Returns what is told to one who finds no place."""


class Responses(Protocol):
    """Where the events of responses come from: `generate.py`; a buffer that streams are resumed from goes around it."""

    ending: bool

    def stream(self, request: GenerationRequest, *, deadline: float | None = None) -> AsyncGenerator[Event, None]:
        """Yields the events of one response; must be closed. Raises GatewayError, also one that is thrown in."""

    def refuse(self, error: GatewayError) -> None:
        """Is told of a request that broke the contract before it could be streamed."""
