"""The server itself: where it listens, its limits, reflection, and how it is configured."""

import socket
import tempfile
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from rpc.gated_upstream import GatedUpstream
from rpc.live import SETTINGS, serving
from rpc.samples import request, text, user
from server_fakes.upstream import chunk, finish
from triphase.gateway.v1 import ListModelsRequest
from triphase_server.rpc.listening import CannotListen
from triphase_server.rpc.server import options

ANSWER = (chunk(content="85"), finish())


async def test_a_port_in_use_is_one_clear_line() -> None:
    async with serving(GatedUpstream()) as live:
        settings = replace(SETTINGS, listen=live.address)
        with pytest.raises(CannotListen) as refused:
            async with serving(GatedUpstream(), settings=settings):
                raise AssertionError("it listens")
        assert live.address in str(refused.value)
        assert "in use" in str(refused.value)
        assert "\n" not in str(refused.value)


async def test_a_port_of_another_program_is_in_use_too() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        settings = replace(SETTINGS, listen=f"127.0.0.1:{other.getsockname()[1]}")
        with pytest.raises(CannotListen):
            async with serving(GatedUpstream(), settings=settings):
                raise AssertionError("it listens")


async def test_workers_share_a_port() -> None:
    first = replace(SETTINGS, shares_port=True)
    async with serving(GatedUpstream(), settings=first) as live:
        second = replace(SETTINGS, listen=live.address, shares_port=True)
        async with serving(GatedUpstream(), settings=second) as other:
            assert other.address == live.address


async def test_a_unix_socket() -> None:
    with tempfile.TemporaryDirectory() as folder:  # the path of a socket is short, pytest's is long on macOS
        path = Path(folder) / "gateway.sock"
        async with serving(GatedUpstream(ANSWER), settings=replace(SETTINGS, listen=f"unix:{path}")) as live:
            assert path.is_socket()
            events = [event async for event in live.stub.StreamGenerate(request())]
            assert events[-1].completed.model == "engine-m"


async def test_a_unix_socket_is_not_taken_from_another_server_but_from_a_dead_one() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(SETTINGS, listen=f"unix:{folder}/gateway.sock")
        async with serving(GatedUpstream(ANSWER), settings=settings) as live:
            with pytest.raises(CannotListen):
                async with serving(GatedUpstream(), settings=settings):
                    raise AssertionError("it listens")
            assert (await live.stub.ListModels(ListModelsRequest())).models
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(f"{folder}/dead.sock")
        again = replace(SETTINGS, listen=f"unix:{folder}/dead.sock")
        async with serving(GatedUpstream(ANSWER), settings=again) as live:
            assert (await live.stub.ListModels(ListModelsRequest())).models


async def test_reflection_lists_the_services() -> None:
    async with serving(GatedUpstream()) as live:
        stub = reflection_pb2_grpc.ServerReflectionStub(live.channel)
        asked = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol="triphase.gateway.v1.GatewayService"),
        ]
        listed, described = [answer async for answer in stub.ServerReflectionInfo(iter(asked))]
        assert {service.name for service in listed.list_services_response.service} == {
            "triphase.gateway.v1.GatewayService",
            "triphase.model.v1.ModelConfigService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
        }
        assert any(b"StreamGenerate" in file for file in described.file_descriptor_response.file_descriptor_proto)


async def test_a_message_over_the_limit_is_exhausted() -> None:
    settings = replace(SETTINGS, max_request_bytes=10_000)
    async with serving(GatedUpstream(ANSWER), settings=settings) as live:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await live.stub.StreamGenerate(request(user(text("x" * 10_001)))).read()
        assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        events = [event async for event in live.stub.StreamGenerate(request(user(text("x" * 9_000))))]
        assert events[-1].HasField("completed")


async def test_a_picture_above_grpcs_own_limit_passes() -> None:
    async with serving(GatedUpstream(ANSWER), max_send_message_length=-1) as live:
        events = [event async for event in live.stub.StreamGenerate(request(user(text("x" * 5_000_000))))]
        assert events[-1].HasField("completed")


async def test_an_unknown_method_is_unimplemented() -> None:
    async with serving(GatedUpstream()) as live:
        call = live.channel.unary_unary("/triphase.gateway.v1.GatewayService/Nothing", None, None)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(b"")
        assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_garbage_instead_of_a_request_is_an_error_without_a_traceback() -> None:
    async with serving(GatedUpstream(ANSWER)) as live:
        call = live.channel.unary_unary("/triphase.gateway.v1.GatewayService/ListModels", None, None)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(b"\xff\xff\xff")
        assert failed.value.code() is not grpc.StatusCode.OK
        assert "Traceback" not in (failed.value.details() or "")
        assert [model.name for model in (await live.stub.ListModels(ListModelsRequest())).models] == ["m"]


def test_the_table_of_options() -> None:
    assert dict(options(SETTINGS)) == {
        "grpc.so_reuseport": 0,
        "grpc.max_receive_message_length": 16 * 1024 * 1024,
        "grpc.max_send_message_length": 64 * 1024 * 1024,
        "grpc.max_concurrent_streams": 1_000,
        "grpc.keepalive_time_ms": 30_000,
        "grpc.keepalive_timeout_ms": 10_000,
        "grpc.http2.ping_timeout_ms": 10_000,
        "grpc.http2.min_ping_interval_without_data_ms": 15_000,
        "grpc.keepalive_permit_without_calls": 1,
    }
    shared = dict(options(replace(SETTINGS, shares_port=True, max_request_bytes=7)))
    assert (shared["grpc.so_reuseport"], shared["grpc.max_receive_message_length"]) == (1, 7)
