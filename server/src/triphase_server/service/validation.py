"""Who may have a model repository checked, and for how long: a gate of its own, the caller's deadline, the operator's.

Rule: one who comes in leaves again, however the check ends. Checks neither count against the limits of requests nor
wait behind them. What is allowed is `core/validation.py`, how one waits before a gate `gate.py`; how a check is made is
not known here.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from triphase_server.core.errors import AtCapacity, DeadlineExceeded, GatewayError, PolicyError, ValidationOff
from triphase_server.core.validation import ValidationPolicy
from triphase_server.service.gate import Gate, Turn
from triphase_server.service.ports import CheckObserver, CheckOutcome

_SUBJECT = "validation"
_SHORTEST_HINT_S = 1.0


@dataclass(slots=True, kw_only=True)
class Check:
    """One that was let in: what is allowed, and once it is known, what it found."""

    policy: ValidationPolicy
    verdict: str = ""
    findings: int = 0


class Validation:
    """The checks of one process; `draw` gives numbers in [0, 1), by which hints to come back are spread."""

    def __init__(self, policy: ValidationPolicy, *, observer: CheckObserver, draw: Callable[[], float]) -> None:
        self.policy = policy
        self._observer = observer
        self._gate = Gate(_SUBJECT, policy.concurrency)
        self._draw = draw

    def replace(self, policy: ValidationPolicy) -> None:
        """Puts another policy in force; who runs or waits stays."""
        self.policy = policy
        self._gate.adopt(policy.concurrency)

    def refuse(self, error: GatewayError) -> None:
        """Tells of a request that breaks the contract, and asks for nothing."""
        self._observer.checked(CheckOutcome(total_s=0.0, waited_s=0.0, error=error))

    @asynccontextmanager
    async def admitted(self, *, deadline: float | None) -> AsyncIterator[Check]:
        """Waits for a place, holds it, and tells how it ended. `deadline` is the caller's, on the loop's clock.

        Raises:
            ValidationOff: The operator does not offer it.
            AtCapacity: There is no place, and none to wait for, or none came in time.
            DeadlineExceeded: It passed before or inside.
        """
        now = asyncio.get_running_loop().time
        begun, placed, check = now(), None, Check(policy=self.policy)
        error: BaseException | None = None
        try:
            async with self._placed(check.policy, deadline):
                placed = now()
                yield check
        except BaseException as raised:
            error = raised
            raise
        finally:
            ended = now()
            self._observer.checked(
                CheckOutcome(
                    total_s=ended - begun,
                    waited_s=(ended if placed is None else placed) - begun,
                    verdict="" if error else check.verdict,
                    findings=check.findings,
                    error=error,
                )
            )

    @asynccontextmanager
    async def _placed(self, policy: ValidationPolicy, deadline: float | None) -> AsyncIterator[None]:
        if not policy.enabled:
            message = "the operator of this gateway has turned validation off"
            raise ValidationOff(message, subject=_SUBJECT, retry_after_s=None)
        try:
            async with asyncio.timeout_at(deadline) as limit:
                await self._enter()
                try:
                    yield
                finally:
                    self._gate.leave()
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeadlineExceeded("the deadline of the request passed") from None

    async def _enter(self) -> None:
        if self._gate.enter():
            return
        if self._gate.full:
            raise self._at_capacity("no more may wait")
        turn = Turn([self._gate])
        try:
            async with asyncio.timeout(self._gate.limits.max_wait_s):
                await turn.wait()
        except TimeoutError:
            turn.give_up()
            raise self._at_capacity("no place became free in time") from None
        except BaseException:
            turn.give_up()
            raise
        turn.take()

    def _at_capacity(self, what: str) -> PolicyError:
        return AtCapacity(
            f"the gateway checks as many repositories as it may, and {what}",
            subject=_SUBJECT,
            retry_after_s=max(_SHORTEST_HINT_S, self.policy.max_wait_s) * (1 + self._draw()),
        )
