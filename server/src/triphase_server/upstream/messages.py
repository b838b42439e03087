"""Turns and tools as an engine's JSON has them.

The rule: what is one text stays one string, since chat templates of many models cannot read lists of parts. Schemas are
embedded as the text they are, so that the order of their keys, which is part of the prompt, survives. The rest of the
body is in `body.py`.
"""

from typing import assert_never

import msgspec

from triphase_server.core.errors import InternalError
from triphase_server.core.normalization import AS_GIVEN, Normalization
from triphase_server.core.request import ImagePart, Message, Part, Role, TextPart, Tool, ToolCall

Json = dict[str, object]


def message_json(message: Message, *, reasoning_field: str, rules: Normalization = AS_GIVEN) -> Json:
    """Returns one turn; thoughts of an earlier answer go into `reasoning_field`, and `rules` are its deployment's."""
    turn: Json = {"role": message.role.value}
    if message.name:
        turn["name"] = message.name
    turn["content"] = _content(message, rules)
    if message.reasoning:
        turn[reasoning_field] = message.reasoning
    if message.tool_calls:
        turn["tool_calls"] = [_tool_call(call, rules) for call in message.tool_calls]
    if message.role is Role.TOOL:
        turn["tool_call_id"] = message.tool_call_id
    return turn


def tool_json(tool: Tool) -> Json:
    """Returns one tool; no `parameters` means that it takes none."""
    function: Json = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters_schema:
        function["parameters"] = raw_object(tool.parameters_schema)
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def raw_object(text: str) -> msgspec.Raw:
    """Returns the text of a JSON object for embedding as it is.

    It is checked once more, since a text that is not one object could close ours and add fields to it; raises
    InternalError then.
    """
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        pass
    else:
        return msgspec.Raw(text)
    raise InternalError("the text of a schema is not a JSON object")


def _content(message: Message, rules: Normalization) -> object:
    match message.content:
        case ():
            # A turn of tool calls alone: null is how the OpenAI API itself writes it.
            return "" if rules.null_content == "empty" else None
        case (TextPart(text=text),):
            return text
        case parts:
            return [_part(part) for part in parts]


def _part(part: Part) -> Json:
    match part:
        case TextPart(text=text):
            return {"type": "text", "text": text}
        case ImagePart(url=url, detail=""):
            return {"type": "image_url", "image_url": {"url": url}}
        case ImagePart(url=url, detail=detail):
            return {"type": "image_url", "image_url": {"url": url, "detail": detail}}
        case _:
            assert_never(part)


def _tool_call(call: ToolCall, rules: Normalization) -> Json:
    arguments = _arguments(call.arguments) if rules.tool_arguments == "object" else call.arguments
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _arguments(text: str) -> object:
    # What a model wrote wrong stays the text that it is: a history with one bad call in it can still go on.
    try:
        return raw_object(text or "{}")
    except (InternalError, RecursionError):
        return text
