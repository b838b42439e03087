"""Normalization: each rule by cases, and for every conversation and every set of rules that nothing is lost."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triphase_server.core.errors import InvalidRequest
from triphase_server.core.normalization import AS_GIVEN, Normalization, beneath, normalize
from triphase_server.core.request import GenerationRequest, ImagePart, Message, Part, Role, TextPart, ToolCall

PICTURE = ImagePart("https://h/i.png")


def said(role: Role, *texts: str, **fields: Any) -> Message:
    return Message(role=role, content=tuple(TextPart(text) for text in texts), **fields)


def user(*texts: str, **fields: Any) -> Message:
    return said(Role.USER, *texts, **fields)


def system(*texts: str, **fields: Any) -> Message:
    return said(Role.SYSTEM, *texts, **fields)


def model(*texts: str, **fields: Any) -> Message:
    return said(Role.ASSISTANT, *texts, **fields)


def result(text: str, call: str) -> Message:
    return said(Role.TOOL, text, tool_call_id=call)


def call(name: str) -> ToolCall:
    return ToolCall(id=name, name="look", arguments="{}")


def put(turns: Sequence[Message], **rules: Any) -> tuple[Message, ...]:
    request = GenerationRequest(model="m", messages=tuple(turns))
    return normalize(request, rules=Normalization(**rules)).request.messages


CASES: list[tuple[str, dict[str, Any], list[Message], list[Message]]] = [
    (
        "developer turns become turns of the system, where they stand",
        {"developer": "system"},
        [said(Role.DEVELOPER, "Be brief."), user("Hi"), said(Role.DEVELOPER, "Now in verse.")],
        [system("Be brief."), user("Hi"), system("Now in verse.")],
    ),
    (
        "several texts of a turn become one, line by line",
        {"parts": "text"},
        [user("One", "Two"), model("Three")],
        [user("One\nTwo"), model("Three")],
    ),
    (
        "a turn of tool calls alone has no text to flatten",
        {"parts": "text"},
        [model(tool_calls=(call("a"),))],
        [model(tool_calls=(call("a"),))],
    ),
    (
        "all turns of the system become the first",
        {"system": "merge"},
        [user("Hi"), system("One"), model("Yes?"), system("Two")],
        [system("One\n\nTwo"), user("Hi"), model("Yes?")],
    ),
    (
        "the system's text begins the user's first turn",
        {"system": "user"},
        [system("One"), user("Hi"), model("Yes?"), system("Two")],
        [user("One\n\nTwo\n\nHi"), model("Yes?")],
    ),
    (
        "where the model speaks first, the system's text is a turn of the user's before it",
        {"system": "user"},
        [system("One"), model("Yes?"), user("Hi")],
        [user("One"), model("Yes?"), user("Hi")],
    ),
    ("a conversation of the system alone becomes the user's", {"system": "user"}, [system("One")], [user("One")]),
    ("without a system there is nothing to fold", {"system": "user"}, [user("Hi")], [user("Hi")]),
    ("without a system there is nothing to merge", {"system": "merge"}, [user("Hi")], [user("Hi")]),
    (
        "neighbouring turns of one role become one, with all that was thought and called",
        {"alternation": "merge"},
        [
            user("a"),
            user("b"),
            model("c", reasoning="C?"),
            model("d", reasoning="D?", tool_calls=(call("x"), call("y"))),
            result("1", "x"),
            result("2", "y"),
        ],
        [
            user("a\n\nb"),
            model("c\n\nd", reasoning="C?\n\nD?", tool_calls=(call("x"), call("y"))),
            result("1", "x"),
            result("2", "y"),
        ],
    ),
    (
        "what is said after a tool call is not put before it",
        {"alternation": "merge"},
        [user("a"), model(tool_calls=(call("x"),)), model("b")],
        [user("a"), model(tool_calls=(call("x"),)), model("b")],
    ),
    (
        "a name holds for all of what is merged",
        {"alternation": "merge"},
        [user("a"), user("b", name="ann"), user("c", name="ann")],
        [user("a\n\nb\n\nc", name="ann")],
    ),
    (
        "everything at once",
        {"developer": "system", "parts": "text", "system": "user", "alternation": "merge"},
        [said(Role.DEVELOPER, "One", "Two"), user("a"), system("Three"), user("b", "c")],
        [user("One\nTwo\n\nThree\n\na\n\nb\nc")],
    ),
]


@pytest.mark.parametrize(("rules", "given_turns", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_a_conversation_becomes(rules: dict[str, Any], given_turns: list[Message], expected: list[Message]) -> None:
    assert put(given_turns, **rules) == tuple(expected)


def test_pictures_keep_their_place_where_turns_are_merged() -> None:
    seen = Message(role=Role.USER, content=(TextPart("See"), PICTURE))
    shown = Message(role=Role.USER, content=(PICTURE, TextPart("and this"), TextPart("too")))
    (turn,) = put([system("Look."), seen, shown, user("Well?")], system="user", alternation="merge")
    expected: tuple[Part, ...] = (
        TextPart("Look.\n\nSee"), PICTURE, PICTURE, TextPart("and this"), TextPart("too\n\nWell?")
    )  # fmt: skip
    assert turn.content == expected


def test_a_picture_is_refused_where_only_text_is_taken() -> None:
    with pytest.raises(InvalidRequest) as refused:
        put(
            [system("Look."), Message(role=Role.USER, content=(TextPart("See"), PICTURE))],
            parts="text",
            system="user",
        )
    (violation,) = refused.value.violations
    assert (violation.field, violation.description) == ("messages[1].content[1].image", "this model takes text alone")


@pytest.mark.parametrize(
    ("turns", "rules"),
    [
        ([user("a", name="ann"), user("b", name="bob")], {"alternation": "merge"}),
        ([system("a", name="ann"), system("b", name="bob")], {"system": "merge"}),
        ([system("a", name="ann"), user("b", name="bob")], {"system": "user"}),
    ],
)
def test_turns_with_different_names_are_refused_where_they_would_be_merged(
    turns: list[Message], rules: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest, match="turns with different names"):
        put(turns, **rules)


def test_nothing_is_even_looked_at_where_no_rule_says_so() -> None:
    request = GenerationRequest(model="m", messages=(said(Role.DEVELOPER, "a", "b"), system("c")))
    normalized = normalize(request, rules=Normalization())
    assert normalized.request is request
    assert normalized.by == ()


def test_what_changed_a_request_is_told_by_the_names_of_the_rules() -> None:
    every = Normalization(
        developer="system",
        parts="text",
        null_content="empty",
        tool_arguments="object",
        system="merge",
        alternation="merge",
    )
    plain = GenerationRequest(model="m", messages=(system("a"), user("b")))
    assert normalize(plain, rules=every).by == ()
    messages = (
        said(Role.DEVELOPER, "a"), system("b", "c"), user("d"), user("e"), model(tool_calls=(call("x"),)),
    )  # fmt: skip
    wild = GenerationRequest(model="m", messages=messages)
    expected = ("parts", "developer", "system", "alternation", "null_content", "tool_arguments")
    assert normalize(wild, rules=every).by == expected


def test_an_engine_is_left_what_it_does_by_itself() -> None:
    rules = Normalization(developer="system", parts="text", tool_arguments="object", system="merge")
    assert beneath(rules, engine="vllm") == Normalization(system="merge")
    assert beneath(rules, engine="sglang") == Normalization(developer="system", system="merge")
    assert beneath(rules, engine="of some other make") == rules


# Texts that no joining makes or takes: what is between them is space.
_TEXTS = st.integers(0, 10**6).map(lambda number: f"w{number}")
_CONTENT = st.lists(_TEXTS.map(TextPart), min_size=1, max_size=3).map(tuple)
_CALLS = st.lists(
    st.builds(ToolCall, id=_TEXTS, name=st.just("look"), arguments=st.sampled_from(["", "{}", "no JSON"])),
    max_size=2,
).map(tuple)
_SPOKEN = st.sampled_from([Role.SYSTEM, Role.DEVELOPER, Role.USER])
_TURNS = st.one_of(
    st.builds(Message, role=_SPOKEN, content=_CONTENT),
    st.builds(
        Message, role=st.just(Role.ASSISTANT), content=_CONTENT, tool_calls=_CALLS, reasoning=_TEXTS | st.just("")
    ),
    st.builds(Message, role=st.just(Role.TOOL), content=_CONTENT, tool_call_id=_TEXTS),
)
_RULES = st.builds(
    Normalization,
    developer=st.sampled_from(["keep", "system"]),
    parts=st.sampled_from(["keep", "text"]),
    null_content=st.sampled_from(["keep", "empty"]),
    tool_arguments=st.sampled_from(["keep", "object"]),
    system=st.sampled_from(["keep", "merge", "user"]),
    alternation=st.sampled_from(["keep", "merge"]),
)


def words(turns: Sequence[Message], of: Callable[[Message], str]) -> list[str]:
    return [word for turn in turns for word in of(turn).split()]


def text_of(turn: Message) -> str:
    return " ".join(part.text for part in turn.content if isinstance(part, TextPart))


def calls_of(turn: Message) -> str:
    return " ".join(call.id for call in turn.tool_calls)


@given(turns=st.lists(_TURNS, min_size=1, max_size=8), rules=_RULES)
def test_no_text_is_lost_and_order_is_kept(turns: list[Message], rules: Normalization) -> None:
    after = normalize(GenerationRequest(model="m", messages=tuple(turns)), rules=rules).request.messages
    told = {Role.SYSTEM, Role.DEVELOPER} if rules.developer == "system" else {Role.SYSTEM}
    moves = told if rules.system != "keep" else set()
    moved = [turn for turn in turns if turn.role in moves]
    others = [turn for turn in turns if turn.role not in moves]
    assert words(after, text_of) == words([*moved, *others], text_of)
    assert words(after, calls_of) == words(turns, calls_of)
    assert words(after, lambda turn: turn.reasoning) == words(turns, lambda turn: turn.reasoning)
    assert [t.tool_call_id for t in after if t.role is Role.TOOL] == [
        t.tool_call_id for t in turns if t.role is Role.TOOL
    ]


@given(turns=st.lists(_TURNS, min_size=1, max_size=8), rules=_RULES)
def test_doing_it_twice_changes_nothing_more(turns: list[Message], rules: Normalization) -> None:
    once = normalize(GenerationRequest(model="m", messages=tuple(turns)), rules=rules).request
    twice = normalize(once, rules=rules)
    assert twice.request.messages == once.messages
    assert set(twice.by) <= {"null_content", "tool_arguments"}


@given(turns=st.lists(_TURNS, min_size=1, max_size=8), rules=_RULES)
def test_a_template_gets_what_the_rules_promise(turns: list[Message], rules: Normalization) -> None:
    after = normalize(GenerationRequest(model="m", messages=tuple(turns)), rules=rules).request.messages
    roles = [turn.role for turn in after]
    assert rules.developer == "keep" or Role.DEVELOPER not in roles
    assert rules.parts == "keep" or all(len(turn.content) <= 1 for turn in after)
    assert rules.system != "merge" or roles.count(Role.SYSTEM) == roles[:1].count(Role.SYSTEM)
    assert rules.system != "user" or Role.SYSTEM not in roles
    if rules.alternation == "merge":
        speaking = {Role.USER, Role.ASSISTANT}
        neighbours = [(a, b) for a, b in pairwise(after) if a.role is b.role and a.role in speaking]
        assert all(a.tool_calls for a, _ in neighbours)


def test_the_rules_that_keep_everything_are_the_default() -> None:
    assert Normalization() == AS_GIVEN
