"""The admin service on real addresses: who may reach it, what it answers, and what it leaves behind."""

import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status
from rpc.admin.live_admin import CONFIGURATION, administration, short_folder, worker
from rpc.live import channel_to
from triphase.admin.v1 import (
    AdminServiceStub,
    GetConfigurationRequest,
    GetStatusRequest,
    IsolateRequest,
    RestoreRequest,
    admin_service_pb2,
)
from triphase_server.rpc.admin.messages import from_configuration_response
from triphase_server.rpc.admin.server import SERVICE, serving
from triphase_server.rpc.admin.servicer import AdminServicer
from triphase_server.rpc.listening import CannotListen

if TYPE_CHECKING:
    from triphase.admin.v1.admin_service_pb2_grpc import AdminServiceAsyncStub


@asynccontextmanager
async def stub_at(address: str) -> AsyncIterator["AdminServiceAsyncStub"]:
    async with channel_to(address) as channel:
        yield cast("AdminServiceAsyncStub", AdminServiceStub(channel))


def reason_of(error: grpc.aio.AioRpcError) -> str:
    info = error_details_pb2.ErrorInfo()
    status = rpc_status.from_call(cast("Any", error))
    assert status is not None
    assert status.details[0].Unpack(info)
    return str(info.reason)


def mode_of(path: Path) -> int | None:
    """Returns who may do what with a file; `None` where there is none."""
    return stat.S_IMODE(path.stat().st_mode) if path.exists() else None


def file_in(folder: str) -> Path:
    path = Path(folder, "file")
    path.touch()
    return path


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0", "localhost:0"])
async def test_a_port_is_taken_and_told(listen: str) -> None:
    if listen.startswith("[") and not socket.has_dualstack_ipv6():
        listen = "127.0.0.1:0"
    async with serving(AdminServicer(administration("a")), listen=listen) as address:
        assert address.rpartition(":")[0] == listen.rpartition(":")[0]
        async with stub_at(address) as stub:
            response = await stub.GetStatus(GetStatusRequest())
    assert [(d.name, list(d.routes)) for d in response.deployments] == [("a", ["r"])]
    assert (response.worker.workers, response.worker.process_id) == (1, 4711)


async def test_isolate_and_restore_answer_with_what_they_did() -> None:
    with short_folder() as folder:
        address = f"unix:{folder}/s"
        async with worker(address), stub_at(address) as stub:
            isolated = await stub.Isolate(IsolateRequest(deployment="a"))
            restored = await stub.Restore(RestoreRequest(deployment="a"))
    assert [(d.name, d.circuit.state) for d in isolated.deployments] == [
        ("a", admin_service_pb2.CIRCUIT_STATE_ISOLATED)
    ]
    assert restored.deployments[0].circuit.state == admin_service_pb2.CIRCUIT_STATE_CLOSED


async def test_the_configuration_is_that_which_is_told() -> None:
    with short_folder() as folder:
        address = f"unix:{folder}/s"
        async with worker(address), stub_at(address) as stub:
            response = await stub.GetConfiguration(GetConfigurationRequest())
    assert from_configuration_response(response) == CONFIGURATION


async def test_errors_are_typed_and_a_defect_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with short_folder() as folder:
        address = f"unix:{folder}/s"
        async with worker(address) as told, channel_to(address) as plain:
            channel: Any = plain  # its stubs want serializers, which bytes have no need of
            stub = cast("AdminServiceAsyncStub", AdminServiceStub(channel))
            with pytest.raises(grpc.aio.AioRpcError) as unknown:
                await stub.Restore(RestoreRequest(deployment="c"))
            assert (unknown.value.code(), reason_of(unknown.value)) == (
                grpc.StatusCode.NOT_FOUND,
                "CALLER_UNKNOWN_DEPLOYMENT",
            )
            undecodable = channel.unary_unary(f"/{SERVICE}/Isolate")
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await undecodable(b"\xff")
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT

            def broken() -> dict[str, object]:
                raise RuntimeError("sk-secret-4711")

            told.configuration = broken
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await stub.GetConfiguration(GetConfigurationRequest())
    assert failed.value.code() is grpc.StatusCode.INTERNAL
    assert "sk-secret" not in str(failed.value)
    assert "defect in a handler" in caplog.text


async def test_a_socket_is_its_owners_alone_and_goes_with_the_server() -> None:
    with short_folder() as folder:
        path = Path(folder, "s")
        before = os.umask(0)  # the most that an operator's shell may allow
        try:
            async with worker(f"unix:{path}"):
                assert mode_of(path) == 0o600
                assert os.umask(0) == 0
        finally:
            os.umask(before)
        assert mode_of(path) is None


async def test_a_socket_that_a_dead_server_left_is_replaced() -> None:
    with short_folder() as folder:
        path = Path(folder, "s")
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        assert mode_of(path) is not None
        async with worker(f"unix:{path}"), stub_at(f"unix:{path}") as stub:
            assert mode_of(path) == 0o600
            await stub.GetStatus(GetStatusRequest())


async def test_a_socket_that_somebody_listens_on_and_a_file_are_left_alone() -> None:
    with short_folder() as folder:
        address = f"unix:{folder}/s"
        async with worker(address), stub_at(address) as stub:
            with pytest.raises(CannotListen, match="somebody does already"):
                async with worker(address):
                    pass
            await stub.GetStatus(GetStatusRequest())
        file = file_in(folder)
        with pytest.raises(CannotListen, match="it was refused"):
            async with worker(f"unix:{file}"):
                pass
        assert mode_of(file) is not None


async def test_it_knows_nothing_of_the_callers_service() -> None:
    with short_folder() as folder:
        address = f"unix:{folder}/s"
        async with worker(address), channel_to(address) as plain:
            channel: Any = plain
            models = channel.unary_unary("/triphase.gateway.v1.GatewayService/ListModels")
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await models(b"")
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
