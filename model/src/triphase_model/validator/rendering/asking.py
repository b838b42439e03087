"""Has a template rendered by a child process, and makes one value of whatever came of it.

Rule: the child is killed when its time is over, its answer is read up to a limit, and it inherits nothing but where
Python's modules are. What it was stopped in is a limit's outcome, never an error here. The child is `child.py`.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from triphase_model.validator.rendering.probes import PROBES, Probes
from triphase_model.validator.rendering.results import Failure, Outcome, Rendering, Seen, Sight

LONGEST_SOURCE: Final = 262_144
# Longer than the limit of processor time, for a machine that is busy: a template cannot sleep.
_WALL_S: Final = 20.0
_MOST_ANSWER_BYTES: Final = 32 << 20
_CHILD: Final = "triphase_model.validator.rendering.child"


def render(source: str, tokens: Mapping[str, str], probes: Probes = PROBES) -> Rendering:
    """Renders all probes; `tokens` are the special tokens by the names that templates know, such as `bos_token`."""
    if len(source) > LONGEST_SOURCE:
        detail = f"it has {len(source)} characters; more than {LONGEST_SOURCE} are not rendered"
        return Rendering(refused=Failure.LIMIT, detail=detail)
    question = json.dumps({"source": source, "tokens": dict(tokens), "probes": probes})
    try:
        answer = answer_of(_CHILD, question.encode())
    except OSError as error:
        return Rendering(lost=f"no process could be started for it: {error.strerror}")
    return _of_answers(list(_lines(answer)), probes)


def answer_of(module: str, question: bytes) -> bytes:
    """What one of our modules, run as a process of its own, answers before its time is over; raises OSError."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module, with nothing of a repository in the command
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=bare_environment(),
        cwd=os.sep,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        watch = threading.Timer(_WALL_S, child.kill)
        watch.start()
        try:
            _tell(child.stdin, question)
            return child.stdout.read(_MOST_ANSWER_BYTES)
        finally:
            watch.cancel()
            child.kill()


def bare_environment() -> dict[str, str]:
    """What a child inherits: where Python's modules are."""
    # `-P` and this keep the folder that a user stands in off the path: it may be the very repository that is checked.
    here = ("", ".", str(Path.cwd()))
    path = os.pathsep.join(place for place in sys.path if place not in here)
    return {"PYTHONPATH": path, "PYTHONHASHSEED": "0"}


def _tell(pipe: Any, question: bytes) -> None:
    try:
        pipe.write(question)
        pipe.close()
    except BrokenPipeError:
        pass  # it ended before it had read; that it gave no answer is told by the answer


def _lines(answer: bytes) -> Iterator[dict[str, Any]]:
    """The answers that arrived whole: the last one may be cut where the child was stopped."""
    for line in answer.split(b"\n")[:-1]:
        yield json.loads(line)


def _of_answers(answers: list[dict[str, Any]], probes: Probes) -> Rendering:
    if not answers:
        return Rendering(refused=Failure.LIMIT, detail="it was stopped before it was compiled")
    first, *others = answers
    if "refused" in first:
        return Rendering(refused=Failure(first["refused"]), detail=first["detail"], line=first["line"])
    outcomes = {answer["probe"]: _outcome(answer) for answer in others}
    stopped = next((name for name in probes if name not in outcomes), None)
    if stopped:
        outcomes[stopped] = Outcome(failure=Failure.LIMIT, detail="it took too much time or memory")
    return Rendering(
        outcomes=outcomes,
        variables=frozenset(first["variables"]),
        literals={name: tuple(words) for name, words in first["literals"].items()},
        seen=tuple(Sight(what=Seen(s["what"]), line=s["line"], detail=s["detail"]) for s in first["seen"]),
    )


def _outcome(answer: Mapping[str, Any]) -> Outcome:
    if "failure" in answer:
        return Outcome(failure=Failure(answer["failure"]), detail=answer["detail"])
    return Outcome(text=answer["text"])
