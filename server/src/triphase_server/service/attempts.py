"""The attempts of one request, one after the other, until one comes to its end.

Rule: before the first token of an attempt another one may follow, as `core/retry.py` decides, within one budget; after
it nothing is switched silently: the stream fails, or is restarted where both the route and the request want that. One
loop, tenacity's, around that decision; it never sleeps itself, since the wait must let heartbeats through.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from tenacity import AsyncRetrying, RetryCallState, stop_never, wait_none

from triphase_server.core.effort import PlannedReasoning
from triphase_server.core.errors import GatewayError, UpstreamError, UpstreamTimeout
from triphase_server.core.events import AttemptReason, Delta, WaitingOn
from triphase_server.core.request import GenerationRequest
from triphase_server.core.retry import Decision, GiveUp, Retry, decide, may_pass, same_may_help
from triphase_server.core.route import Deployment, OnMidstreamFailure, Route
from triphase_server.service.attempt import Attempt
from triphase_server.service.enforced import EnforcedAttempt
from triphase_server.service.fleet import Draw, Lease
from triphase_server.service.hedge import Race, Runner, own_waiter, rest
from triphase_server.service.leasing import Leasing
from triphase_server.service.plans import Plan, plans_for
from triphase_server.service.ports import AttemptOutcome, Upstream
from triphase_server.service.waiting import Limit, Waiter


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An attempt begins; `restarts` says that what an earlier one delivered is void."""

    number: int
    deployment: Deployment
    reason: AttemptReason
    planned: PlannedReasoning
    restarts: bool


Step: TypeAlias = Begun | list[Delta]


class Attempts:
    """All attempts of one request; `routes` are its own route and that one's fallbacks, `on_end` is told of each end.

    Raises InvalidRequest where none of their deployments can do what the request asks.
    """

    def __init__(
        self,
        upstream: Upstream,
        *,
        leasing: Leasing,
        routes: Sequence[Route],
        request: GenerationRequest,
        waiter: Waiter,
        total: Limit,
        draw: Draw,
        on_end: Callable[[AttemptOutcome], None],
    ) -> None:
        self._upstream = upstream
        self._leasing = leasing
        self._routes = routes
        self._request = request
        self._waiter = waiter
        self._total = total
        self._draw = draw
        self._on_end = on_end
        self._plans, leasing.unfit = plans_for(request, routes)
        self._tried: set[str] = set()
        self._spent: set[str] = set()  # those of them that would only fail again
        self._timed_out = False
        self._pause_s = 0.0
        self._reason = AttemptReason.FIRST
        self._same_may_help = False
        self._lease: Lease | None = None
        self._hedge_after_s = routes[0].hedge_after_s
        self._race: Race | None = None
        self._restarts = False
        self._ended: Lease | None = None
        self.attempt: Attempt | EnforcedAttempt | None = None
        self._begins: dict[str, Begun] = {}
        self.number = 0

    @property
    def expected(self) -> Plan:
        """What will be asked if all is well: the first fit deployment of the lowest priority number."""
        return next(iter(self._plans.values()))

    @property
    def waiting_on(self) -> WaitingOn:
        """What the request waits for."""
        if self._leasing.in_line:
            return WaitingOn.ADMISSION
        return self.attempt.waiting_on if self.attempt is not None else WaitingOn.UPSTREAM

    @property
    def answering(self) -> Begun:
        """The beginning of the attempt that answers; only where there is one."""
        assert self.attempt is not None
        return self._begins[self.attempt.deployment.name]

    @property
    def normalized_by(self) -> tuple[str, ...]:
        """What put the conversation otherwise for the deployment that answers, or that was asked last."""
        return () if self.attempt is None else self._plans[self.attempt.deployment.name].normalized.by

    def begin(self) -> None:
        """Asks the first deployment, if there is one to ask, while the caller does other things."""
        lease = self._leasing.at_once()
        if lease is not None:
            self._take(lease)

    async def steps(self) -> AsyncGenerator[Step, None]:
        """Yields each attempt's beginning and what it delivers, as `Attempt.deltas` does; only after `begin`."""
        retrying = AsyncRetrying(
            stop=stop_never, wait=wait_none(), sleep=_at_once, retry=self._another_follows, reraise=True
        )
        async for managed in retrying:
            with managed:
                async with aclosing(self._one()) as steps:
                    async for step in steps:
                        yield step

    def describe(self, error: GatewayError) -> None:
        """Adds to the error that ends the request what its caller needs to know: how far it came, what may help."""
        attempt = self.attempt
        error.metadata["attempts"] = str(self.number)
        error.metadata["retry_may_help"] = _yes_or_no(may_pass(error))
        error.metadata["committed"] = _yes_or_no(attempt is not None and attempt.committed)
        if attempt is not None:
            error.metadata["deployment"] = attempt.deployment.name
        if attempt is not None and attempt.committed:
            error.metadata.update({what: str(count) for what, count in attempt.came.items()})

    async def aclose(self) -> None:
        """Ends what is still open: an attempt that nobody read, the connection of one that is complete."""
        await self._end(asyncio.CancelledError())
        if self.attempt is not None:
            await self.attempt.aclose()

    async def _one(self) -> AsyncGenerator[Step, None]:
        async with aclosing(self._until_leased()) as pauses:
            async for pause in pauses:
                yield pause
        lease, attempt = self._lease, self.attempt
        assert lease is not None
        assert attempt is not None
        yield self._begun(lease, self._reason, restarts=self._restarts)
        try:
            async with aclosing(self._raced() if self._hedge_after_s else attempt.deltas()) as steps:
                async for step in steps:
                    yield step
        except BaseException as error:
            await self._end(error)
            raise
        # The connection is looked after in `aclose`, when the caller has been told that the answer is complete.
        lease, self._lease = self._lease, None
        assert lease is not None
        lease.end(None)
        self._on_end(self._outcome(lease, None))

    async def _raced(self) -> AsyncGenerator[Step, None]:
        """Yields what the first attempt delivers, or one that is begun beside it because it is slow."""
        first = self._runner()
        race = self._race = Race(
            first,
            another=partial(self._hedge, first),
            after_s=self._hedge_after_s,
            waiter=self._waiter,
            total=self._total,
            lost=self._lost,
        )
        async with aclosing(race.steps()) as steps:
            async for added in steps:
                self.attempt = race.foremost.attempt
                yield [] if added is None else self._begun(added.lease, AttemptReason.HEDGE)
        assert race.winner is not None
        self.attempt, self._lease = race.winner.attempt, race.winner.lease
        await race.aclose(asyncio.CancelledError())
        async with aclosing(rest(race.winner, waiter=self._waiter)) as batches:
            async for deltas in batches:
                yield deltas

    def _runner(self) -> Runner:
        """Gives the attempt that has just been begun, and its lease, to a race."""
        lease, self._lease = self._lease, None
        assert lease is not None
        assert self.attempt is not None
        return Runner(self.attempt, lease=lease)

    def _hedge(self, first: Runner) -> Runner | None:
        """Begins a second attempt, at another deployment, if there is one to ask and retries would not storm."""
        if self.number >= self._routes[0].retry.max_attempts:
            return None
        lease = self._leasing.at_once(tried=frozenset(self._tried | {first.lease.deployment.name}))
        if lease is None:
            return None
        if not first.lease.take_retry_token():  # who is slow pays, as who fails does
            lease.end(asyncio.CancelledError())
            return None
        self._take(lease)
        return self._runner()

    def _lost(self, runner: Runner, error: BaseException) -> None:
        runner.lease.end(error)
        self._on_end(self._outcome(runner.lease, error))
        if self._lease is None:  # nobody has won
            self.attempt, self._ended = runner.attempt, runner.lease
        else:
            runner.lease.outrun(after_s=self._hedge_after_s)
        if isinstance(error, UpstreamError):
            self._failed(runner.lease.deployment.name, error)

    def _why(self, lease: Lease) -> AttemptReason:
        """Returns why it is asked: another deployment than the last one is a fallback, even if it was asked before."""
        if self._ended is None:
            return AttemptReason.FIRST
        same = lease.deployment.name == self._ended.deployment.name
        return AttemptReason.RETRY if same else AttemptReason.FALLBACK

    def _begun(self, lease: Lease, reason: AttemptReason, *, restarts: bool = False) -> Begun:
        self.number += 1
        begun = Begun(
            number=self.number,
            deployment=lease.deployment,
            reason=reason,
            planned=self._plans[lease.deployment.name].planned,
            restarts=restarts,
        )
        self._begins[lease.deployment.name] = begun
        return begun

    async def _until_leased(self) -> AsyncGenerator[list[Delta], None]:
        """Waits as decided, and for a deployment; yields `[]` where a wait was interrupted."""
        if self._lease is not None:
            return
        tried = frozenset(self._spent if self._same_may_help else self._tried)
        async with aclosing(self._leasing.leased(after_s=self._pause_s, tried=tried)) as waits:
            async for lease in waits:
                if lease is None:
                    yield []
                else:
                    self._take(lease)

    def _take(self, lease: Lease) -> None:
        self._lease, self._reason = lease, self._why(lease)
        if not self.number:
            lease.note_request()
        self._ask(lease)

    def _ask(self, lease: Lease) -> None:
        plan = self._plans[lease.deployment.name]
        self.attempt = self._attempt(lease, plan.planned)
        self.attempt.begin(plan.normalized.request, planned=plan.planned)

    def _attempt(self, lease: Lease, planned: PlannedReasoning) -> Attempt | EnforcedAttempt:
        asks = EnforcedAttempt if planned.enforces else Attempt
        return asks(
            self._upstream,
            deployment=lease.deployment,
            waiter=own_waiter() if self._hedge_after_s else self._waiter,
            total=self._total,
            on_first_token=lease.first_token,
        )

    async def _end(self, error: BaseException) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            self._ended = lease
            lease.end(error)
            self._on_end(self._outcome(lease, error))
        if self._race is not None:
            await self._race.aclose(error)
        if lease is not None and self.attempt is not None:
            await self.attempt.aclose()

    def _outcome(self, lease: Lease, error: BaseException | None) -> AttemptOutcome:
        begun = self._begins.get(lease.deployment.name)
        return AttemptOutcome(
            route=self._routes[0].name,
            deployment=lease.deployment.name,
            reason=begun.reason if begun else self._reason,
            total_s=asyncio.get_running_loop().time() - lease.began_at,
            first_token_s=lease.first_token_s,
            error=error,
        )

    def _another_follows(self, state: RetryCallState) -> bool:
        """Decides, for tenacity, whether the loop goes on, and prepares what it goes on with."""
        outcome = state.outcome
        error = outcome.exception() if outcome is not None else None
        if not isinstance(error, UpstreamError) or self.attempt is None:
            return False
        committed = self.attempt.committed
        self._failed(self.attempt.deployment.name, error)
        decision = self._decide(error, restarts=committed and self._may_restart())
        assert self._ended is not None
        if isinstance(decision, GiveUp) or not self._ended.take_retry_token():
            return False
        self._timed_out = self._timed_out or isinstance(error, UpstreamTimeout)
        self._same_may_help = isinstance(decision, Retry)
        self._pause_s = decision.delay_s
        self._restarts = committed
        return True

    def _failed(self, deployment: str, error: BaseException) -> None:
        self._tried.add(deployment)
        if isinstance(error, UpstreamError) and not same_may_help(error):
            self._spent.add(deployment)

    def _decide(self, error: UpstreamError, *, restarts: bool) -> Decision:
        assert self.attempt is not None
        return decide(
            error,
            committed=self.attempt.committed and not restarts,
            attempt=self.number,
            policy=self._routes[0].retry,
            draw=self._draw(),
            others=self._leasing.offers(tried=frozenset(self._tried)),
            timed_out_before=self._timed_out,
            remaining_s=self._total.at - asyncio.get_running_loop().time(),
        )

    def _may_restart(self) -> bool:
        wanted = self._routes[0].on_midstream_failure is OnMidstreamFailure.RESTART
        return wanted and self._request.accept_restarts


def _yes_or_no(holds: bool) -> str:
    return "true" if holds else "false"


async def _at_once(_: float) -> None:
    """Stands for tenacity's sleep: the waiting is done where heartbeats can pass."""
