"""The asyncio client over real sockets: streams, errors, retries, cancellation, deadlines."""

import asyncio
import base64
import json
from contextlib import aclosing
from pathlib import Path

import grpc
import grpc.aio
import pytest
from triphase.gateway.v1 import Model, ReasoningEffort, StreamGenerateRequest, StreamGenerateResponse
from triphase.model.v1 import ValidateModelConfigRequest, ValidateModelConfigResponse, model_config_service_pb2
from triphase_client import Client, HealthState, ProtocolError, RetryPolicy, TriphaseError, user
from triphase_client.channel import channel_options
from triphase_client.testing import Failure, FakeGateway, Forever

UNKNOWN_MEMBER = Path(__file__).parents[3] / "testdata/events/unknown-member.json"
UNAVAILABLE = Failure(code=grpc.StatusCode.UNAVAILABLE, message="not yet")
QUICK = RetryPolicy(first_delay_s=0.001, longest_delay_s=0.002)

Events = list[StreamGenerateResponse]


async def collect(client: Client, *, timeout_s: float | None = None) -> Events:
    return [event async for event in client.stream(prompt="What is 47 + 38?", model="reference", timeout_s=timeout_s)]


async def test_streams_the_events_as_they_are(gateway: FakeGateway, client: Client, worked: Events) -> None:
    gateway.script(worked)
    assert await collect(client) == worked


async def test_events_arrive_while_the_stream_is_open(gateway: FakeGateway, client: Client, worked: Events) -> None:
    go_on = asyncio.Event()
    gateway.script([worked[0], go_on, *worked[1:]])
    async with aclosing(client.stream(prompt="?", model="reference")) as events:
        assert await anext(events) == worked[0]
        go_on.set()
        assert [event async for event in events] == worked[1:]


async def test_request_from_plain_values(gateway: FakeGateway, client: Client, worked: Events) -> None:
    gateway.script(worked)
    response = await client.generate(prompt="What is 47 + 38?", model="reference", effort="low", temperature=0.0)
    assert response.output == "47 + 38 = 85"
    request = gateway.requests[0]
    assert request.model == "reference"
    assert list(request.messages) == [user("What is 47 + 38?")]
    assert request.reasoning.effort == ReasoningEffort.REASONING_EFFORT_LOW
    assert request.sampling.HasField("temperature")


async def test_request_as_it_is(gateway: FakeGateway, client: Client, worked: Events) -> None:
    gateway.script(worked)
    request = StreamGenerateRequest(model="reference", messages=[user("?")], max_output_tokens=7)
    assert (await client.generate(request)).output == "47 + 38 = 85"
    assert gateway.requests == [request]


async def test_request_and_fields_together_are_refused(client: Client) -> None:
    with pytest.raises(TypeError, match="a request or its fields, not both: prompt"):
        await client.generate(StreamGenerateRequest(), prompt="?")


async def test_metadata_goes_with_every_call(gateway: FakeGateway, worked: Events) -> None:
    gateway.script(worked)
    async with Client(gateway.target, metadata=[("authorization", "Bearer key")]) as client:
        await client.generate(prompt="?", model="reference")
    assert gateway.metadata[0]["authorization"] == "Bearer key"
    assert str(gateway.metadata[0]["user-agent"]).startswith("triphase-client/")


async def test_tls(tls_gateway: FakeGateway, channel_credentials: grpc.ChannelCredentials) -> None:
    async with Client(tls_gateway.target, channel_credentials=channel_credentials) as client:
        assert await client.models() == tls_gateway.models
    async with Client(tls_gateway.target, retry=None) as client:
        with pytest.raises(TriphaseError):
            await client.models()


async def test_a_channel_of_the_caller_stays_open(gateway: FakeGateway) -> None:
    async with grpc.aio.insecure_channel(gateway.target, channel_options(gateway.target)) as channel:
        for _ in range(2):
            async with Client(channel=channel) as client:
                assert await client.health() is HealthState.SERVING


async def test_members_that_it_does_not_know_are_ignored(gateway: FakeGateway, client: Client) -> None:
    wire = [base64.b64decode(event) for event in json.loads(UNKNOWN_MEMBER.read_text())["wire"]]
    gateway.script(wire)
    events = await collect(client)
    assert [event.sequence for event in events] == list(range(len(wire)))
    assert [event.sequence for event in events if event.WhichOneof("event") is None] == [5]
    gateway.script(wire)
    assert (await client.generate(prompt="?", model="reference")).output == "85"


@pytest.mark.parametrize("sent", [0, 1, 13])
async def test_a_stream_that_ends_early_is_an_error(
    gateway: FakeGateway, client: Client, worked: Events, sent: int
) -> None:
    gateway.script(worked[:sent])
    with pytest.raises(ProtocolError, match="without `completed`"):
        await collect(client)
    assert len(gateway.requests) == 1


async def test_generate_checks_the_sequence(gateway: FakeGateway, client: Client, worked: Events) -> None:
    gateway.script([*worked[:5], *worked[6:]])
    with pytest.raises(ProtocolError, match="event 6 came where 5 was due"):
        await client.generate(prompt="?", model="reference")


async def test_repeats_what_found_no_gateway(gateway: FakeGateway, worked: Events) -> None:
    gateway.refusals.extend([UNAVAILABLE, UNAVAILABLE])
    gateway.script(worked)
    async with Client(gateway.target, retry=QUICK) as client:
        assert (await client.generate(prompt="?", model="reference")).output == "47 + 38 = 85"
    assert len(gateway.requests) == 3


async def test_repeats_a_bounded_number_of_times(gateway: FakeGateway) -> None:
    gateway.refusals.extend([UNAVAILABLE] * 9)
    async with Client(gateway.target, retry=QUICK) as client:
        with pytest.raises(TriphaseError, match="not yet") as failed:
            await collect(client)
        assert failed.value.code is grpc.StatusCode.UNAVAILABLE
        assert len(gateway.requests) == 3
        with pytest.raises(TriphaseError):
            await client.models()
    assert len(gateway.refusals) == 3


async def test_retries_can_be_switched_off(gateway: FakeGateway) -> None:
    gateway.refusals.extend([UNAVAILABLE] * 2)
    async with Client(gateway.target, retry=None) as client:
        with pytest.raises(TriphaseError, match="not yet"):
            await collect(client)
    assert len(gateway.requests) == 1


async def test_never_repeats_after_started(gateway: FakeGateway, worked: Events) -> None:
    gateway.script([worked[0], UNAVAILABLE])
    gateway.script(worked)
    async with Client(gateway.target, retry=QUICK) as client:
        events = client.stream(prompt="?", model="reference")
        assert await anext(events) == worked[0]
        with pytest.raises(TriphaseError, match="not yet") as failed:
            await anext(events)
    assert failed.value.midway
    assert len(gateway.requests) == 1


async def test_only_unavailable_is_repeated(gateway: FakeGateway) -> None:
    gateway.refusals.append(Failure(code=grpc.StatusCode.RESOURCE_EXHAUSTED, message="too many"))
    async with Client(gateway.target, retry=QUICK) as client:
        with pytest.raises(TriphaseError, match=r"too many \(RESOURCE_EXHAUSTED\)"):
            await collect(client)
    assert len(gateway.requests) == 1


async def test_leaving_the_loop_cancels_the_call(gateway: FakeGateway, client: Client, worked: Events) -> None:
    gateway.script([*worked[:3], Forever()])
    async for event in client.stream(prompt="?", model="reference"):
        if event.HasField("prompt_summary_delta"):
            break
    await gateway.cancelled.wait()


@pytest.mark.parametrize("sent", [0, 3])
async def test_cancelling_the_task_cancels_the_call(
    gateway: FakeGateway, client: Client, worked: Events, sent: int
) -> None:
    gateway.script([*worked[:sent], Forever()])
    task = asyncio.create_task(client.generate(prompt="?", model="reference"))
    await gateway.called.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gateway.cancelled.wait()


async def test_deadline_reaches_caller_and_gateway(gateway: FakeGateway, client: Client, worked: Events) -> None:
    gateway.script([*worked[:3], Forever()])
    with pytest.raises(TriphaseError) as failed:
        await collect(client, timeout_s=0.2)
    assert failed.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    await gateway.cancelled.wait()


async def test_retries_keep_to_the_deadline(gateway: FakeGateway) -> None:
    gateway.refusals.append(UNAVAILABLE)
    async with Client(gateway.target, retry=RetryPolicy(first_delay_s=3600, longest_delay_s=3600)) as client:
        with pytest.raises(TriphaseError, match="not yet"):
            await collect(client, timeout_s=10)


async def test_nobody_listens() -> None:
    async with Client("127.0.0.1:9", retry=QUICK) as client:
        with pytest.raises(TriphaseError) as failed:
            await client.models()
    assert failed.value.code is grpc.StatusCode.UNAVAILABLE
    assert failed.value.reason == ""


async def test_models_and_health(gateway: FakeGateway, client: Client) -> None:
    gateway.models = [Model(name="a"), Model(name="b", reasons=True)]
    assert await client.models() == gateway.models
    gateway.state = HealthState.NOT_SERVING
    assert await client.health("triphase.gateway.v1.GatewayService") is HealthState.NOT_SERVING


@pytest.mark.usefixtures("dead_proxy")
async def test_a_repository_is_checked(gateway: FakeGateway, client: Client) -> None:
    request = ValidateModelConfigRequest(stored_repository="owner/model", select=["V"])
    assert (await client.validate(request)).verdict == model_config_service_pb2.VERDICT_CLEAN
    gateway.validation = ValidateModelConfigResponse(verdict=model_config_service_pb2.VERDICT_ERRORS)
    assert await client.validate(request) == gateway.validation
    gateway.refusals.append(Failure(code=grpc.StatusCode.NOT_FOUND, message="there is none"))
    with pytest.raises(TriphaseError, match="there is none"):
        await client.validate(request)
    assert gateway.checks == [request] * 3


async def test_a_proxy_does_not_swallow_loopback(gateway: FakeGateway, client: Client) -> None:
    assert await client.models() == gateway.models


async def test_closing_twice_and_unused() -> None:
    client = Client()
    await client.close()
    await client.close()
