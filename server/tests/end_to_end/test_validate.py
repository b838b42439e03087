"""`triphase validate` as a user runs it, against a gateway as the application wires it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import grpc
import pytest
from repositories.clean import repository
from triphase.model.v1 import Finding, ValidateModelConfigResponse
from triphase_client.channel import MAX_RECEIVE_BYTES
from triphase_client.cli.validate import FORMS
from triphase_client.testing import Failure, FakeGateway
from triphase_model.cli import app as model_app
from triphase_model.validator.reports.forms import Form
from triphase_model.validator.repository import INDEX, JSON_FILES
from triphase_server.app.gateway import running
from triphase_server.config import GatewayConfig, embedded
from triphase_server.core.validation import ValidationPolicy
from typer.testing import CliRunner

ROOT = str(files("triphase_model"))
REFERENCE = f"{ROOT}/reference"
GUARD_S = 100.0  # only against hanging
# No engine is asked.
CONFIG = replace(embedded("http://127.0.0.1:9/v1", listen="127.0.0.1:0"), validation=ValidationPolicy(roots=(ROOT,)))


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """Runs `triphase validate` against a gateway."""

    target: str

    async def validate(self, *arguments: str) -> Done:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "triphase_client", "validate", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "TRIPHASE_TARGET": self.target, "PYTHONUTF8": "1", "NO_COLOR": "1", "COLUMNS": "300"},
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return Done(process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def shell(config: GatewayConfig = CONFIG) -> AsyncIterator[Shell]:
    async with asyncio.timeout(GUARD_S), running(config) as gateway:
        yield Shell(gateway.address)


def by_model(*arguments: str) -> Done:
    """What `triphase-model check` says."""
    result = CliRunner().invoke(model_app, ["check", *arguments])
    return Done(result.exit_code, result.stdout, result.stderr)


def write(folder: Path, **changes: bytes | None) -> str:
    for name, data in {
        **repository("qwen3"),
        **{key.replace("__", "."): value for key, value in changes.items()},
    }.items():
        if data is not None:
            (folder / name).write_bytes(data)
    return str(folder)


def test_it_offers_every_form() -> None:
    assert tuple(Form) == FORMS


@pytest.mark.parametrize("form", FORMS)
async def test_it_says_what_the_model_command_says(tmp_path: Path, form: str) -> None:
    folder = write(tmp_path, chat_template__jinja=None)
    expected = by_model(folder, "--format", form)
    async with shell() as here:
        assert await here.validate(folder, "--format", form) == expected
    assert (expected.code, expected.err) == (20, "")
    assert "C01" in expected.out


async def test_exit_codes_and_options_are_those_of_the_model_command(tmp_path: Path) -> None:
    wrong_base = b"---\nbase_model: meta-llama/Meta-Llama-3.1-8B\n---\n"
    folder = write(tmp_path, README__md=wrong_base, generation_config__json=b'{"eos_token_id": 3}')
    async with shell() as here:
        for options in ((), ("--select", "f13"), ("--ignore", "F,T,G"), ("--engine", "llama.cpp", "--select", "T")):
            expected = by_model(folder, *options)
            assert await here.validate(folder, *options) == expected
        assert (await here.validate(REFERENCE)).code == 0


async def test_one_that_the_gateway_has_is_named() -> None:
    async with shell() as here:
        done = await here.validate("--stored", "reference")
        assert (done.code, done.out.splitlines()[-1]) == (0, "reference: clean (3 info)")
        unknown = await here.validate("--stored", "nobody")
        assert (unknown.code, unknown.out) == (3, "")
        assert unknown.err == "triphase: there is no repository 'nobody' (CALLER_UNKNOWN_REPOSITORY)\n"


async def test_wrong_options_are_wrong_usage() -> None:
    async with shell() as here:
        for options in (("--engine", "abacus"), ("--select", "Z")):
            done = await here.validate(REFERENCE, *options)
            assert (done.code, done.out) == (2, "")
            assert options[1] in done.err


async def test_where_there_is_no_repository_it_is_one_line_and_30(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with shell() as here:
        for path in (tmp_path / "nowhere", tmp_path / "file"):
            done = await here.validate(str(path))
            assert (done.code, done.out, len(done.err.splitlines())) == (30, "", 1)


async def test_what_could_not_be_evaluated_is_30_and_told() -> None:
    hurried = replace(CONFIG, validation=ValidationPolicy(max_s=0.001))
    async with shell(hurried) as here:
        done = await here.validate(REFERENCE)
    assert done.code == 30
    assert "it took longer than 0.001 s" in done.out


async def test_more_than_the_gateway_takes_is_told_with_what_to_do(tmp_path: Path) -> None:
    folder = write(tmp_path, README__md=b"x" * 200_000)
    async with shell(replace(CONFIG, max_request_bytes=100_000)) as here:
        done = await here.validate(folder)
    assert (done.code, done.out) == (6, "")
    assert "more than the gateway takes; its operator can raise max_request_bytes" in done.err


async def test_more_than_this_client_takes_is_told_apart_from_that() -> None:
    async with asyncio.timeout(GUARD_S), FakeGateway() as gateway:
        finding = Finding(rule="V01", message="x" * (MAX_RECEIVE_BYTES + 1))
        gateway.validation = ValidateModelConfigResponse(findings=[finding])
        done = await Shell(gateway.target).validate(REFERENCE)
        assert (done.code, done.out) == (6, "")
        assert "the findings are more than fit into one answer; --select and --ignore ask for fewer" in done.err
        assert "max_request_bytes" not in done.err
        # What is exhausted elsewhere is told as it is.
        gateway.refusals.append(Failure(code=grpc.StatusCode.RESOURCE_EXHAUSTED, message="quota of the proxy"))
        done = await Shell(gateway.target).validate(REFERENCE)
    assert done.err == "triphase: quota of the proxy (RESOURCE_EXHAUSTED)\n"


async def test_what_is_more_than_any_gateway_takes_is_not_even_read(tmp_path: Path) -> None:
    for name in set(JSON_FILES) - {INDEX}:
        with (tmp_path / name).open("wb") as file:
            file.truncate(64 << 20)
    async with shell() as here:
        done = await here.validate(str(tmp_path))
    assert (done.code, done.out) == (30, "")
    assert done.err == f"triphase: {tmp_path}: a check reads more than 536870912 bytes of it\n"


async def test_a_refusal_of_the_operators_and_no_gateway_at_all() -> None:
    async with shell(replace(CONFIG, validation=ValidationPolicy(enabled=False))) as here:
        off = await here.validate(REFERENCE)
    assert (off.code, off.out) == (3, "")
    assert "POLICY_VALIDATION_OFF" in off.err
    gone = await Shell("127.0.0.1:9").validate(REFERENCE)
    assert gone.code == 4


async def test_weights_are_never_sent(tmp_path: Path) -> None:
    # The whole folder is far more than the gateway takes; what a check reads of it is not.
    folder = write(tmp_path, consolidated__safetensors=b"\x02\0\0\0\0\0\0\0{}" + b"w" * 3_000_000)
    async with shell(replace(CONFIG, max_request_bytes=1_000_000)) as here:
        done = await here.validate(folder, "--format", "json")
    assert done.err == ""
    assert json.loads(done.out)["name"] == tmp_path.name
