"""Commands as processes of their own: the benchmark's, simulated engines that can be killed, and the gateway."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from triphase_benchmark.cli.app import app
from typer.testing import CliRunner

QUICK = ("timing.kind=paced", "timing.first_s=0.01", "timing.token_s=0.001", "lengths.reasoning=0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        """The last line of `--json`."""
        told: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return told


def benchmark(*arguments: str) -> Ended:
    """Runs a command to its end, in this process: what it loads is loaded once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["triphase-benchmark", *arguments])
        done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return Ended(code=done.exit_code, out=done.stdout, err=done.stderr)


@contextmanager
def begun(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Begins `triphase-benchmark`; at the end it is killed if it still runs."""
    command = [sys.executable, "-P", "-m", "triphase_benchmark", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], *, round_: int) -> None:
    """Reads progress in lines of JSON until so many rounds have begun."""
    assert process.stdout is not None
    for line in process.stdout:
        told = json.loads(line)
        if told["event"] == "progress" and told["round"] >= round_:
            return
    raise AssertionError("the run ended before that round")


@contextmanager
def simulated(
    *settings: str, profile: str = "vllm", config: str | None = None, pace: Sequence[str] = QUICK, port: int = 0
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A simulated engine: its URL, and its process. `pace`: the settings of its times."""
    options = [word for setting in (*pace, *settings) for word in ("--set", setting)]
    command = [sys.executable, "-P", "-m", "triphase_model", "simulate", "--profile", profile, *options]
    command += [] if config is None else ["--config", config]
    command += ["--port", str(port), "--announce", "--exit-with-stdin"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"], process
        finally:
            process.kill()


@contextmanager
def gateway(folder: Path, *, upstream: str, model: str) -> Iterator[str]:
    """The gateway before an engine: its address."""
    file = folder / "gateway.toml"
    file.write_text(
        f'[upstreams.engine]\nbase_url = "{upstream}/v1"\n'
        f'[deployments.one]\nupstream = "engine"\nmodel = "{model}"\n'
        '[routes.routed]\ndeployments = ["one"]\n',
        encoding="utf-8",
    )
    command = [sys.executable, "-P", "-m", "triphase_server", "serve", "--listen", "127.0.0.1:0", "--config", str(file)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield next(found[1] for line in process.stderr if (found := re.search(r"is listening on (\S+)", line)))
        finally:
            process.kill()


@contextmanager
def embedded(*options: str) -> Iterator[str]:
    """The embedded engine with its reference model: its URL."""
    command = [sys.executable, "-P", "-m", "triphase_model", "serve", "--model", "reference", *options]
    command += ["--port", "0", "--announce", "--exit-with-stdin"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()
