"""Has the profile of a repository derived by a child process, for a gateway that has other things to do.

Rule: as for checks (`validator/apart/asking.py`): the child has limits, is killed with all that it started when
its time is over or the caller is cancelled, and whatever becomes of it is a profile or `CannotDerive`. The child is
`deriving_child.py`.
"""

import asyncio
import json
from pathlib import Path
from typing import Final

from triphase_model.effort.profile import Profile, parsed
from triphase_model.validator.apart.asking import MOST_ANSWER_BYTES, answer_apart
from triphase_model.validator.apart.question import Question, Stored, to_bytes
from triphase_model.validator.checking import Selection

_CHILD: Final = "triphase_model.effort.deriving_child"
_NAME: Final = "derived.json"


class CannotDerive(Exception):
    """There is no profile to be had of a repository; the message says why, in one line."""


async def derived(folder: Path, *, most_s: float) -> Profile:
    """Returns the profile of the repository in a folder; paths in it are relative to that folder.

    Raises:
        CannotDerive: There is no repository, no chat of it can be rendered, or it took longer than `most_s` seconds.
    """
    try:
        async with asyncio.timeout(most_s):
            answer = await answer_apart(_CHILD, to_bytes(_question(folder)))
    except TimeoutError as error:
        raise CannotDerive(f"it took longer than {most_s:g} s") from error
    except OSError as error:
        raise CannotDerive(f"no process could be started for it: {error.strerror}") from error
    if len(answer) > MOST_ANSWER_BYTES or not answer.endswith(b"\n"):
        raise CannotDerive("its process ended before it had answered")
    return _profile(json.loads(answer))


def _question(folder: Path) -> Question:
    whole = folder.absolute()
    return Question(repository=Stored(name=whole.name, roots=(str(whole.parent),)), selection=Selection())


def _profile(answer: dict[str, dict[str, str]]) -> Profile:
    result = answer.get("result", {})
    if "profile" not in result:
        why = (*(answer[key] for key in ("unknown", "refused", "lost") if key in answer), result.get("problem"))
        raise CannotDerive(str(why[0]))
    return parsed(result["profile"].encode(), file=_NAME)
