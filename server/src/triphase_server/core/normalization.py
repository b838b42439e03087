"""Conversations as a model's chat template can take them: `[deployments.NAME.messages]`.

Rule: no text is lost, and texts keep their order among those of their role; what could only be dropped is refused, so
that another deployment may take it. Doing it twice changes nothing more. What concerns the JSON of a turn alone
(`null_content`, `tool_arguments`) is done where that is made, in `upstream/messages.py`; it is only noted here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from operator import is_not
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from triphase_server.core.errors import InvalidRequest, Violation
from triphase_server.core.request import GenerationRequest, ImagePart, Message, Part, Role, TextPart

Developer: TypeAlias = Literal["keep", "system"]
Parts: TypeAlias = Literal["keep", "text"]
NullContent: TypeAlias = Literal["keep", "empty"]
ToolArguments: TypeAlias = Literal["keep", "object"]
System: TypeAlias = Literal["keep", "merge", "user"]
Alternation: TypeAlias = Literal["keep", "merge"]

Turns: TypeAlias = tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalization:
    """What is put otherwise; `keep` leaves it as the caller wrote it.

    `developer`: turns of that role become turns of the system. `parts`: several texts of a turn become one, and a
    picture is refused. `null_content`: a turn of tool calls alone has an empty text. `tool_arguments`: JSON text that
    holds an object becomes that object. `system`: all turns of the system become the one at the beginning, or the
    beginning of the user's first turn. `alternation`: neighbouring turns of the user, or of the model, become one.
    """

    developer: Developer = "keep"
    parts: Parts = "keep"
    null_content: NullContent = "keep"
    tool_arguments: ToolArguments = "keep"
    system: System = "keep"
    alternation: Alternation = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalized:
    """A request as a deployment gets it, and the keys of the rules that changed it, in the order of the table."""

    request: GenerationRequest
    by: tuple[str, ...] = ()


AS_GIVEN = Normalization()

# What an engine does to every conversation by itself, before its template sees it: read in vLLM 0.33 and SGLang 0.5.23.
_DONE_BY_ENGINE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "vllm": ("developer", "parts", "null_content", "tool_arguments"),
        "sglang": ("parts", "null_content", "tool_arguments"),
    }
)

# Between texts of one turn, as engines join them that do it themselves; between texts that were turns of their own.
_BETWEEN_PARTS = "\n"
_BETWEEN_TURNS = "\n\n"


def beneath(rules: Normalization, *, engine: str) -> Normalization:
    """Returns what is left of a model's rules where `engine` serves it; of an engine that is not known, all of them."""
    done: dict[str, Any] = dict.fromkeys(_DONE_BY_ENGINE.get(engine, ()), "keep")
    return replace(rules, **done)


def normalize(request: GenerationRequest, *, rules: Normalization) -> Normalized:
    """Returns the request as the rules have it; raises InvalidRequest for what they could only drop."""
    if rules is AS_GIVEN or rules == AS_GIVEN:  # most deployments: the first look costs nothing
        return Normalized(request=request)
    turns, by = request.messages, []
    for key, value, step in _STEPS:
        if getattr(rules, key) == value:
            before, turns = turns, step(turns)
            if len(turns) != len(before) or any(map(is_not, turns, before)):
                by.append(key)
    by += [key for key, value, holds in _IN_JSON if getattr(rules, key) == value and any(map(holds, turns))]
    return Normalized(request=replace(request, messages=turns), by=tuple(by))


def _flattened(turns: Turns) -> Turns:
    pictures = tuple(
        Violation(field=f"messages[{at}].content[{place}].image", description="this model takes text alone")
        for at, turn in enumerate(turns)
        for place, part in enumerate(turn.content)
        if isinstance(part, ImagePart)
    )
    if pictures:
        raise InvalidRequest(pictures)
    return tuple(
        replace(turn, content=(_one_text(turn.content, between=_BETWEEN_PARTS),)) if len(turn.content) > 1 else turn
        for turn in turns
    )


def _without_developers(turns: Turns) -> Turns:
    return tuple(replace(turn, role=Role.SYSTEM) if turn.role is Role.DEVELOPER else turn for turn in turns)


def _one_system(turns: Turns) -> Turns:
    systems = [turn for turn in turns if turn.role is Role.SYSTEM]
    if not systems:
        return turns
    return (_fused(systems), *(turn for turn in turns if turn.role is not Role.SYSTEM))


def _into_user(turns: Turns) -> Turns:
    # Where the conversation does not begin with the user, the text gets a turn of the user's at its beginning.
    head, *others = _one_system(turns)
    if head.role is not Role.SYSTEM:
        return turns
    told = replace(head, role=Role.USER)
    if others and others[0].role is Role.USER:
        return (_fused((told, others[0])), *others[1:])
    return (told, *others)


def _alternating(turns: Turns) -> Turns:
    runs: list[list[Message]] = []
    for turn in turns:
        if runs and _follows(runs[-1][-1], turn):
            runs[-1].append(turn)
        else:
            runs.append([turn])
    return tuple(_fused(run) for run in runs)


def _follows(before: Message, turn: Message) -> bool:
    # Each result of a tool has a call of its own, and what is said after a call cannot be said before it.
    return turn.role is before.role and turn.role in {Role.USER, Role.ASSISTANT} and not before.tool_calls


def _fused(turns: Sequence[Message]) -> Message:
    first, *others = turns
    if not others:
        return first
    names = {turn.name for turn in turns if turn.name}
    if len(names) > 1:
        message = f"this model takes only one turn where {first.role.value} turns with different names stand"
        raise InvalidRequest((Violation(field="messages", description=message),))
    return replace(
        first,
        content=_joined([turn.content for turn in turns]),
        tool_calls=tuple(chain.from_iterable(turn.tool_calls for turn in turns)),
        name="".join(names),
        reasoning=_BETWEEN_TURNS.join(turn.reasoning for turn in turns if turn.reasoning),
    )


def _joined(contents: Sequence[tuple[Part, ...]]) -> tuple[Part, ...]:
    # Texts that meet where two turns did become one, so that turns of one text each stay a turn of one text.
    groups: list[list[Part]] = []
    for content in contents:
        for place, part in enumerate(content):
            meets = place == 0 and groups and isinstance(groups[-1][-1], TextPart) and isinstance(part, TextPart)
            if meets:
                groups[-1].append(part)
            else:
                groups.append([part])
    return tuple(group[0] if len(group) == 1 else _one_text(group, between=_BETWEEN_TURNS) for group in groups)


def _one_text(parts: Sequence[Part], *, between: str) -> TextPart:
    return TextPart(between.join(part.text for part in parts if isinstance(part, TextPart)))


# In the order in which they are done: pictures are refused by their place in what the caller sent, and what becomes a
# turn of the system is one before these are merged.
_STEPS: Sequence[tuple[str, str, Callable[[Turns], Turns]]] = (
    ("parts", "text", _flattened),
    ("developer", "system", _without_developers),
    ("system", "merge", _one_system),
    ("system", "user", _into_user),
    ("alternation", "merge", _alternating),
)
_IN_JSON: Sequence[tuple[str, str, Callable[[Message], bool]]] = (
    ("null_content", "empty", lambda turn: not turn.content),
    ("tool_arguments", "object", lambda turn: bool(turn.tool_calls)),
)
