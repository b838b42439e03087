"""The use case: one request in, the events of its stream out.

Rule: the prompt summary is on its way before any upstream is asked, and every event that is due leaves before the next
wait. Asking the upstream is `attempt.py`; what becomes of an error is for whoever reads the stream.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from triphase_server.core.errors import (
    DeadlineExceeded,
    GatewayError,
    InternalError,
    InvalidRequest,
    ShuttingDown,
    Stage,
    UpstreamTotalTimeout,
    Violation,
)
from triphase_server.core.events import Event, Timings
from triphase_server.core.request import GenerationRequest
from triphase_server.core.route import Route
from triphase_server.service.admission import Visit
from triphase_server.service.attempts import Attempts
from triphase_server.service.catalog import Catalog
from triphase_server.service.fleet import Draw, Fleet
from triphase_server.service.leasing import Leasing
from triphase_server.service.ports import CallerLimits, Observer, Outcome, Upstream
from triphase_server.service.run import Run
from triphase_server.service.setup import Setup
from triphase_server.service.summaries import LocalWriter, ModelWriter, SummaryWriter
from triphase_server.service.summary_model import SummaryModel
from triphase_server.service.tally import Tally
from triphase_server.service.waiting import Limit, Waiter


class GenerateService:
    """Generates responses.

    `heartbeat_s` is the longest silence towards a client, and may be changed for those that ask from then on; `new_id`
    makes response ids, `draw` numbers in [0, 1). Once it is `ending`, a cancellation is the gateway's, and typed.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        fleet: Fleet,
        upstream: Upstream,
        admission: CallerLimits,
        observer: Observer,
        heartbeat_s: float,
        new_id: Callable[[], str],
        draw: Draw,
    ) -> None:
        self.ending = False
        self._catalog = catalog
        self._fleet = fleet
        self._draw = draw
        self._upstream = upstream
        self._admission = admission
        self._observer = observer
        self.heartbeat_s = heartbeat_s
        self._new_id = new_id

    async def stream(self, request: GenerationRequest, *, deadline: float | None = None) -> AsyncGenerator[Event, None]:
        """Yields the events of one response; `deadline` is the caller's, on the loop's clock.

        Raises GatewayError, with the metadata of the request, before or between events, also one that is thrown in.
        Must be closed (`aclosing`).
        """
        accepted_at = asyncio.get_running_loop().time()
        tally, visit, run = Tally(self._new_id()), None, None
        try:
            setup = self._setup(request.model)
            route = setup.route
            tally.route, tally.deployment = route.name, route.primary.name
            self._observer.began(route.name)
            visit = self._admission.begin(route.name, request)
            run = self._run(request, setup, visit, tally=tally, accepted_at=accepted_at, deadline=deadline)
            async with aclosing(run.events()) as events:
                async for event in events:
                    yield event
                    tally.note(event)
        except GatewayError as error:
            _fail(error, tally, run)
            raise
        except asyncio.CancelledError as cancelled:
            if not self.ending:
                raise
            if tally.completed:  # nothing is missing: what was ended is only the tidying up behind the last event
                return
            stopped = ShuttingDown()
            _fail(stopped, tally, run)
            raise stopped from cancelled
        except Exception as defect:
            failed = InternalError("the gateway failed; its log has the details")
            _fail(failed, tally, run)
            raise failed from defect
        finally:
            if visit is not None:
                visit.end(used_tokens=0 if run is None else run.used_tokens())
            self._observer.ended(_outcome(tally, run))

    def refuse(self, error: GatewayError) -> None:
        """Tells the observer of a request that broke the contract before it could be streamed."""
        outcome = Outcome(response_id=self._new_id(), route="", deployment="")
        error.metadata["response_id"] = outcome.response_id
        self._observer.ended(replace(outcome, error=error))

    def _setup(self, model: str) -> Setup:
        route = self._catalog.find(model)
        summarizes = route.summary_model
        return Setup(
            route=route,
            routes=self._catalog.chain(route),
            summarizes=self._catalog.find(summarizes.route) if summarizes else None,
            fleet=self._fleet.pinned(),
            upstream=self._upstream.pinned(),
            heartbeat_s=self.heartbeat_s,
        )

    def _run(
        self,
        request: GenerationRequest,
        setup: Setup,
        visit: Visit,
        *,
        tally: Tally,
        accepted_at: float,
        deadline: float | None,
    ) -> Run:
        route = setup.route
        _refuse_hidden_thoughts(request, route)
        waiter = Waiter(heartbeat_s=setup.heartbeat_s, accepted_at=accepted_at)
        total = _total_limit(route, accepted_at=accepted_at, deadline=deadline)
        leasing = Leasing(
            setup.fleet,
            admission=self._admission,
            visit=visit,
            routes=setup.routes,
            affinity_key=request.affinity_key,
            waiter=waiter,
            total=total,
        )
        attempts = Attempts(
            setup.upstream,
            leasing=leasing,
            routes=setup.routes,
            request=request,
            waiter=waiter,
            total=total,
            draw=self._draw,
            on_end=self._observer.attempted,
        )
        return Run(
            request,
            route=route,
            response_id=tally.response_id,
            attempts=attempts,
            waiter=waiter,
            accepted_at=accepted_at,
            new_writer=partial(_writer, setup, waiter),
        )


def _fail(error: GatewayError, tally: Tally, run: Run | None) -> None:
    tally.failed(error if run is None else run.described(error))


def _outcome(tally: Tally, run: Run | None) -> Outcome:
    if run is None:
        return tally.outcome(Timings())
    now = asyncio.get_running_loop().time()
    return tally.outcome(run.timings(now), normalized_by=run.normalized_by())


def _writer(setup: Setup, waiter: Waiter) -> SummaryWriter:
    summary_model = setup.route.summary_model
    if summary_model is None or setup.summarizes is None:
        return LocalWriter()
    lease = partial(setup.fleet.lease, (setup.summarizes,), affinity_key="")
    model = SummaryModel(setup.upstream, lease=lease, timeout_s=summary_model.timeout_s)
    return ModelWriter(model.ask, wake=waiter.wake)


def _refuse_hidden_thoughts(request: GenerationRequest, route: Route) -> None:
    if request.reasoning.include_raw and not route.raw_reasoning:
        message = "this model does not show its raw thoughts"
        raise InvalidRequest((Violation(field="reasoning.include_raw", description=message),))


def _total_limit(route: Route, *, accepted_at: float, deadline: float | None) -> Limit:
    total_s = route.primary.timeouts.total_s
    if deadline is not None and deadline < accepted_at + total_s:
        return Limit(deadline, lambda: DeadlineExceeded("the deadline of the request passed"))
    message = f"the request took more than {total_s:g} s in total"
    return Limit(accepted_at + total_s, lambda: UpstreamTotalTimeout(message, stage=Stage.STREAM))
