"""The commands, as a script uses them: pipes, exit codes, JSON, errors."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import Parse
from google.rpc.error_details_pb2 import ErrorInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from triphase.gateway.v1 import (
    Model,
    OutputDelta,
    ReasoningEffort,
    Role,
    StreamGenerateResponse,
    SummaryDetail,
)
from triphase_client import HealthState, user
from triphase_client.testing import Failure, FakeGateway, Forever

Events = list[StreamGenerateResponse]
Triphase = Any  # the fixture of conftest.py


async def test_standard_output_gets_the_answer_alone(triphase: Triphase, gateway: FakeGateway, worked: Events) -> None:
    gateway.script(worked)
    done = await triphase("chat", "--prompt", "What is 47 + 38?")
    assert (done.code, done.out) == (0, "47 + 38 = 85\n")
    assert "● Prompt summary\n  What is 47 + 38?\n" in done.err
    assert "  • Tens: 4+3+1=8.\n" in done.err
    assert "\x1b" not in done.out + done.err
    assert list(gateway.requests[0].messages) == [user("What is 47 + 38?")]
    assert gateway.requests[0].model == "reference", "the first of the gateway's models"


async def test_the_answer_is_not_changed(triphase: Triphase, gateway: FakeGateway, worked: Events) -> None:
    raw = " \x1b[1m[b]八[/b]:smile:\t\r\n"
    gateway.script([*worked[:5], StreamGenerateResponse(sequence=5, output_delta=OutputDelta(text=raw)), _end(6)])
    done = await triphase("chat", "--prompt", "?")
    assert done.out == raw.replace("\r\n", "\r\n")


async def test_prompt_from_standard_input(triphase: Triphase, gateway: FakeGateway, worked: Events) -> None:
    for args in (("chat",), ("chat", "--prompt", "-")):
        gateway.script(worked)
        assert (await triphase(*args, stdin="Sum this:\n1\n2\n")).code == 0
    assert [list(request.messages) for request in gateway.requests] == [[user("Sum this:\n1\n2")]] * 2


async def test_every_option_reaches_the_gateway(triphase: Triphase, gateway: FakeGateway, worked: Events) -> None:
    gateway.script(worked)
    words = "--effort high --max-reasoning-tokens 33 --summary detailed --raw --max-output-tokens 99 --temperature 0"
    words += " --seed 7 --model m"
    done = await triphase("chat", "-p", "?", "--system", "Be brief.", *words.split())
    assert done.code == 0, done.err
    request = gateway.requests[0]
    assert [message.role for message in request.messages] == [Role.ROLE_SYSTEM, Role.ROLE_USER]
    assert (request.model, request.max_output_tokens) == ("m", 99)
    assert request.reasoning.effort == ReasoningEffort.REASONING_EFFORT_HIGH
    assert request.reasoning.summary == SummaryDetail.SUMMARY_DETAIL_DETAILED
    assert request.reasoning.include_raw
    assert request.reasoning.max_tokens == 33
    assert (request.sampling.HasField("temperature"), request.sampling.seed) == (True, 7)


async def test_json_is_one_event_a_line(triphase: Triphase, gateway: FakeGateway, worked: Events) -> None:
    gateway.script(worked)
    done = await triphase("chat", "--json", "-p", "?")
    assert [Parse(line, StreamGenerateResponse()) for line in done.out.splitlines()] == worked
    assert done.err == ""
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["sequence"] for line in lines] == list(range(len(worked)))
    parts = [line["reasoningSummaryDelta"] for line in lines if "reasoningSummaryDelta" in line]
    assert [part["partIndex"] for part in parts] == [0, 1]
    assert not any("replacesPartIndex" in part for part in parts), "what has presence is printed where it is set"


async def test_verbose_shows_every_event(triphase: Triphase, gateway: FakeGateway, worked: Events) -> None:
    gateway.script(worked)
    done = await triphase("chat", "-v", "-p", "?")
    assert done.out == "47 + 38 = 85\n"
    assert len([line for line in done.err.splitlines() if " s  " in line]) == len(worked)
    assert 'started{response_id: "r1"' in done.err.splitlines()[0]


async def test_models(triphase: Triphase, gateway: FakeGateway) -> None:
    efforts = [ReasoningEffort.REASONING_EFFORT_LOW, ReasoningEffort.REASONING_EFFORT_HIGH]
    gateway.models = [
        Model(name="[b]\x1b[1m"),
        Model(name="thinker", reasons=True, efforts=efforts, bounds_reasoning=True),
    ]
    table = await triphase("models")
    assert [line.split() for line in table.out.splitlines()] == [
        ["model", "reasons", "bounds", "efforts"],
        ["[b]␛[1m", "no", "no", "-"],
        ["thinker", "yes", "yes", "low,", "high"],
    ]
    lines = await triphase("models", "--json")
    assert [Parse(line, Model()) for line in lines.out.splitlines()] == gateway.models


async def test_health(triphase: Triphase, gateway: FakeGateway) -> None:
    done = await triphase("health")
    assert (done.code, done.out) == (0, f"SERVING  {gateway.target}\n"), done.err
    gateway.state = HealthState.NOT_SERVING
    done = await triphase("health", "--json")
    assert (done.code, json.loads(done.out)) == (1, {"status": "NOT_SERVING"})


async def test_no_gateway(triphase: Triphase) -> None:
    done = await triphase("chat", "-p", "?", "--target", "127.0.0.1:9")
    assert (done.code, done.out) == (4, "")
    assert done.err == (
        "triphase: no gateway answers at 127.0.0.1:9 (connection refused); start one with `triphase-server serve`, "
        "or name another with --target\n"
    )


async def test_tls(triphase: Triphase, tls_gateway: FakeGateway, certificate: Path) -> None:
    done = await triphase("health", "--target", tls_gateway.target, "--ca", str(certificate))
    assert (done.code, done.out) == (0, f"SERVING  {tls_gateway.target}\n")
    done = await triphase("health", "--target", tls_gateway.target, "--tls")
    assert done.code == 4, "the system's authorities do not know it"
    assert done.err == (
        f"triphase: no gateway answers at {tls_gateway.target} (its certificate is not trusted); "
        "give its authority with --ca\n"
    )


async def test_tls_on_one_side_only(triphase: Triphase, gateway: FakeGateway, tls_gateway: FakeGateway) -> None:
    done = await triphase("health", "--tls")
    assert (done.code, len(done.err.splitlines())) == (4, 1)
    assert done.err.endswith("(no TLS connection can be made); does it speak TLS? If not, leave out --tls\n")
    done = await triphase("health", "--target", tls_gateway.target)
    assert (done.code, len(done.err.splitlines())) == (4, 1)
    assert done.err.endswith("(it hung up); does it speak TLS? Then add --tls\n")


async def test_a_silent_gateway_is_given_up_in_time(triphase: Triphase) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        port = silent.getsockname()[1]
        for command in (("chat", "-p", "?"), ("models",), ("health",)):
            done = await triphase(*command, "--timeout", "0.2", "--target", f"127.0.0.1:{port}")
            assert (done.code, done.err) == (5, "triphase: the deadline passed; give it longer with --timeout\n")


async def test_an_error_midway(triphase: Triphase, gateway: FakeGateway, worked: Events) -> None:
    info = Status(code=14, message="the upstream broke off")
    info.details.add().Pack(ErrorInfo(reason="UPSTREAM_TRUNCATED"))
    code = grpc.StatusCode.UNAVAILABLE
    gateway.script([*worked[:11], Failure(code=code, message=info.message, details=info.SerializeToString())])
    done = await triphase("chat", "-p", "?")
    assert (done.code, done.out) == (7, "47 + \n")
    assert done.err.splitlines()[-1] == "triphase: the upstream broke off (UPSTREAM_TRUNCATED)"


async def test_a_gateway_that_dies_midway(triphase: Triphase, gateway: FakeGateway, worked: Events) -> None:
    gateway.script([*worked[:11], Failure(code=grpc.StatusCode.UNAVAILABLE, message="Socket closed")])
    done = await triphase("chat", "-p", "?")
    assert (done.code, done.out) == (8, "47 + \n")
    assert done.err.splitlines()[-1] == (
        f"triphase: the connection to {gateway.target} broke midway: the answer is not whole"
    )


async def test_a_deadline(triphase: Triphase, gateway: FakeGateway, worked: Events) -> None:
    gateway.script([*worked[:5], Forever()])
    done = await triphase("chat", "-p", "?", "--timeout", "0.5")
    assert done.code == 5
    assert "give it longer with --timeout" in done.err.splitlines()[-1]


async def test_a_gateway_without_models(triphase: Triphase, gateway: FakeGateway) -> None:
    gateway.models = []
    done = await triphase("chat", "-p", "?")
    assert (done.code, done.err.splitlines()[-1]) == (3, "triphase: the gateway has no models (FAILED_PRECONDITION)")


@pytest.mark.parametrize("sent", [0, 7])
async def test_ctrl_c_cancels_the_call(
    gateway: FakeGateway, worked: Events, plain_environment: Mapping[str, str], sent: int
) -> None:
    gateway.script([*worked[:sent], Forever()])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "triphase_client", "chat", "--target", gateway.target, "-m", "m", "-p", "?"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=plain_environment,
    )
    await gateway.called.wait()
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert process.returncode == 130
    assert out == b""
    assert b"Traceback" not in err
    await gateway.cancelled.wait()


async def test_a_reader_that_has_enough(
    gateway: FakeGateway, worked: Events, plain_environment: Mapping[str, str]
) -> None:
    gone = asyncio.Event()
    gateway.script([*worked[:3], gone, *worked[3:]])
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "triphase_client", "chat", "--json", "--target", gateway.target, "-p", "?"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
        env=plain_environment,
    )
    os.close(writing)
    assert (await asyncio.to_thread(os.read, reading, 1)) == b"{"
    os.close(reading)
    gone.set()
    _, err = await process.communicate()
    assert (process.returncode, err) == (141, b"")


def _end(sequence: int) -> StreamGenerateResponse:
    end = StreamGenerateResponse(sequence=sequence)
    end.completed.SetInParent()
    return end
