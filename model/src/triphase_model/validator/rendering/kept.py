"""A template whose child process is kept, for whoever renders it often and must not wait: asynchronously.

Rule: one rendering at a time, each with a limit of time; a child that passes a limit, or dies, is replaced by the next
rendering, and what it was stopped in is an outcome. A caller that is cancelled leaves its rendering to come to its end.
The child is `kept_child.py`; it inherits nothing but where Python's modules are, as in `asking.py`.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from triphase_model.validator.rendering.asking import LONGEST_SOURCE, bare_environment
from triphase_model.validator.rendering.results import Failure, Outcome

_CHILD: Final = "triphase_model.validator.rendering.kept_child"
# A line is JSON in ASCII, at most six bytes a character, of a text with a limit of its own (`child.py`).
_LONGEST_ANSWER: Final = 8 << 20
_LONGEST_QUESTION: Final = 64 << 20


class KeptTemplate:
    """One template, its child started by the first rendering; `tokens` are special tokens by their templates' names.

    `wall_s` is the longest that one rendering may take, the start of a child included.
    """

    def __init__(self, source: str, tokens: Mapping[str, str], *, wall_s: float = 10.0) -> None:
        self._source = source
        self._tokens = dict(tokens)
        self._wall_s = wall_s
        self._turn = asyncio.Lock()
        self._child: asyncio.subprocess.Process | None = None
        self._running: set[asyncio.Task[Outcome]] = set()

    @property
    def pid(self) -> int | None:
        """The process id of the child, where there is one."""
        return None if self._child is None else self._child.pid

    async def render(self, variables: Mapping[str, Any]) -> Outcome:
        """Renders once; whatever goes wrong is in the outcome."""
        question = json.dumps(variables).encode() + b"\n"
        if len(self._source) > LONGEST_SOURCE or len(question) > _LONGEST_QUESTION:
            return Outcome(failure=Failure.LIMIT, detail="the template or what it is to render is too long")
        task = asyncio.create_task(self._rendered(question))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Ends the child, and what it does."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._end()

    async def _rendered(self, question: bytes) -> Outcome:
        async with self._turn:
            try:
                async with asyncio.timeout(self._wall_s):
                    answer = await self._asked(question)
            except (TimeoutError, ValueError):  # ValueError: a longer line than any
                answer = {}
            except OSError as error:
                answer = {"failure": Failure.OTHER, "detail": f"no process could be started for it: {error.strerror}"}
            except BaseException:
                await self._end()
                raise
            if "text" in answer:
                return Outcome(text=answer["text"])
            if not answer:
                await self._end()
                return Outcome(failure=Failure.LIMIT, detail="it took too much time or memory")
            return Outcome(failure=Failure(answer["failure"]), detail=answer["detail"])

    async def _asked(self, question: bytes) -> dict[str, Any]:
        """Returns the child's answer, empty where it died."""
        if self._child is None or self._child.returncode is not None:
            await self._end()
            refusal = await self._start()
            if refusal is not None:
                await self._end()
                return refusal
        assert self._child is not None
        assert self._child.stdin is not None
        with suppress(ConnectionError):
            self._child.stdin.write(question)
            await self._child.stdin.drain()
        answer = await _line(self._child)
        if answer is None and await self._child.wait() == -signal.SIGALRM:  # it ended, idle, before it had read this
            return await self._asked(question)
        return answer or {}

    async def _start(self) -> dict[str, Any] | None:
        """Starts a child; returns why it could not compile the template, else nothing."""
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            _CHILD,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_LONGEST_ANSWER,
            env=bare_environment(),
            cwd=os.sep,
            start_new_session=True,  # an interrupt at the terminal is for the parent
        )
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps({"source": self._source, "tokens": self._tokens}).encode() + b"\n")
        compiled = await _line(self._child)
        if compiled is None:
            return {"failure": Failure.LIMIT, "detail": "it was stopped before it was compiled"}
        return compiled or None

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
        # Reads to the end of its output as well, without which the pipe would stay open.
        await child.communicate()


async def _line(child: asyncio.subprocess.Process) -> dict[str, Any] | None:
    assert child.stdout is not None
    line = await child.stdout.readline()
    answer: dict[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
    return answer
