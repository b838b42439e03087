"""Asks the admin service of every worker: finds how many there are, and says which did not answer.

Rule: one that answers says which place it has and how many there are. The first is asked first, and others only where
it is silent, so that no stranger's port is touched in vain. Whoever answers from another place than its address says is
of another gateway and counts as silent. All are asked at once and none longer than the patience. Addresses are derived
in `addresses.py`; what an operator sees is `app/`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

import grpc
from triphase.admin.v1 import (
    AdminServiceStub,
    GetConfigurationRequest,
    GetStatusRequest,
    IsolateRequest,
    RestoreRequest,
)

from triphase_server.rpc.admin.addresses import of_worker
from triphase_server.rpc.admin.messages import from_configuration_response, from_deployments, from_status_response
from triphase_server.service.administration import DeploymentStatus, WorkerStatus

if TYPE_CHECKING:
    from triphase.admin.v1.admin_service_pb2_grpc import AdminServiceAsyncStub

    Ask = Callable[["AdminServiceAsyncStub"], Awaitable["T"]]

T = TypeVar("T")
# Where the first is silent, so many places in all are tried to find another.
_PLACES_TRIED = 8
_OPTIONS = [
    ("grpc.enable_http_proxy", 0),  # a proxy of the environment must not swallow calls to this machine
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),  # thousands of deployments are more than 4 MiB
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A worker that did not answer, or not as a worker of this gateway does; `reason` is for an operator to read."""

    address: str
    reason: str


class Workers:
    """The workers of the gateway whose admin service is configured to be at `listen`; `patience_s` bounds each call."""

    def __init__(self, listen: str, *, patience_s: float) -> None:
        self._listen = listen
        self._patience_s = patience_s

    async def status(self) -> Mapping[int, WorkerStatus | Silence]:
        """Returns the status of each worker by its place; where nobody answers, the first one's silence alone."""
        found = await self._statuses(range(1))
        if not _answered(found):
            found |= await self._statuses(range(1, _PLACES_TRIED))
        count = max((status.workers for status in _answered(found)), default=1)
        found |= await self._statuses(place for place in range(count) if place not in found)
        return {place: found[place] for place in range(count)}

    async def isolate(self, name: str, places: Iterable[int]) -> Mapping[int, tuple[DeploymentStatus, ...] | Silence]:
        """Shuts a deployment off in the workers of these places; returns all that share its circuit, for each."""

        async def ask(stub: "AdminServiceAsyncStub") -> tuple[DeploymentStatus, ...]:
            return from_deployments((await stub.Isolate(IsolateRequest(deployment=name))).deployments)

        return await self._each(places, ask)

    async def restore(self, name: str, places: Iterable[int]) -> Mapping[int, tuple[DeploymentStatus, ...] | Silence]:
        """Takes a deployment back in the workers of these places; returns all that share its circuit, for each."""

        async def ask(stub: "AdminServiceAsyncStub") -> tuple[DeploymentStatus, ...]:
            return from_deployments((await stub.Restore(RestoreRequest(deployment=name))).deployments)

        return await self._each(places, ask)

    async def configuration(self, places: Iterable[int]) -> Mapping[int, Mapping[str, object] | Silence]:
        """Returns what is configured in the workers of these places."""

        async def ask(stub: "AdminServiceAsyncStub") -> Mapping[str, object]:
            return from_configuration_response(await stub.GetConfiguration(GetConfigurationRequest()))

        return await self._each(places, ask)

    async def _statuses(self, places: Iterable[int]) -> dict[int, WorkerStatus | Silence]:
        async def ask(stub: "AdminServiceAsyncStub") -> WorkerStatus:
            return from_status_response(await stub.GetStatus(GetStatusRequest()))

        answers = await self._each(places, ask)
        return {place: self._of_this_gateway(place, answer) for place, answer in answers.items()}

    def _of_this_gateway(self, place: int, answer: WorkerStatus | Silence) -> WorkerStatus | Silence:
        if isinstance(answer, Silence) or answer.place == place:
            return answer
        # An operator may have taken the first that is asked from a line of another worker's log.
        whose = "of another gateway answers there" if place else "answers there; use the address of worker 0"
        reason = f"worker {answer.place} {whose}"
        return Silence(address=of_worker(self._listen, place), reason=reason)

    async def _each(self, places: Iterable[int], ask: "Ask[T]") -> dict[int, T | Silence]:
        asked = tuple(places)
        answers = await asyncio.gather(*(self._one(of_worker(self._listen, place), ask) for place in asked))
        return dict(zip(asked, answers, strict=True))

    async def _one(self, address: str, ask: "Ask[T]") -> T | Silence:
        async with grpc.aio.insecure_channel(address, options=_OPTIONS) as channel:
            stub = cast("AdminServiceAsyncStub", AdminServiceStub(channel))
            try:
                async with asyncio.timeout(self._patience_s):
                    return await ask(stub)
            except TimeoutError:
                return Silence(address=address, reason=f"no answer within {self._patience_s:g} s")
            except ValueError as error:
                return Silence(address=address, reason=str(error))
            except grpc.aio.AioRpcError as error:
                return Silence(address=address, reason=_reason(error))


def _answered(found: Mapping[int, WorkerStatus | Silence]) -> list[WorkerStatus]:
    return [status for status in found.values() if isinstance(status, WorkerStatus)]


def _reason(error: grpc.aio.AioRpcError) -> str:
    match error.code():
        case grpc.StatusCode.UNIMPLEMENTED:
            return "what answers there is no admin service"
        case grpc.StatusCode.UNAVAILABLE:
            # gRPC's own words name every address that it tried; the last of them say why.
            return (error.details() or "").rpartition(": ")[2] or "it cannot be reached"
        case _:
            return error.details() or error.code().name
