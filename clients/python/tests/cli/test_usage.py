"""Wrong usage, help, and what is said where the extra is missing."""

import asyncio
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import grpc
import pytest
from triphase_client.cli import HINT
from triphase_client.cli.app import app
from triphase_client.cli.validate import HINT as VALIDATE_HINT
from typer.testing import CliRunner


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("NO_COLOR", "1")
    return CliRunner()


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["chat", "-p", "?", "--effort", "huge"], "'huge' is not one of none, minimal, low"),
        (["chat", "-p", "?", "--summary", "long"], "'long' is not one of none, concise"),
        (["chat", "-p", "  "], "--prompt is empty"),
        (["chat"], "standard input is empty"),
        (["chat", "-p", "?", "--timeout", "0"], "--timeout"),
        (["chat", "-p", "?", "--max-output-tokens", "-1"], "--max-output-tokens"),
        (["models", "--ca", "missing.pem"], "missing.pem"),
        (["validate"], "give DIR, or --stored NAME"),
        (["validate", "model", "--stored", "m"], "give DIR, or --stored NAME"),
        (["validate", "model", "--format", "pdf"], "'pdf' is not one of text, json, sarif, github"),
        (["sing"], "sing"),
    ],
)
def test_wrong_usage(runner: CliRunner, args: list[str], complaint: str) -> None:
    result = runner.invoke(app, args)
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.split())


@pytest.mark.parametrize("command", [[], ["chat"], ["models"], ["health"], ["validate"]], ids="-".join)
def test_help_names_the_exit_codes(runner: CliRunner, command: list[str]) -> None:
    result = runner.invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "4 no gateway answers" in " ".join(result.output.split())


@pytest.mark.parametrize("command", [[], ["chat"], ["models"], ["health"], ["validate"]], ids="-".join)
def test_h_is_help_and_flags_take_no_value(runner: CliRunner, command: list[str]) -> None:
    short = runner.invoke(app, [*command, "-h"])
    assert short.exit_code == 0
    assert short.output == runner.invoke(app, [*command, "--help"]).output
    assert "bool" not in short.output.lower()


def test_version(runner: CliRunner) -> None:
    result = runner.invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith(f"triphase {version('triphase-client')}, grpcio {grpc.__version__}")


@pytest.mark.parametrize("missing", ["typer", "rich"])
async def test_a_missing_extra_is_named(missing: str, plain_environment: Mapping[str, str]) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from triphase_client.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stderr=asyncio.subprocess.PIPE, env=plain_environment
    )
    _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (1, HINT + "\n")


async def test_the_missing_extra_of_one_command_is_named_by_that_command(plain_environment: Mapping[str, str]) -> None:
    program = "import sys; sys.modules['triphase_model'] = None; from triphase_client.cli import main; main()"
    for arguments, code, complaint in ((("validate", "."), 1, VALIDATE_HINT + "\n"), (("--version",), 0, "")):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=plain_environment,
        )
        _, err = await process.communicate()
        assert (process.returncode, err.decode()) == (code, complaint)


async def test_the_library_needs_no_extra(plain_environment: Mapping[str, str]) -> None:
    program = "import sys; sys.modules['rich'] = sys.modules['typer'] = None; import triphase_client.testing"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, env=plain_environment)
    assert await process.wait() == 0


def test_the_script_is_declared() -> None:
    scripts = Path(sys.executable).parent
    assert (scripts / "triphase").exists()
