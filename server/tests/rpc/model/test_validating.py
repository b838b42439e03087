"""`ValidateModelConfig` over a real channel: what is found, what is refused, and what is left behind: nothing."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import grpc
import psutil  # type: ignore[import-untyped]
import pytest
from repositories.clean import repository
from rpc.gated_upstream import GatedUpstream
from rpc.live import SETTINGS, Live, serving
from rpc.test_generating import reason_of
from triphase.model.v1 import (
    File,
    Files,
    ModelConfigServiceStub,
    ValidateModelConfigRequest,
    ValidateModelConfigResponse,
    model_config_service_pb2,
)
from triphase_client import Client, SyncClient
from triphase_client.cli.validating.told import result_of
from triphase_model.validator.apart import asking
from triphase_model.validator.checking import check
from triphase_model.validator.source import Source
from triphase_server.core.validation import ValidationPolicy
from triphase_server.rpc.model.servicer import SERVICE
from triphase_server.rpc.server import ServerSettings

if TYPE_CHECKING:
    from triphase.model.v1.model_config_service_pb2_grpc import ModelConfigServiceAsyncStub

ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% if a > b %}{% endif %}{% endfor %}{% endfor %}"
MEMORY = "{{ '%1000000000s' % 'x' }}"
POLICY = ValidationPolicy()


def request(files: Mapping[str, bytes], **sizes: int) -> ValidateModelConfigRequest:
    sent = [File(path=path, content=data) for path, data in files.items()]
    return ValidateModelConfigRequest(files=Files(files=[*sent, *(File(path=p, size=s) for p, s in sizes.items())]))


def with_template(text: str) -> ValidateModelConfigRequest:
    return request(repository("qwen3") | {"chat_template.jinja": text.encode()})


@asynccontextmanager
async def validating(
    policy: ValidationPolicy = POLICY, *, settings: ServerSettings = SETTINGS
) -> AsyncIterator[tuple[Live, "ModelConfigServiceAsyncStub"]]:
    async with serving(GatedUpstream(), validation=policy, settings=settings) as live:
        yield live, cast("ModelConfigServiceAsyncStub", ModelConfigServiceStub(live.channel))


async def refused(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value


def checks() -> list[psutil.Process]:
    """Children of this process that belong to checks; other tests leave others, such as multiprocessing's tracker."""
    children = psutil.Process(os.getpid()).children(recursive=True)
    return [child for child in children if any("triphase_model.validator" in word for word in command_of(child))]


def command_of(process: psutil.Process) -> list[str]:
    try:
        words: list[str] = process.cmdline()
    except psutil.Error:  # it has just ended
        return []
    return words


async def children(least: int) -> list[psutil.Process]:
    """The check and what renders for it, once there are as many."""
    while True:
        found = checks()
        if len(found) >= least:
            return found
        await asyncio.sleep(0.01)


async def no_children() -> None:
    while True:
        if not checks():
            return
        await asyncio.sleep(0.01)


def codes(response: ValidateModelConfigResponse) -> set[str]:
    return {finding.rule for finding in response.findings}


async def test_a_healthy_repository_is_clean() -> None:
    async with validating() as (_, stub):
        response = await stub.ValidateModelConfig(request(repository("reference")))
    assert response.verdict == model_config_service_pb2.VERDICT_CLEAN
    assert response.counts.infos == len(response.findings) == 3
    assert not response.unanswered


async def test_a_broken_one_is_told_as_it_is_told_here() -> None:
    files = repository("qwen3")
    del files["chat_template.jinja"]
    async with validating() as (_, stub):
        response = await stub.ValidateModelConfig(request(files))
    assert response.verdict == model_config_service_pb2.VERDICT_ERRORS
    assert result_of(response, name="") == check(Source.of_files(files))
    [missing] = [finding for finding in response.findings if finding.rule == "C01"]
    assert missing.fix.kind == model_config_service_pb2.FIX_KIND_CHOICE
    ways = {way.name: way.WhichOneof("outcome") for way in missing.fix.ways}
    assert (ways["chatml"], ways["llama3"]) == ("remedy", "refusal")
    assert (missing.evidence[0].file, missing.evidence[0].pointer) == ("tokenizer_config.json", "/chat_template")


async def test_both_clients_ask_it() -> None:
    async with validating() as (live, _), Client(live.address) as client:
        by_async = await client.validate(request(repository("reference")))

        def ask() -> ValidateModelConfigResponse:
            with SyncClient(live.address) as blocking:
                return blocking.validate(request(repository("reference")))

        assert await asyncio.to_thread(ask) == by_async


async def test_a_repository_is_named_below_the_roots_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "models" / "m").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    for name, data in repository("reference").items():
        (tmp_path / "models" / "m" / name).write_bytes(data)
        (tmp_path / "secret" / name).write_bytes(data)
    (tmp_path / "models" / "out").symlink_to(tmp_path / "secret")
    (tmp_path / "models" / "empty").mkdir()
    async with validating(ValidationPolicy(roots=(str(tmp_path / "models"),))) as (_, stub):

        async def named(name: str) -> ValidateModelConfigResponse:
            return await stub.ValidateModelConfig(ValidateModelConfigRequest(stored_repository=name))

        assert (await named("m")).verdict == model_config_service_pb2.VERDICT_CLEAN
        for name in ("nobody", "out", "empty", "m/config.json"):
            error = await refused(named(name))
            assert (error.code(), reason_of(error)) == (grpc.StatusCode.NOT_FOUND, "CALLER_UNKNOWN_REPOSITORY")
            assert str(tmp_path) not in str(error)
        for name in ("../secret", "/etc", str(tmp_path / "models" / "m"), "m/../../secret"):
            error = await refused(named(name))
            assert (error.code(), reason_of(error)) == (grpc.StatusCode.INVALID_ARGUMENT, "CALLER_INVALID_REQUEST")


async def test_without_roots_no_name_is_known() -> None:
    async with validating() as (_, stub):
        error = await refused(stub.ValidateModelConfig(ValidateModelConfigRequest(stored_repository="m")))
    assert error.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    "wrong",
    [
        ValidateModelConfigRequest(),
        request({}),
        request({"../config.json": b"{}"}),
        request({"config.json": b"{}"}, model=-1),
        ValidateModelConfigRequest(stored_repository="m", select=["nothing"]),
    ],
    ids=["empty", "no files", "traversal", "size", "rule"],
)
async def test_a_request_that_breaks_the_contract_starts_no_process(
    wrong: ValidateModelConfigRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_started", lambda: pytest.fail("a process was started"))
    async with validating() as (_, stub):
        error = await refused(stub.ValidateModelConfig(wrong))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.INVALID_ARGUMENT, "CALLER_INVALID_REQUEST")


async def test_the_service_tells_how_each_check_ended_and_not_of_what() -> None:
    async with validating() as (live, stub):
        await stub.ValidateModelConfig(request({"config.json": b"{}"}))
        await refused(stub.ValidateModelConfig(request({"../config.json": b"{}"})))
        await refused(stub.ValidateModelConfig(ValidateModelConfigRequest(stored_repository="nobody")))
    told = live.outcomes.checks
    assert [(one.verdict, type(one.error).__name__) for one in told] == [
        ("errors", "NoneType"),
        ("", "InvalidRequest"),
        ("", "UnknownRepository"),
    ]
    assert told[0].findings > 0
    assert told[0].total_s > told[0].waited_s >= 0.0


async def test_bytes_that_are_no_message_are_refused() -> None:
    async with validating() as (live, _):
        channel: Any = live.channel  # its stubs want serializers, which bytes have no need of
        error = await refused(channel.unary_unary(f"/{SERVICE}/ValidateModelConfig")(b"\xff\xff"))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.INVALID_ARGUMENT, "CALLER_INVALID_REQUEST")


async def test_a_request_over_the_size_limit_is_exhausted() -> None:
    small = replace(SETTINGS, max_request_bytes=10_000)
    async with validating(settings=small) as (_, stub):
        error = await refused(stub.ValidateModelConfig(request({"config.json": b" " * 10_000})))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("template", [ENDLESS, MEMORY], ids=["endless", "memory"])
async def test_a_malicious_template_is_a_finding(template: str) -> None:
    async with validating() as (_, stub):
        response = await stub.ValidateModelConfig(with_template(template))
        await no_children()
    assert response.verdict == model_config_service_pb2.VERDICT_ERRORS
    assert codes(response) == {"C08", "S07"}


async def test_sizes_and_headers_that_cannot_be_are_findings() -> None:
    bomb = (2**62).to_bytes(8, "little") + b"{}"
    hostile = {"config.json": b"[" * 500_000, "model.safetensors": bomb, "tokenizer.json": b'{"a": 1e999999999}'}
    asked = request(hostile, **{"huge.safetensors": 10**18, "empty.safetensors": 0})
    async with validating() as (_, stub):
        response = await stub.ValidateModelConfig(asked)
    assert response.verdict == model_config_service_pb2.VERDICT_ERRORS
    assert not response.unanswered
    assert {finding.location.file for finding in response.findings} >= {"config.json", "model.safetensors"}


async def test_one_that_takes_too_long_could_not_be_evaluated() -> None:
    async with validating(ValidationPolicy(max_s=0.05)) as (_, stub):
        response = await stub.ValidateModelConfig(with_template(ENDLESS))
        await no_children()
    assert response.verdict == model_config_service_pb2.VERDICT_UNANSWERED
    assert [(one.rule, one.why) for one in response.unanswered] == [("check", "it took longer than 0.05 s")]


async def test_a_cancelled_call_leaves_no_process() -> None:
    async with validating() as (_, stub):
        call = stub.ValidateModelConfig(with_template(ENDLESS))
        waiting = asyncio.ensure_future(cast("Any", call))
        await children(2)
        call.cancel()
        await asyncio.wait((waiting,))
        await no_children()


async def test_a_deadline_ends_the_check() -> None:
    async with validating() as (_, stub):
        error = await refused(stub.ValidateModelConfig(with_template(ENDLESS), timeout=0.5))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await no_children()


async def test_more_than_are_allowed_are_refused_and_the_next_is_welcome() -> None:
    async with validating(ValidationPolicy(max_concurrency=1, max_queue=0)) as (_, stub):
        first = stub.ValidateModelConfig(with_template(ENDLESS))
        waiting = asyncio.ensure_future(cast("Any", first))
        await children(1)
        error = await refused(stub.ValidateModelConfig(request(repository("reference"))))
        assert (error.code(), reason_of(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "POLICY_AT_CAPACITY")
        first.cancel()
        await asyncio.wait((waiting,))
        await no_children()
        response = await admitted(lambda: stub.ValidateModelConfig(request(repository("reference"))))
        assert response.verdict == model_config_service_pb2.VERDICT_CLEAN


async def admitted(ask: Callable[[], Any]) -> ValidateModelConfigResponse:
    """Asks until there is a place: it is given back a moment after the children are gone."""
    while True:
        try:
            response: ValidateModelConfigResponse = await ask()
        except grpc.aio.AioRpcError as error:
            if reason_of(error) != "POLICY_AT_CAPACITY":
                raise
            await asyncio.sleep(0.01)
        else:
            return response


async def test_an_operator_may_turn_it_off() -> None:
    async with validating(ValidationPolicy(enabled=False)) as (_, stub):
        error = await refused(stub.ValidateModelConfig(request(repository("reference"))))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.PERMISSION_DENIED, "POLICY_VALIDATION_OFF")


async def test_findings_without_bound_are_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_ANSWER_BYTES", 100)
    async with validating() as (_, stub):
        error = await refused(stub.ValidateModelConfig(request(repository("reference"))))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.FAILED_PRECONDITION, "CALLER_RESPONSE_TOO_LARGE")


async def test_a_stop_ends_it_typed_and_leaves_no_process() -> None:
    async with validating() as (live, stub):
        waiting = asyncio.ensure_future(cast("Any", stub.ValidateModelConfig(with_template(ENDLESS))))
        await children(2)
        await live.server.stop()
        error = await refused(waiting)
        assert reason_of(error) == "GATEWAY_SHUTTING_DOWN"
        await no_children()
