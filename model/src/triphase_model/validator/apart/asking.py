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
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
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
_BLOCK_BYTES: Final = 1 << 16


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
            answer = await _answered(to_bytes(question))
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


async def _answered(asked: bytes) -> bytes:
    """Returns what the child said, and one byte more than it may say at most."""
    process = await _started()
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(ConnectionError):  # it ended before it had read; that it gave no answer is told by the answer
            process.stdin.write(asked)
            await process.stdin.drain()
        said = bytearray()
        while len(said) <= MOST_ANSWER_BYTES and (block := await process.stdout.read(_BLOCK_BYTES)):
            said += block
        return bytes(said[: MOST_ANSWER_BYTES + 1])
    finally:
        await _ended(process)


async def _started() -> Process:
    here = ("", ".", str(Path.cwd()))
    path = os.pathsep.join(place for place in sys.path if place not in here)
    # `-P` and the path keep the folder that this process was started in off the path, as in `rendering/asking.py`.
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", _CHILD),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env={"PYTHONPATH": path, "PYTHONHASHSEED": "0"},
        cwd=os.sep,
        start_new_session=True,
    )


async def _ended(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):  # it has just ended, and macOS says the second of it
            os.killpg(process.pid, signal.SIGKILL)
    # Reads to the end of its output as well, without which the pipe would stay open.
    await process.communicate()
