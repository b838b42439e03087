"""What a template's source does that a chat template need not: it is looked at before it is rendered.

Rule: a table of looks, each at one kind of node, and each finds what the sandbox lets pass: texts that grow without
bound, addresses and invisible characters in what a model reads, and words of a user that change what it is told.
What each is called in a report, and how bad it is, is `rules/security.py`.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from jinja2 import nodes

from triphase_model.validator.rendering.results import Seen, Sight

_LARGE_REPEAT: Final = 1_000_000
_LARGE_RANGE: Final = 10_000
_WIDTH: Final = re.compile(r"%[-+ #0]*([0-9]{5,})|\{[^{}]*:[^{}]*?([0-9]{5,})[^{}]*\}")
_ADDRESS: Final = re.compile(r"https?://[^\s'\"<>]+|\bwww\.[a-z0-9-]+\.[a-z]+", re.IGNORECASE)
# Zero-width characters, those that turn the direction of text, and the block of invisible tags.
_INVISIBLE: Final = re.compile("[\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\U000e0000-\U000e007f]")
# Words, in contrast to markers such as `</think>`, switches such as `/no_think`, and members of structured content.
_WORDS: Final = re.compile(r"[^\W\d_][\w' ]{2,}")
_SWITCH: Final = re.compile(r"think|reason", re.IGNORECASE)
_MEMBERS: Final = frozenset({"text", "parts", "blocks", "type", "image", "image_url", "video", "audio", "tool_calls"})
_LONGEST_DETAIL: Final = 120

_Look = Callable[[Any], Iterator[tuple[Seen, str]]]


def screened(tree: nodes.Template) -> list[Sight]:
    """All that is seen in a parsed template, by line."""
    sights = [
        Sight(what=what, line=node.lineno, detail=detail[:_LONGEST_DETAIL])
        for kind, look in _LOOKS
        for node in tree.find_all(kind)
        for what, detail in look(node)
    ]
    return sorted(sights, key=lambda sight: (sight.line, sight.what, sight.detail))


def _texts(node: nodes.Const | nodes.TemplateData) -> Iterator[tuple[Seen, str]]:
    text = node.data if isinstance(node, nodes.TemplateData) else node.value
    if not isinstance(text, str):
        return
    yield from ((Seen.ADDRESS, match.group()) for match in _ADDRESS.finditer(text))
    hidden = _INVISIBLE.search(text)
    if hidden:
        yield Seen.HIDDEN, f"U+{ord(hidden.group()):04X}"
    if text.startswith("__") and text.endswith("__") and len(text) > 4:
        yield Seen.INTERNALS, text
    wide = _WIDTH.search(text)
    if wide:
        yield Seen.BLOW_UP, wide.group()


def _attribute(node: nodes.Getattr) -> Iterator[tuple[Seen, str]]:
    if node.attr.startswith("__"):
        yield Seen.INTERNALS, node.attr


def _filter(node: nodes.Filter) -> Iterator[tuple[Seen, str]]:
    if node.name == "attr":
        yield Seen.INTERNALS, "the filter attr"


def _repeat(node: nodes.Mul) -> Iterator[tuple[Seen, str]]:
    for side in (node.left, node.right):
        if isinstance(side, nodes.Const) and isinstance(side.value, int) and side.value > _LARGE_REPEAT:
            yield Seen.BLOW_UP, f"times {side.value}"


def _power(node: nodes.Pow) -> Iterator[tuple[Seen, str]]:
    if isinstance(node.right, nodes.Const | nodes.Pow):
        yield Seen.BLOW_UP, "a power"


def _call(node: nodes.Call) -> Iterator[tuple[Seen, str]]:
    if not isinstance(node.node, nodes.Name):
        return
    numbers = [arg.value for arg in node.args if isinstance(arg, nodes.Const) and isinstance(arg.value, int)]
    if node.node.name == "range" and max(numbers, default=0) > _LARGE_RANGE:
        yield Seen.BLOW_UP, f"range({max(numbers)})"
    if node.node.name == "strftime_now":
        yield Seen.DATE, "strftime_now"


def _load(node: nodes.Node) -> Iterator[tuple[Seen, str]]:
    yield Seen.LOADS, type(node).__name__.lower()


def _condition(node: nodes.Compare) -> Iterator[tuple[Seen, str]]:
    """`'word' in message.content`: what a user writes decides what a model is told."""
    if not isinstance(node.expr, nodes.Const) or not isinstance(node.expr.value, str):
        return
    for operand in node.ops:
        if operand.op in ("in", "notin") and _is_content(operand.expr) and _is_trigger(node.expr.value):
            yield Seen.TRIGGER, node.expr.value


def _is_trigger(text: str) -> bool:
    return bool(_WORDS.fullmatch(text)) and text not in _MEMBERS and not _SWITCH.search(text)


def _is_content(node: nodes.Node) -> bool:
    """Whether an expression is `….content` or `…['content']`, be it filtered or a method of it called."""
    inner: Any = node
    while isinstance(inner, nodes.Filter | nodes.Call) or (
        isinstance(inner, nodes.Getattr) and inner.attr in ("lower", "upper", "strip")
    ):
        inner = inner.node
    if isinstance(inner, nodes.Getattr):
        return inner.attr == "content"
    return isinstance(inner, nodes.Getitem) and isinstance(inner.arg, nodes.Const) and inner.arg.value == "content"


_LOOKS: Final[tuple[tuple[type[nodes.Node], _Look], ...]] = (
    (nodes.TemplateData, _texts),
    (nodes.Const, _texts),
    (nodes.Getattr, _attribute),
    (nodes.Filter, _filter),
    (nodes.Mul, _repeat),
    (nodes.Pow, _power),
    (nodes.Call, _call),
    (nodes.Compare, _condition),
    (nodes.Include, _load),
    (nodes.Import, _load),
    (nodes.FromImport, _load),
    (nodes.Extends, _load),
)
