"""The process that makes one check: reads a question from standard input, writes the answer, a line of JSON.

Rule: limits come first, and it leaves the processor to others. Its standard input stays open while it is wanted: where
that ends, it and what it started for templates are killed at once, so that nothing outlives whoever asked. The question
is `question.py`, whoever asks `asking.py`. Run as `python -m triphase_model.validator.apart.child`.
"""

import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from triphase_model.validator.apart import question
from triphase_model.validator.checking import check
from triphase_model.validator.reports.machine import json_report
from triphase_model.validator.source import NotARepository
from triphase_model.validator.stored import UnknownRepository

# Twice what the largest tokenizer that there is takes; the child of a template lowers it further.
_MEMORY_BYTES: Final = 2 << 30
_NICER: Final = 10


def main() -> None:
    """Answers what was asked."""
    answer(_checked)


def answer(find: Callable[[question.Question], Any]) -> None:
    """Has the answer to one question found, within limits, and says it."""
    _limit()
    asked = question.read(sys.stdin.buffer)
    threading.Thread(target=_end_with_whoever_asked, daemon=True).start()
    sys.stdout.write(json.dumps(_answer(asked, find)) + "\n")
    sys.stdout.flush()


def _checked(asked: question.Question) -> Any:
    return json.loads(json_report(check(asked.repository.opened(), asked.selection)))


def _answer(asked: question.Question, find: Callable[[question.Question], Any]) -> dict[str, Any]:
    try:
        return {"result": find(asked)}
    except UnknownRepository as error:
        return {"unknown": str(error)}
    except NotARepository as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"lost": "it took too much memory"}


def _limit() -> None:
    """Lowers what this process may have; not every system knows every limit."""
    os.nice(_NICER)
    for kind, most in ((resource.RLIMIT_AS, _MEMORY_BYTES), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def _end_with_whoever_asked() -> None:
    # By the descriptor: a thread that waits in `sys.stdin` would hold up the end of the interpreter.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.killpg(os.getpgid(0), signal.SIGKILL)


if __name__ == "__main__":
    main()
