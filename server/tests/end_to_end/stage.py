"""The whole gateway, as the application wires it, between a real client and an upstream on a real socket."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
from triphase.gateway.v1 import GenerateRequest, GenerateResponse, StreamGenerateRequest, StreamGenerateResponse
from triphase_client import Client, TriphaseError
from triphase_model.engine.server import serve
from triphase_model.engine.simulated import Script, SimulatedModel
from triphase_server.app.gateway import running
from triphase_server.config import GatewayConfig
from triphase_server.core.effort_policy import EffortPolicy
from triphase_server.core.retry import RetryPolicy
from triphase_server.core.route import Deployment, Route, Target, Timeouts
from triphase_server.upstream.settings import Secret, UpstreamSettings

GUARD_S = 30.0  # only against hanging: no test waits for it
KEY = "sk-secret-of-the-operator-4711"
# These tests are about one attempt; what follows a failed one is tested by itself.
ONE_ATTEMPT = RetryPolicy(max_attempts=1)
# Stands in whatever an upstream writes, and in no error that a caller gets.
MARK = "words-of-the-upstream"


@dataclass(frozen=True)
class Stage:
    """A gateway that serves, and a client of it."""

    client: Client
    address: str

    async def events(self, request: StreamGenerateRequest, **options: Any) -> list[StreamGenerateResponse]:
        return [event async for event in self.client.stream(request, **options)]

    async def generate(self, request: StreamGenerateRequest) -> GenerateResponse:
        """Calls the unary method, which the client library leaves alone."""
        async with grpc.aio.insecure_channel(self.address, [("grpc.enable_http_proxy", 0)]) as channel:
            call: Any = channel.unary_unary(
                "/triphase.gateway.v1.GatewayService/Generate",
                request_serializer=GenerateRequest.SerializeToString,
                response_deserializer=GenerateResponse.FromString,
            )
            answer = await call(GenerateRequest.FromString(request.SerializeToString()))
            assert isinstance(answer, GenerateResponse)
            return answer

    async def failure(self, request: StreamGenerateRequest, **options: Any) -> "Failure":
        """Returns how a request fails, with the events that came before."""
        seen: list[StreamGenerateResponse] = []
        try:
            async for event in self.client.stream(request, **options):
                seen.append(event)  # noqa: PERF401 - what came before the failure counts
        except TriphaseError as error:
            return Failure(error, seen)
        raise AssertionError("the request did not fail")


@dataclass(frozen=True)
class Failure:
    """A request that failed, as its caller sees it."""

    error: TriphaseError
    events: list[StreamGenerateResponse] = field(default_factory=list)

    @property
    def output(self) -> str:
        return "".join(event.output_delta.text for event in self.events)

    @property
    def all_words(self) -> str:
        """Everything that travelled, message and details, readable and as it is on the wire."""
        call = self.error.__cause__ or self.error.__context__
        assert isinstance(call, grpc.aio.AioRpcError)
        trailers: Any = call.trailing_metadata() or ()
        raw = b"".join(value if isinstance(value, bytes) else value.encode() for _, value in trailers)
        return f"{self.error} {self.error.metadata} {call!r} {raw.decode(errors='replace')}"


def assert_discreet(failure: Failure) -> None:
    """Nothing of the upstream, of the operator's secrets or of our code is in what the caller got."""
    words = failure.all_words
    for forbidden in (MARK, KEY, "Traceback", ".py", "aiohttp", "Exception", "127.0.0.1:"):
        assert forbidden not in words.replace("ipv4:127.0.0.1:", "")
    assert base64.b64encode(MARK.encode()).decode()[:20] not in words


@asynccontextmanager
async def gateway(
    base_url: str,
    *,
    model: str = "triphase-simulated",
    timeouts: Timeouts | None = None,
    route: Route | None = None,
    effort: EffortPolicy | None = None,
    **config: Any,
) -> AsyncIterator[Stage]:
    """Starts a gateway with one route, `m`, to one upstream."""
    upstream = UpstreamSettings(name="engine", base_url=base_url, api_key=Secret(KEY))
    deployment = Deployment(
        name="engine/model",
        upstream="engine",
        model=model,
        timeouts=timeouts or Timeouts(),
        effort=effort or EffortPolicy(),
    )
    route = replace(route or Route(name="m", targets=()), targets=(Target(deployment=deployment),), retry=ONE_ATTEMPT)
    settings = GatewayConfig(
        listen="127.0.0.1:0", grace_s=0.05, upstreams={"engine": upstream}, routes={route.name: route}
    )
    async with (
        asyncio.timeout(GUARD_S),
        running(replace(settings, **config)) as started,
        Client(started.address, retry=None) as client,
    ):
        yield Stage(client, started.address)


@dataclass(frozen=True)
class Simulation:
    """A gateway in front of the simulated model."""

    stage: Stage
    model: SimulatedModel

    async def failure(self, script: Script, **options: Any) -> Failure:
        self.model.enqueue(script)
        return await self.stage.failure(options.pop("request", request()), **options)

    async def events(self, script: Script, **options: Any) -> list[StreamGenerateResponse]:
        self.model.enqueue(script)
        return await self.stage.events(options.pop("request", request()), **options)


@asynccontextmanager
async def simulation(**options: Any) -> AsyncIterator[Simulation]:
    """Starts the simulated model in this process, and a gateway in front of it."""
    model = SimulatedModel(Script(reasoning_tokens=4, output_tokens=4))
    async with serve(models=[model]) as engine, gateway(f"{engine.url}/v1", **options) as stage:
        yield Simulation(stage, model)


def request(text: str = "What is 47 + 38?", **fields: Any) -> StreamGenerateRequest:
    message: Any = {"role": "ROLE_USER", "content": [{"text": text}]}
    return StreamGenerateRequest(model="m", messages=[message], **fields)
