"""One row of a prompt file as the turns of a conversation: three shapes, told apart by the field that they have.

`prompt`: a text. `messages`: as `/chat/completions` takes them, the last one the user's; sent as they are. Each with
`turns`, further texts of the user, if there are any. `conversations`: the shape of ShareGPT, `from` and `value` in
turn; the user's texts are asked one by one, and the recorded answers only tell how long answers are.
Beside them `output_tokens` and `extra_body`. Other fields mean nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from triphase_benchmark.plan.values import Message

_ROLES = {
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "bing", "bard"), "assistant"),
    "system": "system",
}
_KNOWN = ("system", "developer", "user", "assistant", "tool")
_MOST_OUTPUT = 2_000_000


class WrongRow(Exception):
    """The row is none of a prompt file; says why, but not where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTurn:
    """What one turn adds. `output_tokens`: as the row says. `answer`: the recorded one, where there is one."""

    messages: tuple[Message, ...]
    output_tokens: int | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The turns of one conversation, at least one."""

    turns: tuple[RowTurn, ...]
    extra_body: Mapping[str, Any] | None = None


def row_of(value: object) -> Row | None:
    """The row that a JSON value is; `None`: a recorded conversation in which no user asks anything.

    Raises:
        WrongRow: It is none.
    """
    if not isinstance(value, dict):
        raise WrongRow("it is no object")
    shape = next((name for name in _SHAPES if value.get(name) is not None), None)
    if shape is None:
        raise WrongRow(f"it has no {', '.join(_SHAPES)}, one of which it takes")
    extra_body, tokens = value.get("extra_body"), value.get("output_tokens")
    if extra_body is not None and not isinstance(extra_body, dict):
        raise WrongRow("extra_body is no object")
    if tokens is not None and not (type(tokens) is int and 1 <= tokens <= _MOST_OUTPUT):
        raise WrongRow(f"output_tokens is no whole number from 1 to {_MOST_OUTPUT}")
    turns = (*_SHAPES[shape](value[shape]), *_further(value.get("turns")))
    if not turns:
        return None
    return Row(turns=tuple(_with(turn, tokens) for turn in turns), extra_body=extra_body)


def _with(turn: RowTurn, tokens: int | None) -> RowTurn:
    return RowTurn(messages=turn.messages, answer=turn.answer, output_tokens=tokens)


def _prompt(value: object) -> list[RowTurn]:
    return [RowTurn(messages=(Message(role="user", content=_text(value, "prompt")),))]


def _messages(value: object) -> list[RowTurn]:
    try:
        messages = msgspec.convert(value, tuple[Message, ...])
    except msgspec.ValidationError as problem:
        raise WrongRow(f"messages are no list of role and content: {problem}") from None
    if wrong := [message.role for message in messages if message.role not in _KNOWN]:
        raise WrongRow(f"{wrong[0]!r} is no role: it takes {', '.join(_KNOWN)}")
    if not messages or messages[-1].role not in {"user", "tool"} or not messages[-1].content:
        raise WrongRow("the last of its messages is not the user's, or is empty")
    return [RowTurn(messages=messages)]


def _further(value: object) -> list[RowTurn]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise WrongRow("turns is no list of texts")
    return [RowTurn(messages=(Message(role="user", content=_text(text, "a turn")),)) for text in value]


def _conversations(value: object) -> list[RowTurn]:
    if not isinstance(value, list):
        raise WrongRow("conversations is no list")
    turns: list[RowTurn] = []
    waiting: list[Message] = []
    for entry in value:
        role, text = _said(entry)
        if role != "assistant":
            waiting.append(Message(role=role, content=text))
        elif waiting and waiting[-1].role == "user":  # not one that continues, or begins, the conversation
            turns.append(RowTurn(messages=tuple(waiting), answer=text))
            waiting = []
    if waiting and waiting[-1].role == "user":  # a question that nobody had answered
        turns.append(RowTurn(messages=tuple(waiting)))
    return turns


def _said(entry: object) -> tuple[str, str]:
    if not isinstance(entry, dict) or not isinstance(entry.get("value"), str):
        raise WrongRow("its conversations have an entry without from and value")
    if entry.get("from") not in _ROLES:
        raise WrongRow(f"{entry.get('from')!r} is nobody in conversations: it takes {', '.join(_ROLES)}")
    return _ROLES[entry["from"]], entry["value"]


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise WrongRow(f"{what} is no text, or an empty one")
    return value


_SHAPES: Mapping[str, Callable[[object], list[RowTurn]]] = {
    "prompt": _prompt,
    "messages": _messages,
    "conversations": _conversations,
}
