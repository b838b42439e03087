"""Runs the engine as a child process: starts it, waits until it is ready, ends it, and never leaves it behind.

The child holds the other end of a pipe as its standard input and ends when that closes, so that it dies with its
parent, however that dies. What the child does is `foreground.py`.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from triphase_model.engine.reasoning_field import ReasoningField

_LONGEST_LINE: Final = 4096


class EngineFailed(Exception):
    """The engine did not start; the message says why."""


class _Announcement(msgspec.Struct, frozen=True):
    url: str


class ChildProcess:
    """An engine in a process of its own, as an async context manager; `url` is known inside of the block.

    `arguments` are those of the command `triphase-model`. `start_timeout_s` bounds the wait for it to be ready,
    `grace_s` the wait for a clean end before it is killed. Its log goes to this process's standard error.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        start_timeout_s: float = 60.0,
        grace_s: float = 5.0,
        python: str = sys.executable,
    ) -> None:
        # -P: a folder that happens to hold a file of a known name must not change what is imported.
        self._command = [python, "-P", "-m", "triphase_model", *arguments]
        self._command += ["--port", "0", "--announce", "--exit-with-stdin"]
        self._start_timeout_s = start_timeout_s
        self._grace_s = grace_s
        self._process: asyncio.subprocess.Process | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """Where the engine listens, without a slash at the end."""
        if not self._url:
            raise RuntimeError("the engine is not running")
        return self._url

    @property
    def pid(self) -> int:
        """The child's process id."""
        if self._process is None:
            raise RuntimeError("the engine is not running")
        return self._process.pid

    async def wait(self) -> int:
        """Returns the child's exit code once it has ended; negative = the signal that ended it."""
        if self._process is None:
            raise RuntimeError("the engine is not running")
        return await self._process.wait()

    async def __aenter__(self) -> Self:
        """Starts the engine and waits until it is ready.

        Raises:
            EngineFailed: It ended, was not ready in time, or said something else than its address.
        """
        pipe = asyncio.subprocess.PIPE
        try:
            # A session of its own: Ctrl-C at the terminal reaches the parent alone, which then ends the child.
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=pipe, stdout=pipe, limit=_LONGEST_LINE, start_new_session=True
            )
        except OSError as error:
            raise EngineFailed(f"the embedded engine could not be started: {error}") from error
        try:
            self._url = await self._announced(self._process)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the engine."""
        await self._end()

    async def _announced(self, process: asyncio.subprocess.Process) -> str:
        if process.stdout is None:
            raise RuntimeError("the child has no standard output")
        try:
            line = await asyncio.wait_for(process.stdout.readline(), self._start_timeout_s)
            if not line:
                code = await process.wait()
                raise EngineFailed(f"the embedded engine ended with exit code {code} before it was ready")
            return msgspec.json.decode(line, type=_Announcement).url
        except TimeoutError as error:
            raise EngineFailed(f"the embedded engine was not ready after {self._start_timeout_s:g} s") from error
        except (ValueError, msgspec.MsgspecError) as error:
            raise EngineFailed("the embedded engine said something else than its address") from error

    async def _end(self) -> None:
        process, self._process, self._url = self._process, None, ""
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None:
            process.terminate()
        try:
            # Reads to the end of its output as well, without which the pipe would stay open.
            await asyncio.wait_for(process.communicate(), self._grace_s)
        except TimeoutError:
            await _killed(process)
        except BaseException:
            await _killed(process)
            raise


class EngineProcess(ChildProcess):
    """The embedded engine as a child process.

    `models` names what it serves (`reference`, `simulated`), `pace` is in tokens per second of each answer (0 = full
    speed).
    """

    def __init__(
        self,
        *,
        models: Sequence[str] = ("reference",),
        pace: float = 0.0,
        reasoning_field: ReasoningField = ReasoningField.NONE,
        start_timeout_s: float = 60.0,
        grace_s: float = 5.0,
        python: str = sys.executable,
    ) -> None:
        chosen = [word for model in models for word in ("--model", model)]
        arguments = ["serve", "--pace", str(pace), "--reasoning-field", reasoning_field.value, *chosen]
        super().__init__(arguments, start_timeout_s=start_timeout_s, grace_s=grace_s, python=python)


class SimulatedProcess(ChildProcess):
    """The simulated engine (`triphase-model simulate`) as a child process on a free port.

    `profile` is a name of `simulated/serving/profiles.py`, `config` a file that changes it, `settings` are `KEY=VALUE`
    that change both; `time` is `real` or `null`, `truth` the file of the truth log.
    """

    def __init__(  # noqa: PLR0913 - each is an option
        self,
        *,
        profile: str = "vllm",
        config: Path | None = None,
        settings: Sequence[str] = (),
        seed: int | None = None,
        time: str = "real",
        truth: Path | None = None,
        start_timeout_s: float = 60.0,
        grace_s: float = 5.0,
        python: str = sys.executable,
    ) -> None:
        arguments = ["simulate", "--profile", profile, "--time", time]
        arguments += [] if seed is None else ["--seed", str(seed)]
        arguments += [word for setting in settings for word in ("--set", setting)]
        arguments += [] if config is None else ["--config", str(config)]
        arguments += [] if truth is None else ["--truth", str(truth)]
        super().__init__(arguments, start_timeout_s=start_timeout_s, grace_s=grace_s, python=python)


async def _killed(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.communicate()
