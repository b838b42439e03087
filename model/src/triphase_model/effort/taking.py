"""What must be done to conversations before a template takes them whole: the table `[messages]` of a profile.

Rule: as in `validator/rules/conversations.py`: a conversation fails, or a word that only our conversations have is
missing from its prompt, or stands there in a form that nobody wrote. Where the simplest chat fails nothing is
concluded. What a gateway then does is its own.
"""

from typing import Final, Literal

from triphase_model.effort.profile import Messages
from triphase_model.validator.rendering import probes
from triphase_model.validator.rendering.probes import PROBES, Probes
from triphase_model.validator.rendering.results import Rendering

_ARGUMENT: Final = "zqArgument"
_USER: Final = {"role": "user", "content": probes.USER}
_SYSTEM: Final = {"role": "system", "content": probes.SYSTEM}
_OTHER_SYSTEM: Final = {"role": "system", "content": probes.DEVELOPER}


def _with_arguments(arguments: object) -> dict[str, object]:
    call = {"id": "call12345", "type": "function", "function": {"name": probes.TOOL, "arguments": arguments}}
    return {**PROBES["tool_result"], "messages": [_USER, {"role": "assistant", "content": "", "tool_calls": [call]}]}


# What is asked beside the validator's own probes.
TAKING: Final[Probes] = {
    "two_systems": {**PROBES["system"], "messages": [_SYSTEM, _OTHER_SYSTEM, _USER]},
    "arguments_as_object": _with_arguments({_ARGUMENT: 1}),
    "arguments_as_text": _with_arguments(f'{{"{_ARGUMENT}": 1}}'),
}
# How content in parts looks where a template prints it instead of reading it.
_PRINTED: Final = ("'type': 'text'", '"type": "text"')


def taken(rendering: Rendering) -> Messages:
    """Judges the renderings of `PROBES` and `TAKING`."""
    if rendering.text("user") is None:
        return Messages()
    return Messages(
        system=_system(rendering),
        developer="keep" if _keeps(rendering, "developer", probes.DEVELOPER) else "system",
        alternation="keep" if _keeps(rendering, "users_in_a_row", probes.USER, probes.USER_AGAIN) else "merge",
        parts="keep" if _keeps(rendering, "parts", probes.USER, without=_PRINTED) else "text",
        null_content="keep" if _takes_null(rendering) else "empty",
        tool_arguments="keep" if _takes_arguments_as_text(rendering) else "object",
    )


def _keeps(rendering: Rendering, probe: str, *words: str, without: tuple[str, ...] = ()) -> bool:
    text = rendering.text(probe)
    return text is not None and all(word in text for word in words) and not any(word in text for word in without)


def _system(rendering: Rendering) -> Literal["keep", "merge", "user"]:
    if not _keeps(rendering, "system", probes.SYSTEM):
        return "user"
    later = _keeps(rendering, "late_system", probes.SYSTEM)
    return "keep" if later and _keeps(rendering, "two_systems", probes.SYSTEM, probes.DEVELOPER) else "merge"


def _takes_null(rendering: Rendering) -> bool:
    """Where tool calls cannot be rendered at all, null is not what is wrong with them."""
    if rendering.text("tool_result") is None:
        return True
    text = rendering.text("null_content")
    return text is not None and not ("None" in text and "None" not in (rendering.text("tool_result") or ""))


def _takes_arguments_as_text(rendering: Rendering) -> bool:
    as_object, as_text = rendering.text("arguments_as_object"), rendering.text("arguments_as_text")
    if as_object is None or _ARGUMENT not in as_object:
        return True
    return as_text is not None and _ARGUMENT in as_text and f'\\"{_ARGUMENT}' not in as_text
