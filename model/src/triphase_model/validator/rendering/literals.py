"""The words that a template compares its variables with: `effort in ['low', 'high']` says what effort may be.

Rule: a name that is set from a variable, or loops over it, stands for it, so that words are found through `set`,
filters and methods. What is found are guesses worth trying, never proof: what a word does is seen when it is rendered.
The tree is that of `environment.py`; whoever asks is `child.py`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from jinja2 import nodes

_MOST_WORDS: Final = 24
_LONGEST_WORD: Final = 40
_MOST_ROUNDS: Final = 8


def mined(tree: nodes.Template, variables: Iterable[str]) -> dict[str, list[str | int]]:
    """For each variable the texts and whole numbers that it meets, in the order of the source."""
    assigned = [(name, node.node) for node in tree.find_all(nodes.Assign) if (name := _name(node.target))]
    assigned += [(name, node.iter) for node in tree.find_all(nodes.For) if (name := _name(node.target))]
    dictionaries = {name: value for name, value in assigned if _is_table(value)}
    met = (*_comparisons(tree, dictionaries), *_look_ups(tree, dictionaries))
    meetings = [(_names(one), other) for one, other in met]
    sources = [(name, _names(value), value) for name, value in assigned]
    found = {}
    for variable in variables:
        known = _standing_for(variable, sources)
        words = [word for names, other in meetings if names & known for word in _constants(other)]
        words += [
            word for name, names, value in sources if name in known and names & known for word in _constants(value)
        ]
        words += [
            word for name, names, value in sources if name == variable and not names for word in _constants(value)
        ]
        if words:
            found[variable] = list(dict.fromkeys(words))[:_MOST_WORDS]
    return found


def _standing_for(variable: str, sources: list[tuple[str, frozenset[str], nodes.Node]]) -> set[str]:
    """The variable, and the names that are set from it."""
    known = {variable}
    for _ in range(_MOST_ROUNDS):
        more = {name for name, names, _ in sources if names & known} - known
        if not more:
            break
        known |= more
    return known


def _comparisons(tree: nodes.Template, dictionaries: dict[str, nodes.Node]) -> Iterator[tuple[nodes.Node, nodes.Node]]:
    for node in tree.find_all(nodes.Compare):
        for operand in node.ops:
            other = dictionaries.get(_name(operand.expr), operand.expr)
            yield node.expr, other
            yield operand.expr, node.expr


def _look_ups(tree: nodes.Template, dictionaries: dict[str, nodes.Node]) -> Iterator[tuple[nodes.Node, nodes.Node]]:
    """`{'low': …}[effort]` and `levels.get(effort)`."""
    for item in tree.find_all(nodes.Getitem):
        table = dictionaries.get(_name(item.node), item.node)
        if _is_table(table):
            yield item.arg, table
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Getattr) and call.node.attr == "get" and call.args:
            table = dictionaries.get(_name(call.node.node), call.node.node)
            if _is_table(table):
                yield call.args[0], table


def _is_table(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Dict) or (isinstance(node, nodes.Const) and isinstance(node.value, dict))


def _name(node: nodes.Node) -> str:
    """What a node is called, where it is a name or a member of a namespace; empty otherwise."""
    match node:
        case nodes.Name():
            return node.name
        case nodes.NSRef():
            return f"{node.name}.{node.attr}"
        case nodes.Getattr(node=nodes.Name() as owner):
            return f"{owner.name}.{node.attr}"
        case _:
            return ""


def _names(node: nodes.Node) -> frozenset[str]:
    inner = [node, *node.find_all((nodes.Name, nodes.Getattr))]
    return frozenset(name for one in inner if (name := _name(one)))


def _constants(node: nodes.Node) -> Iterator[str | int]:
    """The texts and numbers in a node; of a dictionary only its keys."""
    if isinstance(node, nodes.Dict):
        for pair in node.items:
            yield from _constants(pair.key)
        return
    for one in (node, *node.find_all(nodes.Const)):
        if isinstance(one, nodes.Const):
            yield from _words(one.value)


def _words(value: Any) -> Iterator[str | int]:
    # A list of constants is one constant once jinja2 has looked for undeclared variables.
    for one in value if isinstance(value, list | tuple | dict) else (value,):
        if (isinstance(one, str) and 0 < len(one) <= _LONGEST_WORD) or _is_number(one):
            yield one


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
