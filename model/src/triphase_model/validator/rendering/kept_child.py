"""The child process that keeps one template and renders it again and again: a line in, a line out.

Rule: as in `child.py` nothing of a template runs without limits. Processor time is counted anew for each rendering;
whoever passes it is killed by the system, as is who was not asked for a while. The first line has the template, each
further one the variables of one rendering; the end of the input ends the process. The parent is `kept.py`.
"""

import json
import resource
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import jinja2

from triphase_model.validator.rendering.child import (
    MEMORY_BYTES,
    PROCESSOR_S,
    failed,
    limit_everything_but_time,
    rendered,
    say,
)
from triphase_model.validator.rendering.environment import hugging_face_environment

# A template that nobody renders any more, after another configuration perhaps, is not kept for ever.
IDLE_S: Final = 900


def main() -> None:
    """Compiles the template, says whether that succeeded, and renders until nobody asks any more."""
    limit_everything_but_time(memory_bytes=MEMORY_BYTES)
    _allow_time()
    asked = json.loads(sys.stdin.readline() or "{}")
    template = _compiled(asked)
    if template is None:
        return
    signal.alarm(IDLE_S)
    for line in sys.stdin:
        signal.alarm(IDLE_S)
        _allow_time()
        say(_answer(template, asked["tokens"], line))


def _compiled(asked: Mapping[str, Any]) -> jinja2.Template | None:
    environment = hugging_face_environment()
    environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
    try:
        template = environment.from_string(asked["source"])
    except Exception as error:  # whatever a template does to the compiler is an answer
        say(failed(error))
        return None
    say({})
    return template


def _answer(template: jinja2.Template, tokens: Mapping[str, str], line: str) -> Mapping[str, Any]:
    try:
        variables = json.loads(line)
    except (ValueError, RecursionError, MemoryError) as error:
        return failed(error)
    return rendered(template, {**tokens, **variables})


def _allow_time() -> None:
    """Lets this process have so much processor time from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + 1 + PROCESSOR_S
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
