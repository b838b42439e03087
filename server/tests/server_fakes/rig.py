"""A service on a fake upstream, and requests for it: what the tests of the service begin with."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from triphase_server.core.events import Event
from triphase_server.core.limits import Limits
from triphase_server.core.request import GenerationRequest, Message, Role, TextPart
from triphase_server.core.retry import RetryPolicy
from triphase_server.core.route import Deployment, Route, Target, Timeouts
from triphase_server.service.admission import Admission
from triphase_server.service.catalog import Catalog
from triphase_server.service.fleet import Fleet
from triphase_server.service.gate import Gate
from triphase_server.service.generate import GenerateService
from triphase_server.service.ports import AttemptOutcome, Observer, Outcome

from server_fakes.clock import now
from server_fakes.upstream import FakeUpstream, Step


@dataclass
class Rig:
    """A service, its upstream, and what its observer was told; `observer` is told too."""

    upstream: FakeUpstream
    routes: dict[str, Route]
    heartbeat_s: float
    fleet: Fleet
    admission: Admission
    draw: float
    outcomes: list[Outcome] = field(default_factory=list)
    observer: Observer | None = None

    def began(self, route: str) -> None:
        if self.observer is not None:
            self.observer.began(route)

    def attempted(self, attempt: AttemptOutcome) -> None:
        if self.observer is not None:
            self.observer.attempted(attempt)

    def ended(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        if self.observer is not None:
            self.observer.ended(outcome)

    async def timed(
        self, request: GenerationRequest, *, deadline: float | None = None
    ) -> AsyncGenerator[tuple[float, Event], None]:
        """The events of a request, each with its time."""
        service = GenerateService(
            catalog=Catalog(self.routes),
            fleet=self.fleet,
            upstream=self.upstream,
            admission=self.admission,
            observer=self,
            heartbeat_s=self.heartbeat_s,
            new_id=lambda: "resp-1",
            draw=lambda: self.draw,
        )
        async with aclosing(service.stream(request, deadline=deadline)) as events:
            async for event in events:
                yield now(), event

    async def events(self, request: GenerationRequest) -> list[Event]:
        """All events of a request that succeeds."""
        return [event async for _, event in self.timed(request)]

    async def failure(
        self, request: GenerationRequest, *, deadline: float | None = None
    ) -> tuple[list[Event], Exception]:
        """The events of a request that fails, and its error."""
        seen: list[Event] = []
        try:
            async for _, event in self.timed(request, deadline=deadline):
                seen.append(event)
        except Exception as error:
            return seen, error
        raise AssertionError("the stream did not fail")


def deployment(name: str, *, timeouts: Timeouts | None = None, **changes: Any) -> Deployment:
    """A deployment at an upstream of its own."""
    plain = Deployment(name=name, upstream=f"u-{name}", model=f"engine-{name}", timeouts=timeouts or Timeouts())
    return replace(plain, **changes)


def rig(
    *scripts: Sequence[Step],
    opens_after_s: float = 0.0,
    heartbeat_s: float = 15.0,
    timeouts: Timeouts | None = None,
    targets: Sequence[Target] = (),
    draw: float = 0.0,
    limits: Limits | None = None,
    small: Deployment | None = None,
    **changes: Any,
) -> Rig:
    """A rig with the routes `m`, to which `changes` apply, and `small`; each `open` plays the next script.

    `m` makes one attempt at one deployment, unless `changes` say otherwise.
    """
    only = (Target(deployment=deployment("m-a", timeouts=timeouts)),)
    main = Route(name="m", targets=tuple(targets) or only, retry=RetryPolicy(max_attempts=1))
    beside = (Target(deployment=small or deployment("small-a")),)
    routes = {
        "m": replace(main, **changes),
        "small": Route(name="small", targets=beside, retry=RetryPolicy(max_attempts=1)),
    }
    admission = Admission(limits or Limits(), draw=lambda: draw)
    deployments = [t.deployment for route in routes.values() for t in route.targets]
    fleet = Fleet(deployments, gate_of=admission.gate_of, draw=lambda: draw)
    return Rig(FakeUpstream(*scripts, opens_after_s=opens_after_s), routes, heartbeat_s, fleet, admission, draw)


def open_gates() -> Callable[[str], Gate]:
    """What gives a fleet gates without limits."""
    return Admission(Limits(), draw=lambda: 0.0).gate_of


def ask(text: str = "What is 47 + 38?", **changes: Any) -> GenerationRequest:
    """A request for the route `m`."""
    messages = (Message(role=Role.USER, content=(TextPart(text),)),)
    return replace(GenerationRequest(model="m", messages=messages), **changes)
