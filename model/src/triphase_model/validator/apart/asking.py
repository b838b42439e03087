"""Has a check made by a child process, for an event loop that has other things to do.

Rule: the child has a session of its own and is killed with all that it started when its time is over, when the caller
is cancelled, and when this process ends, however that ends. Whatever becomes of it is a result or one of the errors
below. It inherits nothing but where Python's modules are: no key of the environment reaches it. The child is
`child.py`, what travels `question.py`.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from triphase_model.validator.apart.question import Question, Stored, to_bytes
from triphase_model.validator.checking import Result
from triphase_model.validator.reports.reading import result_of
from triphase_model.validator.rule import Unanswered
from triphase_model.validator.source import NotARepository
from triphase_model.validator.stored import UnknownRepository

# What a client of gRPC takes by default, and far more than anybody reads.
MOST_ANSWER_BYTES: Final = 4 << 20
_CHILD: Final = "triphase_model.validator.apart.child"
_WHOLE: Final = "check"


class AnswerTooLarge(Exception):
    """More was found than any report can hold."""


async def check_apart(question: Question, *, most_s: float) -> Result:
    """Returns what a check finds; one that took longer than `most_s`, or ended by itself, is unanswered as a whole.

    Raises:
        UnknownRepository: There is none of that name below the roots.
        NotARepository: There is nothing that could be checked.
        AnswerTooLarge: The findings are more than `MOST_ANSWER_BYTES`.
    """
    try:
        async with asyncio.timeout(most_s):
            answer = await answer_apart(_CHILD, to_bytes(question))
    except TimeoutError:
        return _lost(question, f"it took longer than {most_s:g} s")
    except OSError as error:
        return _lost(question, f"no process could be started for it: {error.strerror}")
    if len(answer) > MOST_ANSWER_BYTES:
        raise AnswerTooLarge(f"the findings are more than {MOST_ANSWER_BYTES} bytes")
    if not answer.endswith(b"\n"):
        return _lost(question, "its process ended before it had answered")
    return _result(question, json.loads(answer))


def _result(question: Question, answer: dict[str, Any]) -> Result:
    if "unknown" in answer:
        raise UnknownRepository(answer["unknown"])
    if "refused" in answer:
        raise NotARepository(answer["refused"])
    return result_of(answer["result"]) if "result" in answer else _lost(question, answer["lost"])


def _lost(question: Question, why: str) -> Result:
    name = question.repository.name if isinstance(question.repository, Stored) else ""
    return Result(name=name, findings=(), unanswered=(Unanswered(rule=_WHOLE, why=why),))


async def answer_apart(module: str, asked: bytes) -> bytes:
    """Returns what one of our modules says as a child process, `MOST_ANSWER_BYTES` and one at most; raises OSError."""
    child, thread = _Child(module), ThreadPoolExecutor(max_workers=1, thread_name_prefix="check")
    answer = asyncio.get_running_loop().run_in_executor(thread, child.answer, asked)
    try:
        return await asyncio.shield(answer)
    finally:
        child.kill()
        await asyncio.wait((answer,))
        thread.shutdown(wait=False)


class _Child:
    """A child that a thread starts and reads, and that anybody may kill at any time.

    It is no child of the event loop: of those that uvloop started for a process that serves gRPC, some were gone before
    they had begun (docs/decisions/0018), and none of those that `subprocess` starts, which needs no fork on Linux.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._lock = threading.Lock()
        self._over = False
        self._process: subprocess.Popen[bytes] | None = None

    def answer(self, asked: bytes) -> bytes:
        """Starts it, asks, and returns what it said by the time it ended or was killed; raises OSError."""
        with self._lock:
            if self._over:
                return b""
        process = _started(self._module)
        with self._lock:
            self._process = process
            if self._over:  # it was killed before it was known
                _kill(process)
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError), process.stdin, process.stdout:
            try:
                with suppress(BrokenPipeError):  # it ended before it had read; that it gave no answer tells so
                    process.stdin.write(asked)
                    process.stdin.flush()
                return process.stdout.read(MOST_ANSWER_BYTES + 1)
            finally:
                with self._lock:
                    _kill(process)
                    self._process = None
                process.wait()
        return b""  # closing told again that it had not read

    def kill(self) -> None:
        """Kills it and all that it started; may be called twice. Its end is waited for by the thread that reads it."""
        with self._lock:
            self._over = True
            if self._process is not None:
                _kill(self._process)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    # It was not waited for yet, so its number is still its own, and with it that of its group.
    with suppress(ProcessLookupError, PermissionError):  # all of it has ended; macOS says the second
        os.killpg(process.pid, signal.SIGKILL)


def _started(module: str) -> "subprocess.Popen[bytes]":
    here = ("", ".", str(Path.cwd()))
    path = os.pathsep.join(place for place in sys.path if place not in here)
    # `-P` and the path keep the folder that this process was started in off the path, as in `rendering/asking.py`.
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module, with nothing of a repository in the command
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": path, "PYTHONHASHSEED": "0"},
        cwd=os.sep,
        start_new_session=True,
    )
