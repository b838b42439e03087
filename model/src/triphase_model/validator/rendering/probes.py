"""The conversations that a template is asked to render, with words in them that nothing else has.

Rule: each probe differs from another in one thing, so that a difference between their texts has one cause. What follows
from them is `rules/template.py` and `rules/stopping.py`; rendering is `child.py`.
"""

from collections.abc import Mapping
from typing import Any, Final

# Words that no template has of its own, no tokenizer as a token, and no trimming changes.
USER: Final = "zqUserFirst"
USER_AGAIN: Final = "zqUserSecond"
ANSWER: Final = "zqAnswerFirst"
OTHER_ANSWER: Final = "zqReplyOther"
SYSTEM: Final = "zqSystemText"
DEVELOPER: Final = "zqDeveloperText"
TOOL: Final = "zq_tool_name"
RESULT: Final = "zqToolResult"

Message = Mapping[str, Any]
# The variables of each rendering, by its name.
Probes = Mapping[str, Mapping[str, Any]]

_FUNCTION: Final = {"name": TOOL, "description": "zq", "parameters": {"type": "object", "properties": {}}}
_TOOLS: Final = [{"type": "function", "function": _FUNCTION}]
_CALL: Final = {"id": "call12345", "type": "function", "function": {"name": TOOL, "arguments": {}}}


def _user(content: object = USER) -> Message:
    return {"role": "user", "content": content}


def _answer(content: str = ANSWER) -> Message:
    return {"role": "assistant", "content": content}


def _asked(*messages: Message, prompt: bool = True, **variables: Any) -> Mapping[str, Any]:
    return {"messages": list(messages), "add_generation_prompt": prompt, "tools": None, "documents": None} | variables


PROBES: Final[Probes] = {
    "user": _asked(_user()),
    "user_without_prompt": _asked(_user(), prompt=False),
    "answered": _asked(_user(), _answer(), prompt=False),
    "answered_otherwise": _asked(_user(), _answer(OTHER_ANSWER), prompt=False),
    "two_turns": _asked(_user(), _answer(), _user(USER_AGAIN)),
    "system": _asked({"role": "system", "content": SYSTEM}, _user()),
    "developer": _asked({"role": "developer", "content": DEVELOPER}, _user()),
    "users_in_a_row": _asked(_user(), _user(USER_AGAIN)),
    "late_system": _asked(_user(), _answer(), {"role": "system", "content": SYSTEM}, _user(USER_AGAIN)),
    "parts": _asked(_user([{"type": "text", "text": USER}])),
    "tools": _asked(_user(), tools=_TOOLS),
    "tool_result": _asked(
        _user(),
        {"role": "assistant", "content": "", "tool_calls": [_CALL]},
        {"role": "tool", "content": RESULT, "tool_call_id": "call12345", "name": TOOL},
        tools=_TOOLS,
    ),
    "null_content": _asked(_user(), {"role": "assistant", "content": None, "tool_calls": [_CALL]}, tools=_TOOLS),
}
