"""The doors that are left for later: something small goes through each, so that it stays one."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeAlias

import grpc
import pytest
from rpc.gated_upstream import GatedUpstream
from rpc.live import serving
from rpc.samples import request
from rpc.test_generating import collect, whole
from server_fakes.rig import ask, rig
from server_fakes.upstream import chunk, finish
from triphase_server.core.errors import GatewayError, RateLimited
from triphase_server.core.events import Event
from triphase_server.core.limits import Limits
from triphase_server.core.request import GenerationRequest
from triphase_server.service.admission import Admission, Visit
from triphase_server.service.ports import Responses

pytestmark = pytest.mark.usefixtures("quiet")
STEPS = (chunk(content="85"), finish())
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
RETRIES = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "3600s",
                    "maxBackoff": "3600s",
                    "backoffMultiplier": 1,
                    "retryableStatusCodes": ["RESOURCE_EXHAUSTED"],
                },
            }
        ]
    }
)


class Keys(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Lets only calls with the right key pass."""

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]], details: grpc.HandlerCallDetails
    ) -> Handler:
        if ("authorization", "Bearer right") in [(key, value) for key, value in details.invocation_metadata or ()]:
            return await continuation(details)
        return grpc.unary_stream_rpc_method_handler(_refuse)


async def _refuse(_: object, context: Any) -> None:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no key")


class OncePerCaller(Admission):
    """Lets every caller, told apart by the id of its request, in once."""

    def __init__(self) -> None:
        super().__init__(Limits(), draw=lambda: 0.0)
        self._seen: set[str] = set()

    def begin(self, route: str, request: GenerationRequest) -> Visit:
        caller = request.client_request_id
        if caller in self._seen:
            raise RateLimited("once is enough", subject=f"caller:{caller}", retry_after_s=None)
        self._seen.add(caller)
        return super().begin(route, request)


class Buffer:
    """Keeps what the responses behind it said, and says it again to whoever asks the same."""

    ending = False

    def __init__(self, behind: Responses) -> None:
        self._behind = behind
        self._kept: dict[str, list[Event]] = {}

    async def stream(self, request: GenerationRequest, *, deadline: float | None = None) -> AsyncGenerator[Event, None]:
        if request.client_request_id not in self._kept:
            async with aclosing(self._behind.stream(request, deadline=deadline)) as events:
                self._kept[request.client_request_id] = [event async for event in events]
        for event in self._kept[request.client_request_id]:
            yield event

    def refuse(self, error: GatewayError) -> None:
        self._behind.refuse(error)


async def test_an_interceptor_sees_callers_before_anything_else_does() -> None:
    async with serving(upstream := GatedUpstream(STEPS), interceptors=(Keys(),)) as live:
        call: Any = live.stub.StreamGenerate(request())
        assert await call.code() is grpc.StatusCode.UNAUTHENTICATED
        assert not upstream.asked.is_set()
        assert not live.outcomes.all
        await collect(live.stub.StreamGenerate(request(), metadata=(("authorization", "Bearer right"),)))
        assert upstream.asked.is_set()


async def test_limits_of_callers_stand_before_those_of_routes() -> None:
    rig_ = rig(STEPS, STEPS)
    rig_.admission = OncePerCaller()
    await rig_.events(ask(client_request_id="a"))
    _, error = await rig_.failure(ask(client_request_id="a"))
    assert isinstance(error, RateLimited)
    assert error.subject == "caller:a"
    await rig_.events(ask(client_request_id="b"))


async def test_a_buffer_can_stand_between_a_response_and_its_reader() -> None:
    async with serving(upstream := GatedUpstream(STEPS), around=Buffer) as live:
        first = await collect(live.stub.StreamGenerate(request()))
        again = await collect(live.stub.StreamGenerate(request()))
        assert again == first
        assert len(upstream.responses) == 1


class OnceMore:
    """Refuses everyone once, with the time to come back."""

    ending = False

    def __init__(self, behind: Responses) -> None:
        self._behind = behind
        self.refused = 0

    async def stream(self, request: GenerationRequest, *, deadline: float | None = None) -> AsyncGenerator[Event, None]:
        if not self.refused:
            self.refused += 1
            raise RateLimited("not yet", subject="route:m", retry_after_s=0.01)
        async with aclosing(self._behind.stream(request, deadline=deadline)) as events:
            async for event in events:
                yield event

    def refuse(self, error: GatewayError) -> None:
        self._behind.refuse(error)


@pytest.mark.parametrize("streamed", [True, False], ids=["StreamGenerate", "Generate"])
async def test_a_clients_own_retries_come_back_when_they_are_told_to(streamed: bool) -> None:
    # Their own wait is an hour: only the gateway's hint brings them back.
    async with serving(GatedUpstream(STEPS), around=OnceMore, service_config=RETRIES) as live:
        if streamed:
            assert (await collect(live.stub.StreamGenerate(request())))[-1].HasField("completed")
        else:
            assert (await live.stub.Generate(whole(request()))).output
